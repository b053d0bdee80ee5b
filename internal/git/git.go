// Package git reads the commit of a checkout.
package git

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// timeout bounds `git describe`, which checks every tracked file.
const timeout = 5 * time.Second

// Commit returns the abbreviated commit of the checkout in dir, with "-dirty"
// appended if tracked files have changed, or "" without git or a repository.
func Commit(ctx context.Context, dir string) string {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	git := exec.CommandContext(ctx, "git", "-C", dir, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")
	git.Env = append(slices.DeleteFunc(os.Environ(), namesRepository), "GIT_OPTIONAL_LOCKS=0") // do not write to the repository
	git.WaitDelay = time.Second                                                                // a daemon that git starts may keep the pipe open
	out, err := git.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// repositoryVariables take precedence over the directory. Git sets them for hooks.
// See `git rev-parse --local-env-vars`.
var repositoryVariables = []string{
	"GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
	"GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_SHALLOW_FILE", "GIT_WORK_TREE",
}

func namesRepository(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains(repositoryVariables, name)
}
