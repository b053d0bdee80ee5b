package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// hertz is the unit of /proc's times, the same on every Linux (USER_HZ).
const hertz = 100

// daemons are the engine's processes, as /proc calls them. What BuildKit runs
// for a build is waited for by dockerd and counts for it.
var daemons = []string{"dockerd", "containerd"}

// DaemonCPUSeconds is what the engine's processes and their ended children have
// used. It is 0 where they cannot be seen, as in a virtual machine. Those of the
// same names in kind nodes have a process namespace of their own and do not count.
func DaemonCPUSeconds(proc string) (float64, error) {
	found, err := filepath.Glob(filepath.Join(proc, "[0-9]*"))
	if err != nil {
		return 0, err
	}
	var ticks int64
	for _, dir := range found {
		n, err := daemonTicks(dir)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return float64(ticks) / hertz, nil
}

// daemonTicks is 0 for every process that is no daemon of the engine, and for
// one that has just ended.
func daemonTicks(dir string) (int64, error) {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return 0, nil //nolint:nilerr // it has ended meanwhile
	}
	if !slices.Contains(daemons, field(string(status), "Name:")) || strings.Contains(field(string(status), "NSpid:"), "\t") {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, nil //nolint:nilerr // it has ended meanwhile
	}
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:]) // a name may have anything in it
	if len(fields) < 15 {
		return 0, fmt.Errorf("%s/stat has %d fields", dir, len(fields))
	}
	var ticks int64
	for _, text := range fields[11:15] { // utime, stime, cutime, cstime: fields 14 to 17 of proc(5)
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s/stat: %w", dir, err)
		}
		ticks += n
	}
	return ticks, nil
}

func field(text, name string) string {
	_, rest, _ := strings.Cut(text, name)
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
