package inputs

import (
	"bytes"
	"encoding/json"
	"path"
	"regexp"
	"slices"
	"strings"
)

// A credentialKind is one sort of file that has no business in an image. The
// list is short on purpose: files that are credentials as a whole, told by their
// name and the start of their content. Secrets within source code are the work
// of a scanner of its own, such as gitleaks, which would be larger than tkdeploy.
type credentialKind struct {
	what  string
	name  func(name string) bool // of the path in the context, with slashes
	holds func(head []byte) bool // nil: the name is enough
}

var credentialKinds = []credentialKind{
	{"an environment file with values", environmentFile, matches(`(?m)^\s*(export\s+)?[A-Za-z_]\w*\s*=\s*["']?[^\s"'#]`)},
	{"a private SSH key", named("id_rsa", "id_dsa", "id_ecdsa", "id_ed25519"), nil},
	{"a private key", anyName, matches(`(?m)^-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----`)},
	{"an npm token", named(".npmrc", ".yarnrc", ".yarnrc.yml"), matches(`(?m)^[^#;\n]*(_authToken|_auth|_password|npmAuthToken)["']?\s*[=:]\s*["']?[^\s"'$]`)},
	{"registry credentials of Docker", named("config.json", ".dockerconfigjson", ".dockercfg"), dockerAuths},
	{"credentials of AWS", named("credentials", "config", ".boto", ".s3cfg"), matches(`(?mi)^\s*(aws_secret_access_key|secret_key)\s*=\s*\S`)},
	{"credentials of Google Cloud", extension(".json"), all(`"(private_key|refresh_token)"\s*:\s*"[^"]`, `"type"\s*:\s*"(service_account|authorized_user)"`)},
	{"a kubeconfig with a user's key", anyName, all(`(?m)^\s*-?\s*client-key-data:\s*\S`, `(?m)^kind:\s*["']?Config`)},
	{"a password of a machine", named(".netrc", "_netrc"), matches(`(?m)\bpassword\s+\S`)},
	{"a password of a package index", named(".pypirc"), matches(`(?m)^\s*password\s*[=:]\s*\S`)},
	{"a password in an address", named(".git-credentials", ".git/config"), matches(`://[^/\s:@]+:[^/\s@]+@`)},
}

// credentialIn says what credential a file is, or "". head is the start of its
// content.
func credentialIn(name string, head []byte) string {
	for _, kind := range credentialKinds {
		if kind.name(name) && (kind.holds == nil || kind.holds(head)) {
			return kind.what
		}
	}
	return ""
}

// sourceExtensions are of files that are never a credential as a whole, and
// are most of what there is: their heads are not read.
var sourceExtensions = []string{
	".c", ".cc", ".cpp", ".cs", ".css", ".go", ".h", ".html", ".java", ".js", ".jsx", ".kt", ".md", ".mjs", ".mod", ".php",
	".proto", ".py", ".rb", ".rs", ".scss", ".sql", ".sum", ".svg", ".tmpl", ".ts", ".tsx", ".vue",
	".gif", ".ico", ".jpeg", ".jpg", ".mp3", ".mp4", ".png", ".ttf", ".webp", ".woff", ".woff2",
}

func plainSource(name string) bool {
	return slices.Contains(sourceExtensions, strings.ToLower(path.Ext(name))) && !environmentFile(name)
}

// exampleEndings are of environment files that show which variables there are.
var exampleEndings = []string{".example", ".sample", ".template", ".dist", ".defaults"}

func environmentFile(name string) bool {
	base := path.Base(name)
	return (base == ".env" || strings.HasPrefix(base, ".env.")) && !slices.Contains(exampleEndings, path.Ext(base))
}

func anyName(string) bool { return true }

// named tells files by their last elements.
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

// dockerAuths tells a Docker config with credentials from one that names only a
// credential helper. The older .dockercfg has the registries at its top.
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
