package redact

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestRedactor_Text(t *testing.T) {
	t.Parallel()
	r := New([]Entry{
		{"password", "hunter2-and-more"},
		{"word", "swordfish"},
		{"username", "postgres"},
		{"host", "db.shop.svc"},
		{"port", "25432"},
		{"service", "gateway"},
		{"url", "postgres://app:p4ss,w0rd@db:5432/app"},
		{"config.json", "{\n  \"apiVersion\": \"v1\",\n  \"receiver\": \"team\",\n  \"smtp\": {\"auth_password\": \"mailpass1\"}\n}"},
		{"kubeconfig", "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user:\n    token: abc.def.ghi-123\n"},
		{".env", "LOG_LEVEL=debug\nexport API_KEY=\"k3y-of-the-api\"\n"},
		{"tls.key", "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkQ3vTailOfKey==\n-----END KEY-----\n"},
		{"account.json", `{"pem": "-----BEGIN PRIVATE KEY-----\nMIIEline1\nMIIEline2==\n-----END PRIVATE KEY-----\n"}`},
		{"all.yaml", "a: b\nc: d\n---\nmail: {password: q7!second-Doc}\n"},
		{"mail.yaml", "user: app\nauth:\n  smtpPass: pass-of-mail\n"},
	}, func(s string) bool { return s == "gateway" })

	tests := map[string]struct{ text, want string }{
		"a value":                       {"got hunter2-and-more!", "got [redacted]!"},
		"a value in a longer word":      {"xhunter2-and-morex", "x[redacted]x"},
		"base64":                        {base64.StdEncoding.EncodeToString([]byte("hunter2-and-more")), "[redacted]"},
		"a word":                        {"login swordfish failed", "login [redacted] failed"},
		"a word at the end of a line":   {`"swordfish\nswordfish." swordfish`, `"[redacted]\n[redacted]." [redacted]`},
		"a word in color":               {"password: \x1b[32mswordfish\x1b[0m, \\u001b[1;32mswordfish", "password: \x1b[32m[redacted]\x1b[0m, \\u001b[1;32m[redacted]"},
		"a word in an encoded URL":      {"next=login%3Fp%3Dswordfish%26a", "next=login%3Fp%3D[redacted]%26a"},
		"a leaf of a second document":   {"q7!second-Doc", "[redacted]"},
		"no part of a longer word":      {"swordfishes, my-swordfish, swordfish.example", "swordfishes, my-swordfish, swordfish.example"},
		"no user name":                  {"service/postgres is ready", "service/postgres is ready"},
		"no host":                       {"connect to db.shop.svc:25432", "connect to db.shop.svc:25432"},
		"no name of the manifest":       {"gateway/tcp-80 passed", "gateway/tcp-80 passed"},
		"the password of a URL":         {"password p4ss,w0rd is wrong", "password [redacted] is wrong"},
		"a whole URL":                   {"dial postgres://app:p4ss,w0rd@db:5432/app: refused", "dial [redacted]: refused"},
		"a leaf of a document":          {`{"apiVersion": "v1", "p": "mailpass1"}`, `{"apiVersion": "v1", "p": "[redacted]"}`},
		"a token of a kubeconfig":       {"kind: Config, token abc.def.ghi-123", "kind: Config, token [redacted]"},
		"no settings of a document":     {"receiver: team", "receiver: team"},
		"a key of an environment file":  {"debug k3y-of-the-api", "debug [redacted]"},
		"a line of a private key":       {"-----BEGIN KEY----- MIIEvQIBADANBg", "-----BEGIN KEY----- [redacted]"},
		"the padded line of a key":      {"kQ3vTailOfKey==", "[redacted]"},
		"a line of a key in a document": {"MIIEline1, MIIEline2==", "[redacted], [redacted]"},
		"an abbreviated password":       {"app: pass-of-mail", "app: [redacted]"},
		"credentials of another URL":    {"GET https://u:s3cret@example.com/x", "GET https://u:[redacted]@example.com/x"},
		"credentials without a user":    {"redis://:s3cret@cache:6379", "redis://:[redacted]@cache:6379"},
		"no URL without credentials":    {"GET http://web:8080/a@b", "GET http://web:8080/a@b"},
		"a MySQL connection string":     {"app:pw@tcp(db:3306)/shop", "app:[redacted]@tcp(db:3306)/shop"},
		"a libpq connection string":     {"host=db password=pw user=app", "host=db password=[redacted] user=app"},
		"a flag":                        {"run --db-password=pw --v=2", "run --db-password=[redacted] --v=2"},
		"an Authorization header":       {"Authorization: Basic dTpw", "Authorization: Basic [redacted]"},
		"no prose about authentication": {"Basic authentication failed: token expired", "Basic authentication failed: token expired"},
		"a member of a JSON log":        {`{"level":"info","password":"a\"b","n":1}`, `{"level":"info","password":"[redacted]","n":1}`},
		"a JSON web token":              {"got eyJhbGciOiJIUzI1.eyJzdWIiOiIxMjM0.c2ln", "got [redacted]"},
		"bytes":                         {`core.X{Data:[]uint8{0x68, 0x75}}`, `core.X{Data:[redacted]}`},
		"a rejected Secret": {
			`Secret "s" is invalid: data: Invalid value: map[C:tru]: not allowed`,
			`Secret "s" is invalid: data: Invalid value: [redacted]: not allowed`,
		},
	}
	for name, tt := range tests {
		t.Run("masks "+name, func(t *testing.T) {
			t.Parallel()
			got := r.Text(tt.text)
			if got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			if again := r.Text(got); again != got {
				t.Errorf("got %q for masked text, want it unchanged", again)
			}
		})
	}

	t.Run("masks syntax without Secrets", func(t *testing.T) {
		t.Parallel()
		var r *Redactor
		if got, want := r.Text("http://u:p@h"), "http://u:[redacted]@h"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestTree(t *testing.T) {
	t.Parallel()
	r := New([]Entry{{"password", "hunter2"}}, nil)
	var tree any
	const document = `{"env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "MODE", "value": "hunter2"}],
		"args": ["serve", "--password", "x", "--v", "2", "--token=y"], "n": 1}`
	if err := json.Unmarshal([]byte(document), &tree); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(Tree(tree, r.Text))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"args":["serve","--password","[redacted]","--v","2","--token=[redacted]"],` +
		`"env":[{"name":"DB_PASSWORD","value":"[redacted]"},{"name":"MODE","value":"[redacted]"}],"n":1}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// generated returns a Secret value with a generated secret in it.
func generated(r *rand.Rand) (value, secret string) {
	const alphabet = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!#$%&*+,-./:;<=>?@^_|~'\"\\ é"
	letters := []rune(alphabet)
	var b strings.Builder
	for range 10 + r.IntN(30) {
		b.WriteRune(letters[r.IntN(len(letters))])
	}
	secret = "S3" + strings.TrimSpace(b.String()) + "x"
	inJSON, _ := json.Marshal(map[string]any{"user": "app", "nested": []any{map[string]any{"password": secret}}})
	inYAML, _ := yaml.Marshal(map[string]any{"smtp": map[string]any{"auth_token": secret, "host": "mail"}})
	link := url.URL{Scheme: "postgres", User: url.UserPassword("app", secret), Host: "db:5432", Path: "/app"}
	values := []string{secret, secret + "\n", string(inJSON), string(inYAML), link.String(), "# settings\nMODE=a\nDB_PASSWORD=" + secret + "\n"}
	return values[r.IntN(len(values))], secret
}

// Every form of output must hide a generated secret, and encoded documents must stay
// valid.
func TestRedactor_hidesGeneratedSecrets(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2000) {
		random := rand.New(rand.NewPCG(seed, 17))
		value, secret := generated(random)
		r := New([]Entry{{"value", value}}, nil)
		quoted, _ := json.Marshal(secret)
		for _, text := range []string{
			"login with " + secret + " failed", strconv.Quote("a\n" + secret), string(quoted), url.QueryEscape(secret),
			base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%+v", struct{ P string }{secret}), value,
		} {
			got := r.Text(text)
			for _, form := range []string{secret, url.QueryEscape(secret), base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(string(quoted), `"`)} {
				if strings.Contains(got, form) {
					t.Fatalf("seed %d: got %q from %q, want no %q", seed, got, text, form)
				}
			}
		}
		document, err := json.Marshal(Tree(map[string]any{"log": value, "list": []any{secret}}, r.Text))
		if err != nil || !json.Valid(document) || strings.Contains(string(document), strings.Trim(string(quoted), `"`)) {
			t.Fatalf("seed %d: got %s, %v, want valid JSON without the secret", seed, document, err)
		}
	}
}

func FuzzRedactor(f *testing.F) {
	f.Add("password", "hunter2-and-more", "got ")
	f.Add("config", `{"token": "abc-def-123"}`, "\n")
	f.Add("tls.key", "-----BEGIN KEY-----\nMIIEvQIBADANBg\n-----END KEY-----", "Invalid value: ")
	f.Fuzz(func(t *testing.T, key, value, around string) {
		r := New([]Entry{{key, value}}, nil)
		got := r.Text(around + " " + value + " " + around)
		trimmed := strings.TrimSpace(value)
		if len(value) < minSecret || len(trimmed) < minSecret || ordinary.MatchString(trimmed) || strings.ContainsAny(value, "[]") ||
			strings.Contains(Mask, value) || plainKey.MatchString(key) && nameLike.MatchString(trimmed) || strings.Contains(around, value) {
			return
		}
		if strings.Contains(got, value) {
			t.Errorf("got %q, want no %q", got, value)
		}
	})
}
