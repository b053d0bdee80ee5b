package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

func sharedLock(path, command string) *Shared {
	return NewShared(path, "cluster shop-dev", Self(command))
}

func wantHeld(t *testing.T, err error, by string) {
	t.Helper()
	var held *HeldError
	if want := "cluster shop-dev is locked by another run: " + by; !errors.As(err, &held) || fault.ClassOf(err) != fault.Locked || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v of class %q, want %s", err, fault.ClassOf(err), want)
	}
}

func wantExclusive(t *testing.T, path, command string) {
	t.Helper()
	if got, ok := ExclusiveHolder(path); ok != (command != "") || ok && got.Command != command {
		t.Errorf("got exclusive holder %v, %t, want %q", got, ok, command)
	}
}

func TestShared(t *testing.T) {
	t.Parallel()
	t.Run("admits many runs in shared mode and names one to a run that needs it alone", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		first, second, down := sharedLock(path, "tkdeploy up"), sharedLock(path, "tkdeploy verify"), sharedLock(path, "tkdeploy down")
		if err := errors.Join(first.TryShared(), second.TryShared()); err != nil {
			t.Fatal(err)
		}
		wantExclusive(t, path, "")
		wantHeld(t, down.TryExclusive(), "tkdeploy verify of ")
		second.Release()
		wantHeld(t, down.TryExclusive(), "tkdeploy ") // the file has the ended run, too
		first.Release()
		if err := down.TryExclusive(); err != nil {
			t.Fatal(err)
		}
		wantExclusive(t, path, "tkdeploy down")
		wantHeld(t, first.TryShared(), "tkdeploy down of ")
		wantHeld(t, second.TryExclusive(), "tkdeploy down of ")
		down.Release()
		wantExclusive(t, path, "")
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("lock file: got %v, want %v", err, os.ErrNotExist)
		}
	})

	t.Run("admits other runs after a change to shared mode", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		creating, other := sharedLock(path, "tkdeploy up"), sharedLock(path, "tkdeploy up")
		if err := errors.Join(creating.TryExclusive(), creating.TryShared(), other.TryShared()); err != nil {
			t.Fatal(err)
		}
		wantExclusive(t, path, "")
		wantHeld(t, sharedLock(path, "tkdeploy down").TryExclusive(), "tkdeploy up of ")
		// A run that cannot get more must not keep what it has.
		wantHeld(t, creating.TryExclusive(), "tkdeploy up of ")
		if err := other.TryExclusive(); err != nil {
			t.Error(err)
		}
	})

	t.Run("is released by a killed process", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		holder := startHolder(t, "shared:"+path)
		down := sharedLock(path, "tkdeploy down")
		err := down.TryExclusive()
		wantHeld(t, err, "tkdeploy up --env dev of ")
		if hint := fmt.Sprintf("kill %d", holder.Process.Pid); !strings.Contains(fault.HintOf(err), hint) {
			t.Errorf("got hint %q, want %q in it", fault.HintOf(err), hint)
		}
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = holder.Wait() // killed
		wantExclusive(t, path, "")
		if err := down.TryExclusive(); err != nil {
			t.Error(err)
		}
	})

	t.Run("has one exclusive holder while runs come and go", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "lock")
		var exclusive, shared atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for range 100 {
					l := sharedLock(path, "tkdeploy up")
					try, mine, limit := l.TryShared, &shared, int32(8)
					if i%2 == 0 {
						try, mine, limit = l.TryExclusive, &exclusive, 1
					}
					if try() != nil {
						continue
					}
					if n := mine.Add(1); n > limit || exclusive.Load() > 0 && shared.Load() > 0 {
						t.Errorf("got %d exclusive and %d shared holders", exclusive.Load(), shared.Load())
					}
					mine.Add(-1)
					l.Release()
				}
			})
		}
		wg.Wait()
	})

	for kind, plant := range map[string]func(diary, path string) error{"a symbolic link": os.Symlink, "a hard link": os.Link} {
		t.Run("refuses "+kind+" and writes nothing through it", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			diary, path := filepath.Join(dir, "diary"), filepath.Join(dir, "lock")
			if err := errors.Join(os.WriteFile(diary, []byte("private"), 0o600), plant(diary, path)); err != nil {
				t.Fatal(err)
			}
			if err := sharedLock(path, "tkdeploy up").TryExclusive(); fault.ClassOf(err) != fault.Environment || !strings.Contains(fault.HintOf(err), path) {
				t.Errorf("got %v with hint %q, want class %q and a hint with %s", err, fault.HintOf(err), fault.Environment, path)
			}
			if got, err := os.ReadFile(diary); string(got) != "private" || err != nil {
				t.Errorf("got content %q, %v, want it unchanged", got, err)
			}
		})
	}
}

func TestShared_Retry(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	down, up := sharedLock(path, "tkdeploy down"), sharedLock(path, "tkdeploy up")
	if err := down.TryExclusive(); err != nil {
		t.Fatal(err)
	}
	wantHeld(t, up.Retry(t.Context(), 0, nil, up.TryShared), "tkdeploy down of ")
	ctx, cancel := context.WithCancel(t.Context())
	err := up.Retry(ctx, time.Hour, func(string) { cancel() }, up.TryShared)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
	var waits []string
	err = up.Retry(t.Context(), time.Hour, func(text string) { waits = append(waits, text); down.Release() }, up.TryShared)
	if err != nil || len(waits) != 1 || !strings.HasPrefix(waits[0], "waiting: cluster shop-dev is locked by another run: tkdeploy down of ") {
		t.Errorf("got %v after waits %q, want one for tkdeploy down", err, waits)
	}
}
