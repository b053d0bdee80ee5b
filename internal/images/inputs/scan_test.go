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
	secretWord = "hunter2hunter2"
	pemKey     = "-----BEGIN RSA PRIVATE KEY-----\n" + secretWord + "\n-----END RSA PRIVATE KEY-----\n"
	copyAll    = "FROM scratch\nCOPY . /app\n"
)

func TestCheckContextsNamesCredentials(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		file, text string
		want       string // "" if it is none
	}{
		"an environment file":                    {".env", "DB_PASSWORD=" + secretWord, "an environment file"},
		"one of a folder, for production":        {"api/.env.production", "export TOKEN=\"" + secretWord + "\"", "an environment file"},
		"one with names only":                    {".env", "# none\nDB_PASSWORD=\n", ""},
		"an example":                             {".env.example", "DB_PASSWORD=changeme", ""},
		"an SSH key":                             {"deploy/id_rsa", "whatever", "a private SSH key"},
		"its public half":                        {"deploy/id_rsa.pub", "ssh-rsa AAAA", ""},
		"a key after its certificate":            {"tls/server.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n" + pemKey, "a private key"},
		"a key in a file of any name":            {"notes", pemKey, "a private key"},
		"a certificate":                          {"tls/ca.pem", "-----BEGIN CERTIFICATE-----\nx\n", ""},
		"source code that knows the marker":      {"pem.go", "const begin = `\n-----BEGIN PRIVATE KEY-----`", ""},
		"a text that mentions the marker":        {"help.txt", "starts with -----BEGIN PRIVATE KEY-----", ""},
		"an npm token":                           {".npmrc", "save-exact=true\n//registry.example.com/:_authToken=" + secretWord, "an npm token"},
		"an npm token from a variable":           {".npmrc", "//registry.example.com/:_authToken=${NPM_TOKEN}", ""},
		"an npm config without a token":          {".npmrc", "# _authToken=x\nsave-exact=true", ""},
		"a Docker config with credentials":       {".docker/config.json", `{"auths": {"r.example.com": {"auth": "` + secretWord + `"}}}`, "registry credentials"},
		"a Docker config with a helper":          {".docker/config.json", `{"auths": {"r.example.com": {}}, "credsStore": "pass"}`, ""},
		"an old Docker config":                   {".dockercfg", `{"r.example.com": {"auth": "` + secretWord + `"}}`, "registry credentials"},
		"another program's config.json":          {"config.json", `{"port": 80, "auth": {"on": true}}`, ""},
		"credentials of AWS":                     {".aws/credentials", "[default]\naws_secret_access_key = " + secretWord, "credentials of AWS"},
		"a service account of Google":            {"ci/sa.json", `{"type": "service_account", "private_key": "-----BEGIN PRIVATE KEY-----\n` + secretWord + `"}`, "credentials of Google Cloud"},
		"a kubeconfig":                           {"k8s/admin", "apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key-data: " + secretWord, "a kubeconfig"},
		"a kubeconfig whose key is elsewhere":    {"k8s/admin", "apiVersion: v1\nkind: Config\nusers:\n- user:\n    client-key: /k", ""},
		"a netrc":                                {".netrc", "machine example.com login me password " + secretWord, "a password of a machine"},
		"git's stored passwords":                 {".git-credentials", "https://me:" + secretWord + "@example.com", "a password in an address"},
		"a Windows line end after an assignment": {".env", "A=" + secretWord + "\r\n", "an environment file"},
		"a file that is not text":                {"data.bin", "\x00\x01\xff", ""},
		"an empty file":                          {".env", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := Build{Name: "web", Context: t.TempDir()}
			enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll, test.file: test.text})
			err := CheckContexts(t.Context(), []Build{b})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			path := filepath.Join(b.Context, test.file)
			if err == nil || fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), path+" is "+test.want) {
				t.Fatalf("got %v of class %s, want %s is %s", err, fault.ClassOf(err), path, test.want)
			}
			if said := err.Error() + fault.HintOf(err); strings.Contains(said, secretWord) {
				t.Errorf("content is told: %s", said)
			}
		})
	}
}

func TestCheckContextsMindsWhatIsRead(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		allow []string
		want  string // part of the error, "" for none
	}{
		"a file that no instruction reads":             {map[string]string{"Dockerfile": "FROM scratch\nCOPY src /app\n", "src/a": ""}, nil, ""},
		"a folder that is read whole":                  {map[string]string{"Dockerfile": "FROM scratch\nCOPY src /app\n", "src/.env": "A=b"}, nil, "src/.env is"},
		"a file that is named by itself":               {map[string]string{"Dockerfile": "FROM scratch\nCOPY .env /app/\n"}, nil, ".env is"},
		"an ignored file":                              {map[string]string{".dockerignore": "**/.env\n"}, nil, ""},
		"a pattern that matches only at the top":       {map[string]string{".dockerignore": ".env\n", "a/.env": "A=b"}, nil, "a/.env is"},
		"the Dockerfile's own ignore file, which wins": {map[string]string{".dockerignore": ".env\n", "Dockerfile.dockerignore": "x\n"}, nil, ".env is"},
		"a frontend that may read anything":            {map[string]string{"Dockerfile": "# syntax=acme/other:1\nFROM scratch\n"}, nil, ".env is"},
		"a Dockerfile that reads nothing":              {map[string]string{"Dockerfile": "FROM scratch\n"}, nil, ""},
		"an allowed file":                              {nil, []string{".env"}, ""},
		"an allowed folder":                            {map[string]string{".dockerignore": ".env\n", "testdata/tls/key.pem": pemKey}, []string{"testdata"}, ""},
		"a neighbour of what is allowed":               {map[string]string{"testdata2/key.pem": pemKey}, []string{".env", "testdata"}, "testdata2/key.pem is"},
		"a target that does not read it":               {map[string]string{"Dockerfile": "FROM scratch AS all\nCOPY . /\nFROM scratch AS last\nCOPY src /\n", "src/a": ""}, nil, ""},
		"a stage that the target takes its files from": {map[string]string{"Dockerfile": "FROM scratch AS all\nCOPY . /\nFROM scratch\nCOPY --from=all / /\n"}, nil, ".env is"},
		"a base image that is not here is no obstacle": {map[string]string{"Dockerfile": "FROM registry.example.com/a:1\nCOPY . /\n"}, nil, ".env is"},
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
}

func TestCheckContextsTellsEachFileOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	enginetest.WriteFiles(t, dir, map[string]string{"Dockerfile": copyAll, ".env": "A=b", "key.pem": pemKey})
	if err := os.Symlink(".env", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	err := CheckContexts(t.Context(), []Build{{Name: "auth", Context: dir}, {Name: "video", Context: dir}})
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "/.env is an environment file with values, and would be copied into auth, video") {
		t.Errorf("got %v", err)
	}
	if hint := fault.HintOf(unjoined(err)); !strings.Contains(hint, dir+"/.dockerignore") || !strings.Contains(hint, "build.allow of auth, video") {
		t.Errorf("hint %q", hint)
	}
}

// unjoined is the first of joined errors.
func unjoined(err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()[0]
	}
	return err
}
