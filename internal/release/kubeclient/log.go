package kubeclient

import (
	"fmt"
	"sync"
)

const maxLines = 200

// Log keeps the last lines that Helm logs. They may contain Secrets.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Printf adds a line.
func (l *Log) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	if len(l.lines) > maxLines {
		l.lines = l.lines[len(l.lines)-maxLines:]
	}
}

// Drain returns the lines and clears the log.
func (l *Log) Drain() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}
