// Command launch runs a command and records its elapsed time, CPU time and peak memory.
//
//	launch RESULT.json COMMAND [ARG]...
//
// It is a small program because Linux includes the memory of the parent in the peak of a
// new process (setmax_mm_hiwater_rss at exec).
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// result covers the command and its reaped children. PeakBytes is of the largest process.
type result struct {
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
	PeakBytes  int64   `json:"peak_bytes"`
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: launch RESULT.json COMMAND [ARG]...")
		os.Exit(2)
	}
	code, err := run(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "launch:", err)
	}
	os.Exit(code)
}

func run(path string, command []string) (int, error) {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // the command is in the same process group and gets it too
	cmd := exec.Command(command[0], command[1:]...)                       //nolint:noctx // a signal to the process group ends it
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr         // with files, Wait ignores children that keep the output open
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 1, errors.New("resource usage is not available on this system")
	}
	text, err := json.Marshal(result{
		Seconds:    elapsed.Seconds(),
		CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		PeakBytes:  usage.Maxrss << 10, // Linux reports KiB
	})
	if err != nil {
		return 1, err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return 1, err
	}
	if cmd.ProcessState.ExitCode() < 0 { // terminated by a signal
		return 1, errors.New(cmd.ProcessState.String())
	}
	return cmd.ProcessState.ExitCode(), nil
}
