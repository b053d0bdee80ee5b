package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// What kind's documentation asks for (site, known issues, "Pod errors due to too
// many open files").
const (
	wantInotifyInstances = 512
	wantInotifyWatches   = 524288
)

// inotifySettings is where Linux keeps its limits of file watches.
const inotifySettings = "/proc/sys/fs/inotify"

// Inotify are this machine's limits of file watches for one user. A zero field
// is unknown: the machine is no Linux.
type Inotify struct{ Instances, Watches int }

// ReadInotify reads the limits.
func ReadInotify() Inotify { return readInotify(inotifySettings) }

func readInotify(dir string) Inotify {
	return Inotify{Instances: readNumber(dir, "max_user_instances"), Watches: readNumber(dir, "max_user_watches")}
}

func readNumber(dir, name string) int {
	text, err := os.ReadFile(filepath.Join(dir, name))
	n, parseErr := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil || parseErr != nil {
		return 0
	}
	return n
}

func (i Inotify) String() string {
	if i.Instances == 0 && i.Watches == 0 {
		return "this machine tells no inotify limits"
	}
	return fmt.Sprintf("this machine allows %d inotify instances and %d watches", i.Instances, i.Watches)
}

// Shortfall returns which limits are too low for nodes and how to raise them, or
// "" if they suffice.
func (i Inotify) Shortfall() (problem, fix string) {
	var wants, settings []string
	for _, limit := range []struct {
		name       string
		have, want int
	}{{"instances", i.Instances, wantInotifyInstances}, {"watches", i.Watches, wantInotifyWatches}} {
		if limit.have != 0 && limit.have < limit.want {
			wants = append(wants, fmt.Sprintf("%d %s", limit.want, limit.name))
			settings = append(settings, fmt.Sprintf("fs.inotify.max_user_%s=%d", limit.name, limit.want))
		}
	}
	if len(wants) == 0 {
		return "", ""
	}
	return fmt.Sprintf("%s, and nodes want %s", i, strings.Join(wants, " and ")), "sudo sysctl " + strings.Join(settings, " ")
}
