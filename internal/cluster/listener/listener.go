// Package listener finds the process that listens on a port of this machine.
package listener

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// limit bounds each command.
const limit = 2 * time.Second

// Process returns a process that listens on the TCP port, such as "nginx (pid=42)", or
// "" if it is unknown: without ss and lsof, or for processes of other users.
func Process(ctx context.Context, port int32) string {
	for _, c := range []struct {
		args  []string
		parse func(string) string
	}{
		{[]string{"ss", "-Hltnp", fmt.Sprintf("sport = :%d", port)}, parseSS},                       // Linux
		{[]string{"lsof", "-nP", fmt.Sprintf("-iTCP:%d", port), "-sTCP:LISTEN", "-Fpc"}, parseLsof}, // macOS, also without root
	} {
		if process := c.parse(output(ctx, c.args)); process != "" {
			return process
		}
	}
	return ""
}

func output(ctx context.Context, args []string) string {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output() //nolint:gosec // a fixed command
	if err != nil {
		return ""
	}
	return string(out)
}

// parseSS parses `users:(("nginx",pid=42,fd=6))` in the output of ss -p.
func parseSS(out string) string {
	_, users, ok := strings.Cut(out, "users:((")
	if !ok {
		return ""
	}
	name, rest, _ := strings.Cut(users, ",")
	pid, _, _ := strings.Cut(rest, ",")
	return fmt.Sprintf("%s (%s)", strings.Trim(name, `"`), pid)
}

// parseLsof parses the first process in the output of lsof -F pc: a line "p42", then
// "cnginx".
func parseLsof(out string) string {
	var pid string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if number, ok := strings.CutPrefix(line, "p"); ok {
			pid = number
		} else if name, ok := strings.CutPrefix(line, "c"); ok && pid != "" {
			return fmt.Sprintf("%s (pid=%s)", name, pid)
		}
	}
	return ""
}
