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

// holdVariable makes the test binary a process that takes the lock file of that
// name, says so, and holds it until its standard input ends.
const holdVariable = "TKDEPLOY_TEST_HOLD"

func TestMain(m *testing.M) {
	path := os.Getenv(holdVariable)
	if path == "" {
		os.Exit(m.Run())
	}
	hold(path)
}

func hold(path string) {
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

// A process that holds, or could not get, the lock.
type process struct {
	*exec.Cmd
	said  string // its first line
	leave func() // lets it end
}

func start(t *testing.T, path string) process {
	t.Helper()
	p := process{Cmd: exec.CommandContext(t.Context(), os.Args[0])}
	p.Env = append(os.Environ(), holdVariable+"="+path)
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.leave = func() { in.Close() }
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	p.said, err = bufio.NewReader(out).ReadString('\n')
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
		holder := start(t, path)
		begin := time.Now()
		_, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy down"))
		var held *HeldError
		if !errors.As(err, &held) || fault.ClassOf(err) != fault.Locked || time.Since(begin) > time.Second {
			t.Fatalf("got %v after %s", err, time.Since(begin))
		}
		if held.Holder.PID != holder.Process.Pid || !strings.HasPrefix(err.Error(), "another run is at work on the shop: tkdeploy up --env dev of ") {
			t.Errorf("got %v, want process %d", err, holder.Process.Pid)
		}
		if hint := fmt.Sprintf("kill %d", holder.Process.Pid); !strings.Contains(fault.HintOf(err), hint) {
			t.Errorf("hint %q, want %s", fault.HintOf(err), hint)
		}
		holder.leave()
		if err := holder.Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file is left: %v", err)
		}
		f, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy down"))
		if err != nil || f.isOver(held.Holder.Host) || len(f.record.Left) > 0 {
			t.Errorf("got %v, %v", f, err)
		}
	})

	t.Run("collects the tokens of killed holders", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		var tokens []string
		for range 2 {
			holder := start(t, path)
			token := strings.TrimSpace(strings.TrimPrefix(holder.said, "held with "))
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
		if !f.isOver(tokens[0]) || !f.isOver(tokens[1]) || f.isOver("") || f.isOver(f.record.Token) {
			t.Errorf("of %v the file has %v", tokens, f.record.Left)
		}
		// A run that never saw the cluster hands the proof on.
		if err := f.Release(false); err != nil {
			t.Fatal(err)
		}
		next, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil || !next.isOver(tokens[0]) || !next.isOver(tokens[1]) || next.isOver(f.record.Token) {
			t.Errorf("%v: handed on %v", err, next.record.Left)
		}
	})

	t.Run("lets one of many processes win", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		processes := make([]process, 8)
		var wg sync.WaitGroup
		for i := range processes {
			wg.Go(func() { processes[i] = start(t, path) })
		}
		wg.Wait()
		won := 0
		for _, p := range processes {
			p.leave()
			if strings.HasPrefix(p.said, "held with ") {
				won++
			} else if !strings.Contains(p.said, "tkdeploy up --env dev of ") {
				t.Errorf("said %q", p.said)
			}
			_ = p.Wait() // the first line tells all
		}
		if won != 1 {
			t.Errorf("%d won", won)
		}
	})

	// The next run may lock the file that its last holder is about to remove.
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
						t.Error("two hold the lock")
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
		there := Self("tkdeploy up")
		there.Host = "elsewhere"
		f, err := Acquire(t.Context(), path, "the shop", there)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Release(true); err != nil {
			t.Fatal(err)
		}
		next, err := Acquire(t.Context(), path, "the shop", Self("tkdeploy up"))
		if err != nil || next.isOver(f.record.Token) {
			t.Errorf("%v, left %v", err, next.record.Left)
		}
	})

	t.Run("blames the environment for an unusable directory", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Acquire(t.Context(), filepath.Join(path, "shop"), "the shop", Self("tkdeploy up"))
		if fault.ClassOf(err) != fault.Environment || !strings.Contains(fault.HintOf(err), "XDG_STATE_HOME") {
			t.Errorf("got %v", err)
		}
	})
}

func TestFile_Release(t *testing.T) {
	t.Parallel()
	// A process that this one starts has its files until its exec.
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
