package install

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// program is the tkdeploy of the test archives.
const program = "#!/bin/sh\necho \"tkdeploy v0.1.0 $1\"\n"

// release is a server with release v0.1.0, which is the latest.
type release struct {
	*httptest.Server
	files    map[string][]byte
	requests []string
	hanging  chan struct{} // if set, receives when an archive is half sent
}

func newRelease(t *testing.T, content string, platforms ...string) *release {
	t.Helper()
	r := &release{files: make(map[string][]byte)}
	var checksums strings.Builder
	for _, platform := range platforms {
		name := "tkdeploy_0.1.0_" + platform + ".tar.gz"
		r.files[name] = archive(t, content)
		fmt.Fprintf(&checksums, "%x  %s\n", sha256.Sum256(r.files[name]), name)
	}
	fmt.Fprintf(&checksums, "%064x  tkdeploy_0.1.0_%s.deb\n", 0, "linux_amd64")
	r.files["checksums.txt"] = []byte(checksums.String())
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *release) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.requests = append(r.requests, request.URL.Path)
	dir, name := filepath.Split(request.URL.Path)
	content, ok := r.files[name]
	if !ok || (dir != "/latest/download/" && dir != "/download/v0.1.0/") || (dir == "/latest/download/" && name != "checksums.txt") {
		http.NotFound(w, request)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	if r.hanging != nil && name != "checksums.txt" {
		_, _ = w.Write(content[:len(content)/2])
		_ = http.NewResponseController(w).Flush()
		r.hanging <- struct{}{}
		<-request.Context().Done()
		return
	}
	_, _ = w.Write(content)
}

func archive(t *testing.T, program string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	for name, content := range map[string]string{"tkdeploy": program, "LICENSE": "text", "man/tkdeploy.1": ".TH"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// machine is a home directory, and a PATH with a few commands.
type machine struct {
	home, path, uname string
	env               []string
}

// newMachine returns a machine with the commands that install.sh needs everywhere, and
// tools.
func newMachine(t *testing.T, uname string, tools ...string) machine {
	t.Helper()
	m := machine{home: filepath.Join(t.TempDir(), "a home"), path: t.TempDir(), uname: uname}
	if err := os.Mkdir(m.home, 0o755); err != nil {
		t.Fatal(err)
	}
	m.link(t, "uname", "testdata/uname")
	for _, tool := range append(tools, "sh", "mkdir", "mktemp", "sed", "cut", "tar", "gzip", "chmod", "mv", "rm") {
		if tool == "shasum" {
			m.link(t, tool, "testdata/shasum")
			continue
		}
		path, err := exec.LookPath(tool)
		if err != nil {
			t.Skipf("%s not found", tool)
		}
		m.link(t, tool, path)
	}
	return m
}

// link makes a link, because executing a file that this process has written fails
// with ETXTBSY while a process forked by a parallel test still has it open.
func (m machine) link(t *testing.T, name, target string) {
	t.Helper()
	target, err := filepath.Abs(target)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, filepath.Join(m.path, name)); err != nil {
		t.Fatal(err)
	}
}

func (m machine) bin() string { return filepath.Join(m.home, ".local", "bin") }

// command returns install.sh for this machine, in a process group of its own.
func (m machine) command(t *testing.T, releases string, args ...string) *exec.Cmd {
	t.Helper()
	script, err := filepath.Abs("../../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(script); err != nil { // an input for Go's test cache
		t.Fatal(err)
	}
	sum, _ := exec.LookPath("sha256sum")
	cmd := exec.CommandContext(t.Context(), "/bin/sh", append([]string{script}, args...)...)
	cmd.Dir = m.home
	cmd.Env = append([]string{"PATH=" + m.path, "HOME=" + m.home, "FAKE_UNAME=" + m.uname, "REAL_SHA256SUM=" + sum, "TKDEPLOY_RELEASES=" + releases}, m.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// files returns the names of the files in dir, also hidden ones.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestInstall(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uname string
		tools, args []string
		want        string // platform of the archive
	}{
		{name: "with curl", uname: "Linux x86_64", tools: []string{"curl", "sha256sum"}, want: "linux_amd64"},
		{name: "with wget", uname: "Linux x86_64", tools: []string{"wget", "sha256sum"}, want: "linux_amd64"},
		{name: "linux on arm64", uname: "Linux aarch64", tools: []string{"curl", "sha256sum"}, want: "linux_arm64"},
		{name: "macOS on arm64", uname: "Darwin arm64", tools: []string{"curl", "shasum"}, want: "darwin_arm64"},
		{name: "macOS on amd64", uname: "Darwin x86_64", tools: []string{"curl", "shasum"}, want: "darwin_amd64"},
		{name: "a given version", uname: "Linux x86_64", tools: []string{"curl", "sha256sum"}, args: []string{"--version", "v0.1.0"}, want: "linux_amd64"},
		{name: "a given version without v", uname: "Linux x86_64", tools: []string{"curl", "sha256sum"}, args: []string{"--version", "0.1.0"}, want: "linux_amd64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t, program, "linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
			m := newMachine(t, test.uname, test.tools...)
			output, err := m.command(t, r.URL, test.args...).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			if diff := cmp.Diff([]string{"tkdeploy"}, files(t, m.bin())); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if got, want := r.requests[len(r.requests)-1], "/download/v0.1.0/tkdeploy_0.1.0_"+test.want+".tar.gz"; got != want {
				t.Errorf("got archive %s, want %s", got, want)
			}
			if want := "Installed " + m.bin() + "/tkdeploy: tkdeploy v0.1.0 version\n"; !strings.Contains(string(output), want) {
				t.Errorf("got %q, want %q", output, want)
			}
			info, err := os.Stat(filepath.Join(m.bin(), "tkdeploy"))
			if err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("got mode %v (%v), want 0755", info.Mode(), err)
			}
		})
	}
}

// TestInstall_failures checks that a failed install leaves the installed tkdeploy and
// nothing else.
func TestInstall_failures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, uname string
		without     string
		args        []string
		content     string
		change      func(*release)
		want        string
	}{
		{name: "wrong checksum", change: func(r *release) {
			r.files["tkdeploy_0.1.0_linux_amd64.tar.gz"] = append(r.files["tkdeploy_0.1.0_linux_amd64.tar.gz"], 0)
		}, want: "tkdeploy_0.1.0_linux_amd64.tar.gz has the checksum"},
		{name: "empty archive", change: func(r *release) { r.files["tkdeploy_0.1.0_linux_amd64.tar.gz"] = nil }, want: "has the checksum"},
		{name: "archive missing", change: func(r *release) { delete(r.files, "tkdeploy_0.1.0_linux_amd64.tar.gz") }, want: "download "},
		{name: "no release", change: func(r *release) { clear(r.files) }, want: "/latest/download/checksums.txt failed"},
		{name: "unknown version", args: []string{"--version", "v9.9.9"}, want: "/download/v9.9.9/checksums.txt failed"},
		{name: "connection closed", change: (*release).Close, want: "checksums.txt failed"},
		{name: "a page instead of checksums", change: func(r *release) { r.files["checksums.txt"] = []byte("<html>log in</html>") }, want: "the release has no archive for linux_amd64"},
		{name: "a path in the checksums", change: func(r *release) {
			r.files["checksums.txt"] = fmt.Appendf(nil, "%064x  tkdeploy_../../x_linux_amd64.tar.gz\n", 0)
		}, want: "unexpected name of the archive"},
		{name: "other machine", uname: "Linux riscv64", want: "the release has no archive for linux_riscv64"},
		{name: "other system", uname: "FreeBSD amd64", want: "the release has no archive for FreeBSD_amd64"},
		{name: "binary for another machine", content: "#!/bin/sh\nexit 126\n", want: "does not run on this machine"},
		{name: "neither curl nor wget", without: "curl", want: "neither curl nor wget found"},
		{name: "no checksum tool", without: "sha256sum", want: "neither sha256sum nor shasum found"},
		{name: "unknown argument", args: []string{"--prefix"}, want: "unknown argument --prefix"},
		{name: "argument without value", args: []string{"--dir"}, want: "--dir needs a value"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.uname == "" {
				test.uname = "Linux x86_64"
			}
			if test.content == "" {
				test.content = program
			}
			tools := slices.DeleteFunc([]string{"curl", "sha256sum"}, func(tool string) bool { return tool == test.without })
			r, m := newRelease(t, test.content, "linux_amd64"), newMachine(t, test.uname, tools...)
			installed := m.installed(t)
			if test.change != nil {
				test.change(r)
			}
			output, err := m.command(t, r.URL, test.args...).CombinedOutput()
			if err == nil {
				t.Errorf("got exit code 0, want an error")
			}
			if !strings.Contains(string(output), test.want) {
				t.Errorf("got %q, want %q", output, test.want)
			}
			m.checkUnchanged(t, installed)
		})
	}
}

// installed puts an older tkdeploy into bin and returns it.
func (m machine) installed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(m.bin(), "tkdeploy")
	if err := os.MkdirAll(m.bin(), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("older"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func (m machine) checkUnchanged(t *testing.T, path string) {
	t.Helper()
	if diff := cmp.Diff([]string{"tkdeploy"}, files(t, m.bin())); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	content, err := os.ReadFile(path)
	if err != nil || string(content) != "older" {
		t.Errorf("got tkdeploy %q (%v), want the older one", content, err)
	}
}

func TestInstall_interrupted(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"curl", "wget"} {
		t.Run("connection lost with "+tool, func(t *testing.T) {
			t.Parallel()
			r, m := newRelease(t, program, "linux_amd64"), newMachine(t, "Linux x86_64", tool, "sha256sum")
			r.hanging = make(chan struct{})
			go func() {
				for range r.hanging { // wget retries
					r.CloseClientConnections()
				}
			}()
			installed := m.installed(t)
			output, err := m.command(t, r.URL).CombinedOutput()
			if err == nil {
				t.Errorf("got exit code 0, want an error: %s", output)
			}
			m.checkUnchanged(t, installed)
		})
	}
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			r, m := newRelease(t, program, "linux_amd64"), newMachine(t, "Linux x86_64", "curl", "sha256sum")
			r.hanging = make(chan struct{})
			installed := m.installed(t)
			cmd := m.command(t, r.URL)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-r.hanging
			if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got, want := cmd.ProcessState.ExitCode(), 128+int(signal); got != want {
				t.Errorf("got exit code %d, want %d", got, want)
			}
			m.checkUnchanged(t, installed)
		})
	}
}

// TestInstall_truncated runs every prefix of the script that ends with a line, as
// `curl … | sh` does after a lost connection.
func TestInstall_truncated(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(string(script), "\n"), "\n")
	for n := 1; n < len(lines); n += 7 {
		r, m := newRelease(t, program, "linux_amd64"), newMachine(t, "Linux x86_64", "curl", "sha256sum")
		cmd := m.command(t, r.URL)
		cmd.Args = []string{"/bin/sh"}
		cmd.Stdin = strings.NewReader(strings.Join(lines[:n], ""))
		_ = cmd.Run()
		if got := files(t, m.home); got != nil || r.requests != nil {
			t.Errorf("%d lines: got files %v and requests %v, want none", n, got, r.requests)
		}
	}
}

func TestInstall_path(t *testing.T) {
	t.Parallel()
	const bash = `echo 'export PATH="%s:$PATH"' >> ~/.bashrc`
	tests := []struct {
		name, shell string
		inPath      bool
		other       bool // another tkdeploy precedes it in PATH
		want        string
	}{
		{"is silent if the directory is in PATH", "/bin/bash", true, false, ""},
		{"names the line for bash", "/bin/bash", false, false, "%s is not in PATH. Add it in your shell's startup file:\n  " + bash + "\n"},
		{"names the line for fish", "/usr/bin/fish", false, false, "%s is not in PATH. Add it in your shell's startup file:\n  fish_add_path %s\n"},
		{"warns of another tkdeploy", "/bin/bash", true, true, "Note: %s/tkdeploy precedes it in PATH.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r, m := newRelease(t, program, "linux_amd64"), newMachine(t, "Linux x86_64", "curl", "sha256sum")
			dir := filepath.Join(m.home, "bin")
			shown := dir
			m.env = []string{"SHELL=" + test.shell}
			if test.other {
				m.link(t, "tkdeploy", "testdata/uname")
				shown = m.path
			}
			if test.inPath {
				m.path += ":" + dir
			}
			output, err := m.command(t, r.URL, "--dir", "bin").Output()
			if err != nil {
				t.Fatal(err)
			}
			_, got, _ := strings.Cut(string(output), "Installed "+dir+"/tkdeploy: tkdeploy v0.1.0 version\n")
			if want := strings.ReplaceAll(test.want, "%s", shown); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestInstall_pipe(t *testing.T) {
	t.Parallel()
	r, m := newRelease(t, program, "linux_amd64"), newMachine(t, "Linux x86_64", "curl", "sha256sum")
	script, err := os.Open("../../install.sh")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	cmd := m.command(t, r.URL)
	cmd.Args, cmd.Stdin = []string{"/bin/sh", "-s", "--", "--dir", "tools"}, script
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if diff := cmp.Diff([]string{"tkdeploy"}, files(t, filepath.Join(m.home, "tools"))); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}
