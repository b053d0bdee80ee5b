package kubeclient

import (
	"fmt"
	"sync"
)

// keptLines bounds the memory of Helm's log.
const keptLines = 200

// helmLog keeps the last lines that Helm logs. They may hold the contents of
// Secrets: nothing of it is shown without a redactor.
type Log struct {
	mu    sync.Mutex
	lines []string
}

func (l *Log) Printf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	if len(l.lines) > keptLines {
		l.lines = l.lines[len(l.lines)-keptLines:]
	}
}

// drain gives the lines and forgets them.
func (l *Log) Drain() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}
