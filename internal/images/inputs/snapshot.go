package inputs

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/tonistiigi/fsutil"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/files"
)

// Snapshot is the inputs of a build as they were hashed. A build that reads only
// its snapshot cannot put anything into the image that the tag does not cover.
type Snapshot struct {
	build      Build
	dockerfile []byte
	ignore     []byte // "" without an ignore file
	bases      []string
	refs       []string // of the bases

	root    string // of the context; "" if the target reads no files
	filter  fsutil.FilterOpt
	entries []entry
}

// ChangedError reports an input that changed after it was hashed.
type ChangedError struct {
	Input      string
	IgnoreFile string // which can exclude the input; "" if nothing can
}

func (e *ChangedError) Error() string { return e.Input + " changed during the build" }

// Bases returns the references of the base images.
func (s *Snapshot) Bases() []string { return s.refs }

// CheckBases returns a [ChangedError] if a base image was replaced. c must be a new cache.
func (s *Snapshot) CheckBases(ctx context.Context, c *LookupCache) error {
	for i, ref := range s.refs {
		base, _, err := c.baseLines(ctx, []string{ref})
		if err != nil {
			return err
		}
		if !slices.Equal(base, s.bases[i:i+1]) { // also if it is absent
			return &ChangedError{Input: "base image " + ref}
		}
	}
	return nil
}

// maxName is the length of file names that Linux allows (NAME_MAX).
const maxName = 255

// Dirs returns the build context and the Dockerfile's directory of builds that share
// both. They contain the snapshots and nothing else. If a file cannot be sent as it
// was hashed, they call fail with a [ChangedError] or the error of the read, and the
// transfer must be canceled.
func Dirs(ctx context.Context, snapshots []*Snapshot, fail func(error)) (buildContext, dockerfile fsutil.FS, err error) {
	sources, texts := newFrozenFS(fail), newFrozenFS(fail)
	for _, s := range snapshots {
		for _, e := range s.entries {
			source := frozenEntry{entry: e, path: filepath.Join(s.root, e.stat.Path), ignoreFile: s.build.ignoreFile()}
			if !sources.add(source) {
				return nil, nil, source.changed()
			}
		}
		name := filepath.Base(s.build.DockerfilePath())
		sent := map[string][]byte{name: s.dockerfile}
		if ignore := name + ".dockerignore"; len(ignore) <= maxName {
			// An ignore file of the Dockerfile's own keeps BuildKit from reading
			// another one. It may be empty, but not have length 0.
			sent[ignore] = slices.Concat(s.ignore, []byte("\n"))
		}
		for name, text := range sent {
			if !texts.add(textEntry(name, text)) {
				return nil, nil, &ChangedError{Input: filepath.Join(filepath.Dir(s.build.DockerfilePath()), name)}
			}
		}
	}
	sources.sort()
	texts.sort()
	for _, s := range snapshots {
		if err := s.check(ctx, sources); err != nil {
			return nil, nil, err
		}
	}
	return sources, texts, nil
}

// check returns an error if another build's snapshot has files that this one
// would read too. They were created between the two.
func (s *Snapshot) check(ctx context.Context, sources *frozenFS) error {
	if s.root == "" {
		return nil
	}
	stats, err := walk(ctx, sources, s.filter)
	if err != nil {
		return err
	}
	own := map[string]bool{}
	for _, e := range s.entries {
		own[e.stat.Path] = true
	}
	for _, stat := range stats {
		if !own[stat.Path] {
			return &ChangedError{Input: filepath.Join(s.root, stat.Path), IgnoreFile: s.build.ignoreFile()}
		}
	}
	return nil
}

// snapshot reads the context, but not the base images.
func (c *LookupCache) snapshot(ctx context.Context, b Build, dockerfile []byte, r reads) (*Snapshot, error) {
	ignore, err := readIgnoreFile(b)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{build: b, dockerfile: dockerfile, ignore: ignore, refs: r.bases}
	t, filter, err := c.contextOf(b, r, ignore)
	if t == nil || err != nil {
		return s, err
	}
	s.root, s.filter = b.Context, filter
	s.entries, err = t.entries(ctx, filter)
	return s, err
}

func readDockerfile(b Build) ([]byte, error) {
	text, err := files.Read(b.DockerfilePath(), files.ConfigLimit)
	if err != nil {
		return nil, fault.New(fault.Config, fmt.Errorf("read Dockerfile: %w", err), "")
	}
	return text, nil
}
