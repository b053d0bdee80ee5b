package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// userHz is USER_HZ, the ticks per second in /proc.
const userHz = 100

// daemons are the engine's processes. dockerd also reaps the processes of builds.
var daemons = []string{"dockerd", "containerd"}

// DaemonCPUSeconds returns the CPU time of the engine's processes and their reaped
// children, or 0 if they are not visible, as in a virtual machine. It skips kind nodes by
// their PID namespace.
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
	return float64(ticks) / userHz, nil
}

// daemonTicks returns 0 unless the process is a running engine daemon.
func daemonTicks(dir string) (int64, error) {
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return 0, nil //nolint:nilerr // the process has ended
	}
	if !slices.Contains(daemons, field(string(status), "Name:")) || strings.Contains(field(string(status), "NSpid:"), "\t") {
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err != nil {
		return 0, nil //nolint:nilerr // the process has ended
	}
	fields := strings.Fields(string(text)[strings.LastIndex(string(text), ")")+1:]) // the name may contain spaces and parentheses
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
