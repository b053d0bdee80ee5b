package inputs

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// credentialKind is a kind of file that must not be in an image. The list
// covers only files that are credentials as a whole. Secrets in source code
// need a scanner such as gitleaks, which is larger than tkdeploy.
type credentialKind struct {
	kind      string
	matchName func(name string) bool // slash-separated path
	matchHead func(head []byte) bool // nil matches any content
}

var credentialKinds = []credentialKind{
	{"an environment file with values", environmentFile, matches(`(?m)^\s*(export\s+)?[A-Za-z_]\w*\s*=\s*["']?[^\s"'#]`)},
	{"a private SSH key", named("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"), nil},
	{"a private key", anyName, matches(`(?m)^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`)},
	{"an npm token", named(".npmrc", ".yarnrc", ".yarnrc.yml"), matches(`(?m)^[^#;\n]*(_authToken|_auth|_password|npmAuthToken)["']?\s*[=:]\s*["']?[^\s"'$]`)},
	{"Docker registry credentials", named("config.json", ".dockerconfigjson", ".dockercfg"), dockerAuths},
	{"AWS credentials", named("credentials", "config", ".boto", ".s3cfg"), matches(`(?mi)^\s*(aws_secret_access_key|secret_key)\s*=\s*\S`)},
	{"Google Cloud credentials", extension(".json"), all(`"(private_key|refresh_token)"\s*:\s*"[^"]`, `"type"\s*:\s*"(service_account|authorized_user)"`)},
	{"a kubeconfig with a user's key", anyName, all(`(?m)^\s*-?\s*client-key-data:\s*\S`, `(?m)^kind:\s*["']?Config`)},
	{"a machine password", named(".netrc", "_netrc"), matches(`(?m)\bpassword\s+\S`)},
	{"a package index password", named(".pypirc"), matches(`(?m)^\s*password\s*[=:]\s*\S`)},
	{"a password in a URL", named(".git-credentials", ".git/config"), matches(`://[^/\s:@]+:[^/\s@]+@`)},
}

func credentialIn(name string, head []byte) string {
	for _, k := range credentialKinds {
		if k.matchName(name) && (k.matchHead == nil || k.matchHead(head)) {
			return k.kind
		}
	}
	return ""
}

// sourceExtensions mark files that are never credentials. They are not read.
var sourceExtensions = []string{
	".c", ".cc", ".cpp", ".cs", ".css", ".go", ".h", ".html", ".java", ".js", ".jsx", ".kt", ".md", ".mjs", ".mod", ".php",
	".proto", ".py", ".rb", ".rs", ".scss", ".sql", ".sum", ".svg", ".tmpl", ".ts", ".tsx", ".vue",
	".gif", ".ico", ".jpeg", ".jpg", ".mp3", ".mp4", ".png", ".ttf", ".webp", ".woff", ".woff2",
}

func plainSource(name string) bool {
	return slices.Contains(sourceExtensions, strings.ToLower(path.Ext(name))) && !environmentFile(name)
}

// exampleEndings mark environment files without values.
var exampleEndings = []string{".example", ".sample", ".template", ".dist", ".defaults"}

func environmentFile(name string) bool {
	base := path.Base(name)
	return (base == ".env" || strings.HasPrefix(base, ".env.")) && !slices.Contains(exampleEndings, path.Ext(base))
}

func anyName(string) bool { return true }

func named(names ...string) func(string) bool {
	return func(name string) bool {
		return slices.ContainsFunc(names, func(end string) bool { return name == end || strings.HasSuffix(name, "/"+end) })
	}
}

func extension(ext string) func(string) bool {
	return func(name string) bool { return path.Ext(name) == ext }
}

func matches(expression string) func([]byte) bool { return regexp.MustCompile(expression).Match }

func all(expressions ...string) func([]byte) bool {
	var compiled []*regexp.Regexp
	for _, e := range expressions {
		compiled = append(compiled, regexp.MustCompile(e))
	}
	return func(head []byte) bool {
		return !slices.ContainsFunc(compiled, func(e *regexp.Regexp) bool { return !e.Match(head) })
	}
}

// dockerAuths also accepts the older .dockercfg, which has no "auths" level.
func dockerAuths(head []byte) bool {
	var config struct {
		Auths map[string]struct{ Auth, IdentityToken, Password string }
	}
	if json.NewDecoder(bytes.NewReader(head)).Decode(&config) != nil {
		return false
	}
	for _, a := range config.Auths {
		if a.Auth+a.IdentityToken+a.Password != "" {
			return true
		}
	}
	var old map[string]struct{ Auth string }
	if json.Unmarshal(head, &old) != nil {
		return false
	}
	for _, a := range old {
		if a.Auth != "" {
			return true
		}
	}
	return false
}
