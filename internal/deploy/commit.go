package deploy

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// gitPatience is how long git may take to name the commit: it looks at every
// tracked file.
const gitPatience = 5 * time.Second

// commit names the commit that folder is a checkout of, like "3a326b1fe0c2" or,
// with changes to tracked files, "3a326b1fe0c2-dirty". It is for a person who
// reads the history; without git or a repository it is empty.
func commit(ctx context.Context, folder string) string {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	git := exec.CommandContext(ctx, "git", "-C", folder, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*")
	git.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0") // only look
	out, err := git.Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
