package lock

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// holdEnv names a lock file. If set, the test binary acquires the lock, prints
// its token, and holds the lock until standard input is closed. After the prefix
// shared: it holds a [Shared] lock.
const holdEnv = "TKDEPLOY_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(holdEnv)
	if path == "" {
		os.Exit(m.Run())
	}
	hold(path)
}

func hold(path string) {
	if shared, ok := strings.CutPrefix(path, "shared:"); ok {
		if err := NewShared(shared, "the cluster", Self("tkdeploy up --env dev")).TryShared(); err != nil {
			fmt.Println(err)
			os.Exit(6)
		}
		fmt.Println("held")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		return
	}
	f, err := Acquire(context.Background(), path, "the shop", Self("tkdeploy up --env dev"))
	if err != nil {
		fmt.Println(err)
		os.Exit(6)
	}
	fmt.Println("held with", f.record.Token)
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	if err := f.Release(false); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

type process struct {
	*exec.Cmd
	output  string
	release func()
}

func startHolder(t *testing.T, path string) process {
	t.Helper()
	p := process{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.Env = append(os.Environ(), holdEnv+"="+path)
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.release = func() { in.Close() }
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.output, err = bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAcquire(t *testing.T) {
	t.Parallel()
	t.Run("names the process that holds the lock", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "locks", "shop")
		holder := startHolder(t, path)
		begin := time.Now()
		_, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy down"))
		var held *HeldError
		if !errors.As(err, &held) || fault.ClassOf(err) != fault.Locked || time.Since(begin) > time.Second {
			t.Fatalf("got %v after %s, want a HeldError within 1s", err, time.Since(begin))
		}
		if held.Holder.PID != holder.Process.Pid || !strings.HasPrefix(err.Error(), "the shop is locked by another run: tkdeploy up --env dev of ") {
			t.Errorf("got %v, want process %d", err, holder.Process.Pid)
		}
		if hint := fmt.Sprintf("kill %d", holder.Process.Pid); !strings.Contains(fault.HintOf(err), hint) {
			t.Errorf("got hint %q, want %q in it", fault.HintOf(err), hint)
		}
		holder.release()
		if err := holder.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("lock file: got %v, want %v", err, os.ErrNotExist)
		}
		f, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy down"))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.record.StaleTokens) > 0 {
			t.Errorf("got stale tokens %v, want none", f.record.StaleTokens)
		}
	})

	t.Run("collects the tokens of killed holders", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		var tokens []string
		for range 2 {
			holder := startHolder(t, path)
			token := strings.TrimSpace(strings.TrimPrefix(holder.output, "held with "))
			tokens = append(tokens, token)
			if err := holder.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = holder.Wait() // killed
		}
		f, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil {
			t.Fatal(err)
		}
		if !f.hasEnded(tokens[0]) || !f.hasEnded(tokens[1]) || f.hasEnded("") || f.hasEnded(f.record.Token) {
			t.Errorf("got stale tokens %v, want %v", f.record.StaleTokens, tokens)
		}
		// A run that did not access the cluster keeps the tokens.
		if err := f.Release(false); err != nil {
			t.Fatal(err)
		}
		next, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil {
			t.Fatal(err)
		}
		if !next.hasEnded(tokens[0]) || !next.hasEnded(tokens[1]) || next.hasEnded(f.record.Token) {
			t.Errorf("got stale tokens %v, want %v", next.record.StaleTokens, tokens)
		}
	})

	t.Run("lets one of many processes win", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		processes := make([]process, 8)
		var wg sync.WaitGroup
		for i := range processes {
			wg.Go(func() { processes[i] = startHolder(t, path) })
		}
		wg.Wait()
		won := 0
		for _, p := range processes {
			p.release()
			if strings.HasPrefix(p.output, "held with ") {
				won++
			} else if !strings.Contains(p.output, "tkdeploy up --env dev of ") {
				t.Errorf("got output %q, want the holder", p.output)
			}
			_ = p.Wait() // its output is the result
		}
		if won != 1 {
			t.Errorf("got %d holders, want 1", won)
		}
	})

	// A process may lock the file just before its holder removes it.
	t.Run("does not lock a removed file", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		for range 200 {
			var wg sync.WaitGroup
			var mu sync.Mutex
			holders := 0
			for range 4 {
				wg.Go(func() {
					f, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
					if err != nil {
						return
					}
					mu.Lock()
					holders++
					if holders > 1 {
						t.Errorf("got %d holders, want 1", holders)
					}
					mu.Unlock()
					mu.Lock()
					holders--
					mu.Unlock()
					if err := f.Release(false); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		}
	})

	t.Run("ignores tokens of another machine", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		remote := Self("tkdeploy up")
		remote.Host = "elsewhere"
		f, err := Acquire(t.Context(), path, "the shop", remote)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Release(true); err != nil {
			t.Fatal(err)
		}
		next, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil {
			t.Fatal(err)
		}
		if next.hasEnded(f.record.Token) {
			t.Errorf("got stale tokens %v, want none of the other machine", next.record.StaleTokens)
		}
	})

	for kind, plant := range map[string]func(diary, path string) error{
		"a symbolic link": os.Symlink,
		"a hard link":     os.Link,
		"a named pipe":    func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory":     func(_, path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run("refuses "+kind+" and writes nothing through it", func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			diary, path := filepath.Join(dir, "diary"), filepath.Join(dir, "shop")
			if err := errors.Join(os.WriteFile(diary, []byte("private"), 0o600), plant(diary, path)); err != nil {
				t.Fatal(err)
			}
			_, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
			if fault.ClassOf(err) != fault.Environment || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), kind) {
				t.Errorf("got %v, want an error of class %q that names %s and %q", err, fault.Environment, path, kind)
			}
			if got, err := os.ReadFile(diary); string(got) != "private" || err != nil {
				t.Errorf("got content %q, %v, want it unchanged", got, err)
			}
		})
	}

	t.Run("blames the environment for an unusable directory", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Acquire(t.Context(), filepath.Join(path, "shop"), "the shop", Self("tkdeploy up"))
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(fault.HintOf(err), "XDG_STATE_HOME") {
			t.Errorf("got %v with hint %q, want class %q and XDG_STATE_HOME in the hint", err, fault.HintOf(err), fault.Environment)
		}
	})
}

func TestFile_Release(t *testing.T) {
	t.Parallel()
	// A child process has the open files of its parent until its exec.
	t.Run("frees the lock while a child holds the descriptor", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		f, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil {
			t.Fatal(err)
		}
		inherited, err := syscall.Dup(int(f.file.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(inherited)
		if err := f.Release(true); err != nil {
			t.Fatal(err)
		}
		if _, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up")); err != nil {
			t.Error(err)
		}
	})
}
