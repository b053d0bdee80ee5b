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
)

// A Bundle is the folder of one run. Its methods may be called side by side.
type Bundle struct {
	path   string
	limits Limits
	redact func(string) string
	blind  error // why the Secrets are not known; nil if they are

	mu      sync.Mutex
	files   map[string]string // what each is, by its name
	missing map[string]string // why, by what is not there
	size    int
}

// Open makes a new folder for a command's bundle below dir, and removes the
// oldest there, so that with it there are ten at most. Nothing else in dir is touched.
func Open(dir, command string, now time.Time, limits Limits) (*Bundle, error) {
	path, err := makeFolder(dir, command, now)
	if err != nil {
		return nil, err
	}
	b := &Bundle{
		path: path, limits: limits.withDefaults(), redact: func(s string) string { return s },
		blind: errors.New("they were not asked for"),
		files: map[string]string{}, missing: map[string]string{},
	}
	if err := prune(dir); err != nil {
		b.miss("room", fmt.Errorf("remove old bundles: %w", err))
	}
	return b, nil
}

// Path is the bundle's folder.
func (b *Bundle) Path() string { return b.path }

// IndexPath is the file to read first.
func (b *Bundle) IndexPath() string { return filepath.Join(b.path, indexName) }

// Redact sets how the contents of Secrets are masked in a text. With an error
// instead, they are not known, and nothing is written that could show one. It is
// called before parts are collected.
func (b *Bundle) Redact(redact func(string) string, err error) {
	b.blind = err
	if err == nil {
		b.redact = redact
	}
}

// Text writes a file of lines. The name has slashes; what says in a line what
// the file is.
func (b *Bundle) Text(name, what, text string) error { return b.put(name, what, b.lines(text)) }

// JSON writes v as a document.
func (b *Bundle) JSON(name, what string, v any) error {
	tree, err := treeOf(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	text := &strings.Builder{}
	encoder := json.NewEncoder(text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(b.tree(tree)); err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return b.put(name, what, b.lines(text.String()))
}

// put writes a file whose text is masked.
func (b *Bundle) put(name, what, text string) error {
	path := filepath.FromSlash(name)
	if !filepath.IsLocal(path) {
		return fmt.Errorf("write %q: not a name within the bundle", name)
	}
	b.mu.Lock()
	full := b.size+len(text) > b.limits.Total
	if !full {
		b.size += len(text)
	}
	b.mu.Unlock()
	if full {
		return fmt.Errorf("left out %s: the bundle has its most of %d MiB", name, b.limits.Total>>20)
	}
	path = filepath.Join(b.path, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files[name] = what
	return nil
}

// miss notes for the index that something is not there.
func (b *Bundle) miss(what string, why error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.missing[what] = why.Error()
}
