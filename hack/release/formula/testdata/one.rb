class Tkdeploy < Formula
  desc "Build and deploy a microservice app to a kind cluster"
  homepage "https://tkdeploy.dev"
  version "0.1.0-rc.1"
  license "Apache-2.0"

  on_macos do
  end

  on_linux do
    on_intel do
      url "https://example.test/releases/download/v0.1.0-rc.1/tkdeploy_0.1.0-rc.1_linux_amd64.tar.gz"
      sha256 "0000000000000000000000000000000000000000000000000000000000000000"
    end
  end

  def install
    bin.install "tkdeploy"
    bash_completion.install "completions/tkdeploy.bash" => "tkdeploy"
    zsh_completion.install "completions/_tkdeploy"
    fish_completion.install "completions/tkdeploy.fish"
    man1.install Dir["man/*.1"]
    doc.install "THIRD-PARTY-NOTICES"
  end

  def caveats
    "tkdeploy requires Docker Engine 20.10 or later and the docker command. Check with: tkdeploy doctor"
  end

  test do
    assert_match "v#{version}", shell_output("#{bin}/tkdeploy version")
  end
end
