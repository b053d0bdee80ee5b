package inputs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tonistiigi/fsutil"
	"github.com/tonistiigi/fsutil/types"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// context of one image that copies everything
func wholeContext(t *testing.T, files map[string]string) Build {
	t.Helper()
	b := Build{Name: "web", Repository: "acme/web", Context: t.TempDir()}
	enginetest.WriteFiles(t, b.Context, map[string]string{"Dockerfile": copyAll})
	enginetest.WriteFiles(t, b.Context, files)
	return b
}

func identify(t *testing.T, cache *LookupCache, b Build) *Snapshot {
	t.Helper()
	id, err := cache.Identify(t.Context(), b)
	enginetest.NoError(t, err)
	return id.Inputs
}

// served reads everything in files as BuildKit does.
func served(t *testing.T, files fsutil.FS) (map[string]string, map[string]*types.Stat) {
	t.Helper()
	texts, stats := map[string]string{}, map[string]*types.Stat{}
	enginetest.NoError(t, files.Walk(t.Context(), "/", func(path string, entry fs.DirEntry, err error) error {
		info, _ := entry.Info()
		stats[path] = info.Sys().(*types.Stat)
		if !info.Mode().IsRegular() {
			return err
		}
		file, err := files.Open(path)
		if err != nil {
			return err
		}
		text, err := io.ReadAll(file)
		texts[path] = string(text)
		return err
	}))
	return texts, stats
}

func noFailure(t *testing.T) func(error) {
	t.Helper()
	return func(err error) { t.Errorf("got failure %v, want none", err) }
}

func TestDirs(t *testing.T) {
	t.Parallel()
	e := connect(t, enginetest.New(t))
	cache := func() *LookupCache { return NewLookupCache(e) }

	t.Run("refuses a file that two builds hashed with different modes", func(t *testing.T) {
		t.Parallel()
		b, c := wholeContext(t, map[string]string{"run.sh": "x"}), cache()
		first := identify(t, c, b)
		enginetest.NoError(t, os.Chmod(filepath.Join(b.Context, "run.sh"), 0o700))
		second := identify(t, c, b)
		_, _, err := Dirs(t.Context(), []*Snapshot{first, second}, noFailure(t))
		var changed *ChangedError
		if !errors.As(err, &changed) || changed.Input != filepath.Join(b.Context, "run.sh") {
			t.Errorf("got %v, want a %T for run.sh", err, changed)
		}
	})
	t.Run("serves a growing file as it was hashed", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, map[string]string{"dev.log": "one\n"})
		s := identify(t, cache(), b)
		enginetest.WriteFiles(t, b.Context, map[string]string{"dev.log": "one\ntwo\n", "new": ""})
		sources, dockerfile, err := Dirs(t.Context(), []*Snapshot{s}, noFailure(t))
		enginetest.NoError(t, err)
		got, stats := served(t, sources)
		if diff := cmp.Diff(map[string]string{"Dockerfile": copyAll, "dev.log": "one\n"}, got); diff != "" {
			t.Errorf("build context differs (-want +got):\n%s", diff)
		}
		if stats["dev.log"].Size != 4 {
			t.Errorf("got size %d, want 4", stats["dev.log"].Size)
		}
		got, _ = served(t, dockerfile)
		if diff := cmp.Diff(map[string]string{"Dockerfile": copyAll, "Dockerfile.dockerignore": "\n"}, got); diff != "" {
			t.Errorf("directory of the Dockerfile differs (-want +got):\n%s", diff)
		}
	})

	t.Run("fails for a file that was changed or removed", func(t *testing.T) {
		t.Parallel()
		for name, change := range map[string]func(path string) error{
			"changed":   func(path string) error { return os.WriteFile(path, []byte("two\n"), 0o644) },
			"truncated": func(path string) error { return os.Truncate(path, 1) },
			"removed":   os.Remove,
			"replaced":  func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
		} {
			b := wholeContext(t, map[string]string{"file": "one\n"})
			s := identify(t, cache(), b)
			path := filepath.Join(b.Context, "file")
			enginetest.NoError(t, change(path))
			var failed error
			sources, _, err := Dirs(t.Context(), []*Snapshot{s}, func(err error) { failed = err })
			enginetest.NoError(t, err)
			file, err := sources.Open("file")
			enginetest.NoError(t, err) // fsutil would send an empty file
			_, err = io.ReadAll(file)
			var changed *ChangedError
			if !errors.As(err, &changed) || changed.Input != path || changed.IgnoreFile != filepath.Join(b.Context, ".dockerignore") || !errors.Is(failed, err) {
				t.Errorf("%s: got %v and failure %v, want that %s changed", name, err, failed, path)
			}
		}
	})

	t.Run("changes the time of a file with new content, but not its seconds", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, nil)
		at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		var times []int64
		for _, text := range []string{"one", "two", "one"} {
			enginetest.WriteFiles(t, b.Context, map[string]string{"file": text})
			enginetest.NoError(t, os.Chtimes(filepath.Join(b.Context, "file"), at, at))
			sources, _, err := Dirs(t.Context(), []*Snapshot{identify(t, cache(), b)}, noFailure(t))
			enginetest.NoError(t, err)
			_, stats := served(t, sources)
			times = append(times, stats["file"].ModTime)
		}
		if times[0] == times[1] || times[0] != times[2] || times[0]/1e9 != at.Unix() || times[1]/1e9 != at.Unix() {
			t.Errorf("got times %d, want two different ones in second %d", times, at.Unix())
		}
	})

	t.Run("serves each build of a session only its own files", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, map[string]string{"a/x": "1", "b/x": "2"})
		one, two := b, b
		one.Dockerfile, two.Dockerfile = filepath.Join(b.Context, "one"), filepath.Join(b.Context, "two")
		enginetest.WriteFiles(t, b.Context, map[string]string{"one": "FROM scratch\nCOPY a /\n", "two": "FROM scratch\nCOPY b /\n"})
		shared := cache()
		snapshots := []*Snapshot{identify(t, shared, one), identify(t, shared, two)}
		sources, _, err := Dirs(t.Context(), snapshots, noFailure(t))
		enginetest.NoError(t, err)
		got, _ := served(t, sources)
		if diff := cmp.Diff(map[string]string{"a/x": "1", "b/x": "2"}, got); diff != "" {
			t.Errorf("build context differs (-want +got):\n%s", diff)
		}
	})

	t.Run("rejects a file that only a later snapshot has", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, map[string]string{"a": "1"})
		first := identify(t, cache(), b)
		enginetest.WriteFiles(t, b.Context, map[string]string{"late": "2"})
		_, _, err := Dirs(t.Context(), []*Snapshot{first, identify(t, cache(), b)}, noFailure(t))
		if want := filepath.Join(b.Context, "late") + " changed during the build"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	})

	t.Run("selects the same files as the file system", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, map[string]string{"a/b/c": "1", "a/b.d": "2", "a.b": "3", "z/y": "4", "z/x/w": "5"})
		enginetest.NoError(t, os.Symlink("../z/y", filepath.Join(b.Context, "a/link")))
		sources, _, err := Dirs(t.Context(), []*Snapshot{identify(t, cache(), b)}, noFailure(t))
		enginetest.NoError(t, err)
		live, err := fsutil.NewFS(b.Context)
		enginetest.NoError(t, err)
		for _, filter := range []fsutil.FilterOpt{
			{}, {FollowPaths: []string{"a/link"}}, {FollowPaths: []string{"*/y", "a/b"}}, {ExcludePatterns: []string{"z", "!z/x"}},
			{FollowPaths: []string{"a", "none"}, ExcludePatterns: []string{"**/c"}},
		} {
			if diff := cmp.Diff(paths(t, live, filter), paths(t, sources, filter)); diff != "" {
				t.Errorf("%+v differs (-want +got):\n%s", filter, diff)
			}
		}
	})
}

func paths(t *testing.T, files fsutil.FS, filter fsutil.FilterOpt) []string {
	t.Helper()
	stats, err := walk(t.Context(), files, filter)
	enginetest.NoError(t, err)
	var all []string
	for _, s := range stats {
		all = append(all, s.Path)
	}
	return all
}

func TestSnapshot_ignoreFile(t *testing.T) {
	t.Parallel()
	shared := filepath.Join(t.TempDir(), "shared.dockerignore")
	enginetest.NoError(t, os.WriteFile(shared, []byte(".env"), 0o644))
	for _, name := range []string{".dockerignore", "Dockerfile.dockerignore"} {
		t.Run("follows the link "+name, func(t *testing.T) {
			t.Parallel()
			b := wholeContext(t, map[string]string{".env": "A=b"})
			enginetest.NoError(t, os.Symlink("chain", filepath.Join(b.Context, name)))
			enginetest.NoError(t, os.Symlink(shared, filepath.Join(b.Context, "chain")))
			s := identify(t, NewLookupCache(connect(t, enginetest.New(t))), b)
			sources, dockerfile, err := Dirs(t.Context(), []*Snapshot{s}, noFailure(t))
			enginetest.NoError(t, err)
			if got, _ := served(t, dockerfile); got["Dockerfile.dockerignore"] != ".env\n" {
				t.Errorf("got ignore file %q, want the link's target", got["Dockerfile.dockerignore"])
			}
			if got, _ := served(t, sources); got[".env"] != "" {
				t.Error("got .env in the context")
			}
			if err := CheckContexts(t.Context(), []Build{b}); err != nil {
				t.Errorf("got %v, want no credential", err)
			}
		})
	}
	t.Run("rejects a link to nothing and a bad pattern", func(t *testing.T) {
		t.Parallel()
		nowhere, pattern := wholeContext(t, nil), wholeContext(t, map[string]string{".dockerignore": "a[\n"})
		enginetest.NoError(t, os.Symlink("nowhere", filepath.Join(nowhere.Context, ".dockerignore")))
		for _, b := range []Build{nowhere, pattern} {
			err := CheckContexts(t.Context(), []Build{b})
			if fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), filepath.Join(b.Context, ".dockerignore")) {
				t.Errorf("got %v of class %s, want the file's name", err, fault.ClassOf(err))
			}
		}
	})
}

func TestSnapshot_CheckBases(t *testing.T) {
	t.Parallel()
	f, e := baseEngine(t)
	s := identify(t, NewLookupCache(e), checkout(t))
	enginetest.NoError(t, s.CheckBases(t.Context(), NewLookupCache(e)))
	f.AddImage(t, "golang:1.26", "sha256:newer", nil, "sha256:1")
	var changed *ChangedError
	if err := s.CheckBases(t.Context(), NewLookupCache(e)); !errors.As(err, &changed) || changed.Input != "base image docker.io/library/golang:1.26" {
		t.Errorf("got %v, want a changed base image", err)
	}
}

func TestLookupCache_CheckSnapshots(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		trigger, dockerfile string
		want                string
	}{
		"COPY of a base image":       {"COPY . /www/", "FROM base:1\n", ".env is"},
		"ADD of a base image":        {"ADD . /www/", "FROM base:1\n", ".env is"},
		"COPY of one directory":      {"COPY src /www/", "FROM base:1\n", ""},
		"COPY of a stage":            {"RUN true", "FROM base:1 AS one\nONBUILD COPY . /\nFROM one\n", ".env is"},
		"COPY of an unused stage":    {"COPY . /www/", "FROM base:1 AS one\nFROM scratch\nCOPY src /\n", ""},
		"no instruction of the base": {"", "FROM base:1\nCOPY src /\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := wholeContext(t, map[string]string{"Dockerfile": test.dockerfile, ".env": "A=b", "src/a": ""})
			f := enginetest.New(t)
			f.AddImageWithTriggers(t, "base:1", "sha256:base", test.trigger)
			cache := NewLookupCache(connect(t, f))
			err := cache.CheckSnapshots(t.Context(), []*Snapshot{identify(t, cache, b)})
			if test.want == "" && err != nil || test.want != "" && (fault.ClassOf(err) != fault.Config || !strings.Contains(err.Error(), b.Context+"/"+test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestReadContent(t *testing.T) {
	t.Parallel()
	t.Run("returns no content of a socket", func(t *testing.T) {
		t.Parallel()
		b := wholeContext(t, nil)
		listener, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(shortDir(t, b.Context), "s"))
		enginetest.NoError(t, err)
		t.Cleanup(func() { _ = listener.Close() })
		s := identify(t, NewLookupCache(connect(t, enginetest.New(t))), b)
		sources, _, err := Dirs(t.Context(), []*Snapshot{s}, noFailure(t))
		enginetest.NoError(t, err)
		got, _ := served(t, sources)
		if text, found := got["s"]; !found || text != "" {
			t.Errorf("got files %q, want an empty file for the socket", got)
		}
		enginetest.NoError(t, CheckContexts(t.Context(), []Build{b}))
	})
	t.Run("stops when the context is done", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := readContent(ctx, "snapshot_test.go"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}

// shortDir links a short path to dir, because the names of sockets are limited.
func shortDir(t *testing.T, dir string) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "s")
	enginetest.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	link := filepath.Join(parent, "l")
	enginetest.NoError(t, os.Symlink(dir, link))
	return link
}

func TestDescribeAttributes(t *testing.T) {
	t.Parallel()
	got := describeAttributes(map[string][]byte{
		"security.capability": {1}, "security.selinux": []byte("x"), "system.posix_acl_access": []byte("x"), "user.note": []byte("hi"),
	})
	if want := ` "security.capability"="\x01" "user.note"="hi"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if names := strings.Fields(got); !slices.IsSorted(names) {
		t.Errorf("got %q, want sorted names", names)
	}
}
