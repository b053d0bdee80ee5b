package cluster

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/files"
)

// Minimums recommended by kind (known issues, "Pod errors due to too many open files").
const (
	minInotifyInstances = 512
	minInotifyWatches   = 524288
)

const inotifyDir = "/proc/sys/fs/inotify"

// Inotify holds the inotify limits per user; 0 means unknown, as outside Linux.
type Inotify struct{ Instances, Watches int }

// ReadInotify reads the limits of this machine.
func ReadInotify() Inotify { return readInotify(inotifyDir) }

func readInotify(dir string) Inotify {
	return Inotify{Instances: readNumber(dir, "max_user_instances"), Watches: readNumber(dir, "max_user_watches")}
}

func readNumber(dir, name string) int {
	text, err := files.Read(filepath.Join(dir, name), 64)
	n, parseErr := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || parseErr != nil {
		return 0
	}
	return n
}

func (i Inotify) String() string {
	if i.Instances == 0 && i.Watches == 0 {
		return "inotify limits unknown"
	}
	return fmt.Sprintf("this machine allows %d inotify instances and %d watches", i.Instances, i.Watches)
}

// Shortfall returns which limits are too low and the command that raises them, or "".
func (i Inotify) Shortfall() (problem, fix string) {
	var needs, settings []string
	for _, limit := range []struct {
		name       string
		have, need int
	}{{"instances", i.Instances, minInotifyInstances}, {"watches", i.Watches, minInotifyWatches}} {
		if limit.have != 0 && limit.have < limit.need {
			needs = append(needs, fmt.Sprintf("%d %s", limit.need, limit.name))
			settings = append(settings, fmt.Sprintf("fs.inotify.max_user_%s=%d", limit.name, limit.need))
		}
	}
	if len(needs) == 0 {
		return "", ""
	}
	return fmt.Sprintf("%s, but nodes need %s", i, strings.Join(needs, " and ")), "sudo sysctl " + strings.Join(settings, " ")
}
