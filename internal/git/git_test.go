package git

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

func TestCommit(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: git not found")
	}
	dir := t.TempDir()
	if got := Commit(t.Context(), dir); got != "" {
		t.Errorf("got %q outside a repository, want none", got)
	}
	git := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	file := filepath.Join(dir, "a")
	git("init", "-q")
	if err := os.WriteFile(file, []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	git("add", "a")
	git("commit", "-q", "-m", "one")
	git("tag", "v1") // must not be used
	if got := Commit(t.Context(), dir); !regexp.MustCompile(`^[0-9a-f]{12}$`).MatchString(got) {
		t.Errorf("got %q, want an abbreviated commit", got)
	}
	if err := os.WriteFile(file, []byte("2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := Commit(t.Context(), dir); !regexp.MustCompile(`^[0-9a-f]{12}-dirty$`).MatchString(got) {
		t.Errorf("got %q, want a commit with -dirty", got)
	}
}

func TestCommit_daemon(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "git"), []byte("#!/bin/sh\nsleep 20 &\necho 0123456789ab\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	start := time.Now()
	if got := Commit(t.Context(), dir); got != "0123456789ab" || time.Since(start) > 10*time.Second {
		t.Errorf("got %q after %s, want the commit without waiting for a child process of git", got, time.Since(start))
	}
}

func TestCommit_inHook(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: git not found")
	}
	other := t.TempDir()
	for _, args := range [][]string{{"init", "-q"}, {"commit", "-q", "--allow-empty", "-m", "one"}} {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", other, "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v: %s", args, err, out)
		}
	}
	t.Setenv("GIT_DIR", filepath.Join(other, ".git")) // as in a hook
	if got := Commit(t.Context(), t.TempDir()); got != "" {
		t.Errorf("got %q, the commit of another repository", got)
	}
}
