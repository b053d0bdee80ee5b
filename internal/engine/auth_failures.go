package engine

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// helperTimeoutError reports a credential helper that waits, usually for a prompt.
type helperTimeoutError struct{ timeout time.Duration }

func (e *helperTimeoutError) Error() string { return fmt.Sprintf("no response within %s", e.timeout) }

// helperFailures records the credential helpers that failed in this run.
type helperFailures struct {
	mu      sync.Mutex
	helpers map[string]error // by helper
	hosts   map[string]error // by key of the registry
	notes   []string
}

func (f *helperFailures) add(helper, host, file string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.helpers == nil {
		f.helpers, f.hosts = map[string]error{}, map[string]error{}
	}
	failure := fmt.Errorf("credential helper docker-credential-%s of %s failed: %w", helper, file, oneLine(err))
	if f.helpers[helper] == nil {
		f.helpers[helper] = err
		f.notes = append(f.notes, fmt.Sprintf("%v; images of %s are pulled without credentials (install the helper, or remove it from the file)",
			failure, strings.TrimSuffix(strings.TrimPrefix(host, "https://index."), "/v1/")))
	}
	f.hosts[host] = failure
}

// oneLine shortens the output of a helper, which is part of the error.
func oneLine(err error) error {
	line := text.OneLine(err.Error())
	if len(line) > 300 {
		line = line[:300] + "…"
	}
	return errors.New(line)
}

// hangs reports whether the helper did not respond before.
func (f *helperFailures) hangs(helper string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var timeout *helperTimeoutError
	return errors.As(f.helpers[helper], &timeout)
}

func (f *helperFailures) of(host string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hosts[host]
}

func (f *helperFailures) takeNotes() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	notes := f.notes
	f.notes = nil
	return notes
}
