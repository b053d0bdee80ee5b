package redact

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

const (
	// minSecret is the minimum length of a secret in bytes. Shorter values, such as
	// "true" or "5432", occur in unrelated text.
	minSecret = 5
	// minLine is the minimum length of a line of a text that is no document.
	minLine = 8
	// minRandom is the minimum length of a value in a document that is a secret
	// although its key is not named like one.
	minRandom = 12
	// maxDocument limits the size of a value that is parsed, in bytes.
	maxDocument = 1 << 20
)

var (
	secretKey = regexp.MustCompile(`(?i)passw(or)?d|passphrase|pass$|pwd$|secret|token|credential|auth|api_?-?key|(private|access|signing|encryption)[_-]?key|salt|signature|dsn$|webhook`)
	plainKey  = regexp.MustCompile(`(?i)(^|[a-z_.-])(user(name)?|login|host(name)?|port|db(name)?|database|schema|type|region|bucket|namespace|name|kind|apiversion)$`)
	// nameLike matches what may be a name of an object, an image or a host.
	nameLike = regexp.MustCompile(`^[a-z0-9]([a-z0-9._/:-]*[a-z0-9])?$`)
	// wordLike matches what may occur in prose or in a longer name.
	wordLike = regexp.MustCompile(`^([A-Z]?[a-z]{1,20}|[A-Z]{1,12}|[A-Za-z0-9_.-]{1,7})$`)
	ordinary = regexp.MustCompile(`^([0-9]{1,5}|true|false|null|enabled|disabled)$`)
	keyValue = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z0-9_.-]+)\s*[=:]\s*"?(.*?)"?\s*$`)
)

// learner collects secrets in the forms in which they are quoted.
type learner struct {
	isName  func(string) bool
	seen    map[string]bool
	secrets []string
	words   []string
}

// entry learns a value of a Secret. It is a secret unless its key says otherwise.
func (l *learner) entry(e Entry) {
	value := strings.TrimSpace(e.Value)
	leaves, isDocument := document(value)
	multiline := strings.Contains(value, "\n")
	if isDocument || multiline {
		l.forms(value)
		l.forms(e.Value)
	}
	switch {
	case isDocument:
		for _, leaf := range leaves {
			if isSecret(leaf) {
				l.value(leaf)
			}
		}
	case multiline:
		l.lines(value)
	case plainKey.MatchString(e.Key) && !secretKey.MatchString(e.Key) && nameLike.MatchString(value):
	default:
		l.value(e)
	}
}

// isSecret reports whether a setting in a document or an environment file is secret.
func isSecret(e Entry) bool {
	return secretKey.MatchString(e.Key) || isRandom(e.Value) || hasPassword(e.Value) || strings.Contains(e.Value, "PRIVATE KEY-----")
}

// value learns a single value, its lines, and the password in it, if it is a URL.
func (l *learner) value(e Entry) {
	value := strings.TrimSpace(e.Value)
	if l.isName != nil && nameLike.MatchString(value) && l.isName(value) {
		return
	}
	if u, err := url.Parse(value); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			l.forms(password)
		}
	}
	l.forms(value)
	if value != e.Value {
		l.forms(e.Value)
	}
	if strings.Contains(value, "\n") {
		l.lines(value)
	}
}

// lines learns the lines of a text that is no document: a certificate, a script, or
// settings.
func (l *learner) lines(text string) {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		m := keyValue.FindStringSubmatch(line)
		if m != nil && strings.Trim(m[2], "=") != "" { // else the padding of base64
			if setting := (Entry{m[1], m[2]}); isSecret(setting) {
				l.value(setting)
			}
			continue
		}
		if len(line) >= minLine && !strings.HasPrefix(line, "-----") {
			l.forms(line)
		}
	}
}

// forms adds every form in which value may be quoted.
func (l *learner) forms(value string) {
	quoted, _ := json.Marshal(value)
	forms := []string{
		value,
		strings.Trim(strconv.Quote(value), `"`),
		strings.Trim(string(quoted), `"`),
		base64.StdEncoding.EncodeToString([]byte(value)),
		base64.RawURLEncoding.EncodeToString([]byte(value)),
		url.QueryEscape(value),
		url.PathEscape(value),
	}
	for _, form := range forms {
		switch {
		case len(form) < minSecret || ordinary.MatchString(form) || l.seen[form]:
		case wordLike.MatchString(form):
			l.words = append(l.words, form)
		default:
			l.secrets = append(l.secrets, form)
		}
		l.seen[form] = true
	}
}

// document returns the leaves of a JSON document or of YAML documents. A scalar is no
// document, nor is a password that happens to be a mapping in YAML, such as "a: b".
func document(value string) (leaves []Entry, ok bool) {
	if len(value) > maxDocument || !strings.HasPrefix(value, "{") && !strings.HasPrefix(value, "[") && !strings.Contains(value, "\n") {
		return nil, false
	}
	documents := yaml.NewDecoder(strings.NewReader(value))
	for {
		var root yaml.Node
		err := documents.Decode(&root)
		switch {
		case errors.Is(err, io.EOF):
			return leaves, ok
		case err != nil || root.Content[0].Kind == yaml.ScalarNode && !ok:
			return nil, false
		}
		leaves, ok = leavesOf("", root.Content[0], leaves), true
	}
}

// leavesOf does not follow aliases: the anchor's leaves are learned anyway.
func leavesOf(key string, node *yaml.Node, leaves []Entry) []Entry {
	switch node.Kind {
	case yaml.ScalarNode:
		return append(leaves, Entry{key, node.Value})
	case yaml.SequenceNode:
		for _, item := range node.Content {
			leaves = leavesOf(key, item, leaves)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			leaves = leavesOf(node.Content[i].Value, node.Content[i+1], leaves)
		}
	}
	return leaves
}

// isRandom reports whether a value looks generated: one word with letters and digits.
func isRandom(value string) bool {
	if len(value) < minRandom || strings.ContainsFunc(value, unicode.IsSpace) {
		return false
	}
	return strings.ContainsFunc(value, unicode.IsDigit) && strings.ContainsFunc(value, unicode.IsLetter) && !nameLike.MatchString(value) ||
		len(value) >= 2*minRandom && !strings.ContainsAny(value, "/:. ")
}

func hasPassword(value string) bool { return maskSyntax(value) != value }
