package inputs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

const (
	secretValue = "hunter2hunter2"
	pemKey      = "-----BEGIN RSA PRIVATE KEY-----\n" + secretValue + "\n-----END RSA PRIVATE KEY-----\n"
	copyAll     = "FROM scratch\nCOPY . /app\n"
)

func TestCheckContexts(t *testing.T) {
	t.Parallel()
	t.Run("detects credentials", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			file, text string
			want       string // "" for no credential
		}{
			"environment file":                  {".env", "DB_PASSWORD=" + secretValue, "an environment file"},
			"environment file in a directory":   {"api/.env.production", "export TOKEN=\"" + secretValue + "\"", "an environment file"},
			"environment file without values":   {".env", "# none\nDB_PASSWORD=\n", ""},
			"example environment file":          {".env.example", "DB_PASSWORD=changeme", ""},
			"SSH key":                           {"deploy/id_rsa", "whatever", "a private SSH key"},
			"public SSH key":                    {"deploy/id_rsa.pub", "ssh-rsa AAAA", ""},
			"key after its certificate":         {"tls/server.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n" + pemKey, "a private key"},
			"key in a file of any name":         {"notes", pemKey, "a private key"},
			"certificate":                       {"tls/ca.pem", "-----BEGIN CERTIFICATE-----\nx\n", ""},
			"source code with the key marker":   {"pem.go", "const begin = `\n-----BEGIN PRIVATE KEY-----`", ""},
			"text that mentions the key marker": {"help.txt", "starts with -----BEGIN PRIVATE KEY-----", ""},
			"npm token":                         {".npmrc", "save-exact=true\n//registry.example.com/:_authToken=" + secretValue, "an npm token"},
			"npm token from a variable":         {".npmrc", "//registry.example.com/:_authToken=${NPM_TOKEN}", ""},
			"npm config without a token":        {".npmrc", "# _authToken=x\nsave-exact=true", ""},
			"Docker config with credentials":    {".docker/config.json", `{"auths": {"r.example.com": {"auth": "` + secretValue + `"}}}`, "Docker registry credentials"},
			"Docker config with a helper":       {".docker/config.json", `{"auths": {"r.example.com": {}}, "credsStore": "pass"}`, ""},
			"old Docker config":                 {".dockercfg", `{"r.example.com": {"auth": "` + secretValue + `"}}`, "Docker registry credentials"},
			"config.json of another program":    {"config.json", `{"port": 80, "auth": {"on": true}}`, ""},
			"AWS credentials":                   {".aws/credentials", "[default]\naws_secret_access_key = " + secretValue, "AWS credentials"},
			"Google service account":            {"ci/sa.json", `{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\n` + secretValue + `"}`, "Google Cloud credentials"},
			"kubeconfig with a key":             {"k8s/admin", "apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: " + secretValue, "a kubeconfig"},
			"kubeconfig with a key file":        {"k8s/admin", "apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key: /k", ""},
			"netrc":                             {".netrc", "machine example.com login me password " + secretValue, "a machine password"},
			"git credential store":              {".git-credentials", "https://me:" + secretValue + "@example.com", "a password in a URL"},
			"Windows line endings":              {".env", "A=" + secretValue + "\r\n", "an environment file"},
			"binary file":                       {"data.bin", "\x00\x01\xff", ""},
			"empty environment file":            {".env", "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := Build{Name: "web", Context: t.TempDir()}
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll, test.file: test.text})
				err := CheckContexts(t.Context(), []Build{b})
				if test.want == "" {
					if err != nil {
						t.Errorf("got %v, want no error", err)
					}
					return
				}
				path := filepath.Join(b.Context, test.file)
				if err == nil || fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), path+" is "+test.want) {
					t.Fatalf("got %v of class %s, want %s is %s of class %s", err, fault.ClassOf(err), path, test.want, fault.Config)
				}
				if message := err.Error() + fault.HintOf(err); strings.Contains(message, secretValue) {
					t.Errorf("got %s, want no file content", message)
				}
			})
		}
	})

	t.Run("checks only files that are read", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct {
			files map[string]string
			allow []string
			want  string // part of the error; "" for none
		}{
			"file that no instruction reads":    {map[string]string{"Dockerfile": "FROM scratch\nCOPY src /app\n", "src/a": ""}, nil, ""},
			"directory copied as a whole":       {map[string]string{"Dockerfile": "FROM scratch\nCOPY src /app\n", "src/.env": "A=b"}, nil, "src/.env is"},
			"file copied by name":               {map[string]string{"Dockerfile": "FROM scratch\nCOPY .env /app/\n"}, nil, ".env is"},
			"ignored file":                      {map[string]string{".dockerignore": "**/.env\n"}, nil, ""},
			"pattern for the top level only":    {map[string]string{".dockerignore": ".env\n", "a/.env": "A=b"}, nil, "a/.env is"},
			"ignore file of the Dockerfile":     {map[string]string{".dockerignore": ".env\n", "Dockerfile.dockerignore": "x\n"}, nil, ".env is"},
			"unknown frontend":                  {map[string]string{"Dockerfile": "# syntax=acme/other:1\nFROM scratch\n"}, nil, ".env is"},
			"Dockerfile that reads no file":     {map[string]string{"Dockerfile": "FROM scratch\n"}, nil, ""},
			"allowed file":                      {nil, []string{".env"}, ""},
			"allowed directory":                 {map[string]string{".dockerignore": ".env\n", "testdata/tls/key.pem": pemKey}, []string{"testdata"}, ""},
			"directory next to an allowed one":  {map[string]string{"testdata2/key.pem": pemKey}, []string{".env", "testdata"}, "testdata2/key.pem is"},
			"file that another target reads":    {map[string]string{"Dockerfile": "FROM scratch AS all\nCOPY . /\nFROM scratch AS last\nCOPY src /\n", "src/a": ""}, nil, ""},
			"stage that the target copies from": {map[string]string{"Dockerfile": "FROM scratch AS all\nCOPY . /\nFROM scratch\nCOPY --from=all / /\n"}, nil, ".env is"},
			"missing base image":                {map[string]string{"Dockerfile": "FROM registry.example.com/a:1\nCOPY . /\n"}, nil, ".env is"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := Build{Name: "web", Context: t.TempDir()}
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll, ".env": "A=b"})
				enginetest.WriteFiles(t, b.Context, test.files)
				for _, path := range test.allow {
					b.Allow = append(b.Allow, filepath.Join(b.Context, path))
				}
				err := CheckContexts(t.Context(), []Build{b})
				if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), b.Context+"/"+test.want)) {
					t.Errorf("got %v, want %q", err, test.want)
				}
			})
		}
	})

	t.Run("names the line of an invalid ignore pattern", func(t *testing.T) {
		t.Parallel()
		for name, test := range map[string]struct{ file, text, want string }{
			"pattern":                  {".dockerignore", "\ufeff*.log\n\n# [\ndata[\n!a\n", `.dockerignore:4: "data[": syntax error in pattern`},
			"exclusion":                {".dockerignore", "!\n", `.dockerignore:1: "!": illegal exclusion pattern: "!"`},
			"ignore file of its own":   {"Dockerfile.dockerignore", "a\nb[\n", `Dockerfile.dockerignore:2: "b[": syntax error in pattern`},
			"last line without an end": {".dockerignore", "a\n  [", `.dockerignore:2: "[": syntax error in pattern`},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := Build{Name: "web", Context: t.TempDir()}
				enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll, test.file: test.text})
				err := CheckContexts(t.Context(), []Build{b})
				if want := b.Context + "/" + test.want; err == nil || !strings.Contains(err.Error(), want) || fault.ClassOf(err) != fault.Config {
					t.Errorf("got %v, want %s", err, want)
				}
			})
		}
	})

	t.Run("names each file once", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": copyAll, ".env": "A=b", "key.pem": pemKey})
		enginetest.NoError(t, os.Symlink(".env", filepath.Join(dir, "link")))
		err := CheckContexts(t.Context(), []Build{{Name: "auth", Context: dir}, {Name: "video", Context: dir}})
		if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "/.env is an environment file with values, and would be copied into auth, video") {
			t.Errorf("got %v, want each file once with both images", err)
		}
		if hint := fault.HintOf(firstOf(err)); !strings.Contains(hint, dir+"/.dockerignore") || !strings.Contains(hint, "build.allow of auth, video") {
			t.Errorf("got hint %q, want the ignore file and build.allow", hint)
		}
	})
}

func firstOf(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()[0]
	}
	return err
}
