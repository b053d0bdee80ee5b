// Package kindrun runs kind in a child process: tkdeploy itself with the argument
// [Command]. kind's docker commands inherit the environment of their process, which
// therefore selects the engine, and kind's calls take no context.
package kindrun

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// Command is the hidden command of the child process, which calls [Serve].
const Command = "kind"

// Log receives kind's log, without its errors and debug messages.
type Log interface {
	Info(message string)
	Warn(message string)
}

// Kind is kind with one Docker engine. Its calls end the child process when their
// context is done; docker commands that kind has started may then still run.
type Kind struct {
	Environ []string // selects the engine
	Log     Log

	program string // "" means this one
}

// Error is a failure of kind.
type Error struct {
	Text   string `json:"text"`
	Output []byte `json:"output,omitempty"` // of the command that failed
}

func (e *Error) Error() string { return e.Text }

// Create is a cluster to create. kind keeps the nodes of a create that fails.
type Create struct {
	Config     *v1alpha4.Cluster
	Kubeconfig string // path
}

// Create creates the cluster of c.Config and writes its kubeconfig.
func (k Kind) Create(ctx context.Context, c Create) error {
	_, err := k.call(ctx, request{Create: &c})
	return err
}

// Kubeconfig returns the kubeconfig of a cluster, with the address at which the
// engine's machine publishes the API server.
func (k Kind) Kubeconfig(ctx context.Context, cluster string) (string, error) {
	return k.call(ctx, request{Kubeconfig: cluster})
}

// CollectLogs writes the logs of a cluster's nodes to dir.
func (k Kind) CollectLogs(ctx context.Context, cluster, dir string) error {
	_, err := k.call(ctx, request{Logs: cluster, Dir: dir})
	return err
}

// request is the first line of the child's standard input. The child ends when this
// process closes it, by ending at the latest.
type request struct {
	Create     *Create `json:",omitempty"`
	Kubeconfig string  `json:",omitempty"`
	Logs       string  `json:",omitempty"`
	Dir        string  `json:",omitempty"`
}

// line is a line of the child's standard output. The last line has the result.
type line struct {
	Info   string  `json:",omitempty"`
	Warn   string  `json:",omitempty"`
	Result *string `json:",omitempty"`
	Error  *Error  `json:",omitempty"`
}

const maxErrors = 16 << 10

func (k Kind) call(ctx context.Context, r request) (string, error) {
	first, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("start kind: %w", err)
	}
	program, err := k.path()
	if err != nil {
		return "", fmt.Errorf("start kind: %w", err)
	}
	stderr := text.TailWriter{Limit: maxErrors}
	child := exec.CommandContext(ctx, program, Command)
	child.Env = append(os.Environ(), k.Environ...)
	child.Stderr = &stderr
	child.WaitDelay = 2 * time.Second // docker commands may keep the pipes open
	stdin, err := child.StdinPipe()
	if err != nil {
		return "", fmt.Errorf("start kind: %w", err)
	}
	defer stdin.Close()
	lines := &lineReader{log: k.Log}
	child.Stdout = lines
	if err := child.Start(); err != nil {
		return "", fmt.Errorf("start kind: %w", err)
	}
	_, writeErr := stdin.Write(append(first, '\n'))
	err = child.Wait()
	switch {
	case lines.last.Error != nil:
		return "", lines.last.Error
	case lines.last.Result != nil:
		return *lines.last.Result, nil
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	message, _ := stderr.Bytes()
	return "", fmt.Errorf("run kind: %w: %s", errors.Join(errors.New("it ended without a result"), err, writeErr), text.Tail(string(message), 5))
}

// path also finds a program that was replaced since its start.
func (k Kind) path() (string, error) {
	if k.program != "" {
		return k.program, nil
	}
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// lineReader forwards the log and keeps the result.
type lineReader struct {
	log  Log
	rest []byte
	last line
}

func (l *lineReader) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		one, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.rest = rest
		var got line
		if json.Unmarshal(one, &got) != nil {
			continue
		}
		switch {
		case got.Info != "":
			l.log.Info(got.Info)
		case got.Warn != "":
			l.log.Warn(got.Warn)
		default:
			l.last = got
		}
	}
}
