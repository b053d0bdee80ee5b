// Command launch runs a command and writes down what it took: seconds from exec
// to exit, CPU seconds and peak memory.
//
//	launch RESULT.json COMMAND [ARG]...
//
// It is a program of its own because Linux counts the memory of who starts a
// process to its peak (setmax_mm_hiwater_rss at exec): this one is small.
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

// A result is of the command and all its children that it waited for. The peak
// is that of the largest of these processes.
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

// run gives the command's exit status.
func run(path string, command []string) (int, error) {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM) // they are for the command, which is in the same process group
	cmd := exec.Command(command[0], command[1:]...)                       //nolint:noctx // it ends by itself or by a signal to the group
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, os.Stdout, os.Stderr         // files, so that Wait waits for the process alone
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 1, err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 1, errors.New("this system does not tell what a process used")
	}
	text, err := json.Marshal(result{
		Seconds:    elapsed.Seconds(),
		CPUSeconds: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(),
		PeakBytes:  usage.Maxrss << 10, // Linux tells KiB
	})
	if err != nil {
		return 1, err
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return 1, err
	}
	if cmd.ProcessState.ExitCode() < 0 { // a signal ended it
		return 1, errors.New(cmd.ProcessState.String())
	}
	return cmd.ProcessState.ExitCode(), nil
}
