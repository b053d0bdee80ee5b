package supportbundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/redact"
)

// Bundle is the support bundle of one run. Its methods are safe for concurrent
// use, except SetRedactor.
type Bundle struct {
	path       string
	limits     Limits
	redact     func(string) string
	secretsErr error // why Secrets cannot be redacted; nil if they can

	mu      sync.Mutex
	files   map[string]string // file name to description
	missing map[string]string // missing part to reason
	sizes   map[string]int    // file name to bytes
	size    int               // of all files
}

// Open creates a directory in dir for the bundle of a command. It keeps the ten
// newest bundles in dir and touches nothing else.
func Open(dir, command string, now time.Time, limits Limits) (*Bundle, error) {
	path, err := createDirectory(dir, command, now)
	if err != nil {
		return nil, err
	}
	b := &Bundle{
		path: path, limits: limits.withDefaults(), redact: (*redact.Redactor)(nil).Text,
		secretsErr: errors.New("no Secrets read"),
		files:      map[string]string{}, missing: map[string]string{}, sizes: map[string]int{},
	}
	if err := prune(dir); err != nil {
		b.addMissing("cleanup", fmt.Errorf("remove old bundles: %w", err))
	}
	return b, nil
}

// Path returns the bundle's directory.
func (b *Bundle) Path() string { return b.path }

// SetRedactor sets the function that redacts the contents of Secrets. If err is not
// nil, raw collectors are skipped. Call it before Collect.
func (b *Bundle) SetRedactor(mask func(string) string, err error) {
	b.secretsErr = err
	if err == nil {
		b.redact = mask
	}
}

// Text writes a text file. The name uses slashes. The description is a line of the
// index.
func (b *Bundle) Text(name, description, content string) error {
	return b.write(name, description, b.redactLines(content))
}

// JSON writes v as an indented JSON document.
func (b *Bundle) JSON(name, description string, v any) error {
	tree, err := treeOf(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	text := &strings.Builder{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(redact.Tree(tree, b.redact)); err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return b.write(name, description, text.String())
}

// JSONDocuments writes text that consists of JSON documents. Masked, they stay valid.
func (b *Bundle) JSONDocuments(name, description, text string) error {
	return b.write(name, description, jsonString.ReplaceAllStringFunc(text, b.redactJSONString))
}

func (b *Bundle) write(name, description, content string) error {
	path := filepath.FromSlash(name)
	if !filepath.IsLocal(path) {
		return fmt.Errorf("write %q: not a path inside the bundle", name)
	}
	if !b.reserve(name, len(content)) {
		return fmt.Errorf("write %s: bundle has reached its limit of %d MiB", name, b.limits.TotalBytes>>20)
	}
	path = filepath.Join(b.path, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil { //nolint:forbidigo // Open has created the directory
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[name] = description
	return nil
}

// reserve counts a file that is written again only once.
func (b *Bundle) reserve(name string, n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.size-b.sizes[name]+n > b.limits.TotalBytes {
		return false
	}
	b.size += n - b.sizes[name]
	b.sizes[name] = n
	return true
}

func (b *Bundle) addMissing(part string, reason error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing[part] = reason.Error()
}
