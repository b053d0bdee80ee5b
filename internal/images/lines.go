package images

import (
	"bufio"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/text"
)

// lastLines is the number of output lines in an error.
const lastLines = 30

// maxLine bounds what is kept of a line that does not end. A download without line
// breaks may write for minutes.
const maxLine = 64 << 10

// lineLog splits output into lines, passes them on and keeps the last ones. It splits
// lines that are longer than maxLine.
type lineLog struct {
	keep  int
	each  func(string)
	lines []string
	rest  []byte
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		advance, line, err := bufio.ScanLines(l.rest, false)
		if advance == 0 && len(l.rest) > maxLine {
			l.flush()
		}
		if err != nil || advance == 0 {
			return len(p), err
		}
		l.add(string(line))
		l.rest = l.rest[advance:]
	}
}

// flush passes on an unterminated last line.
func (l *lineLog) flush() {
	if len(l.rest) > 0 {
		l.add(string(l.rest))
		l.rest = nil
	}
}

func (l *lineLog) add(line string) {
	if line = strings.TrimRight(line, " \t\r"); line == "" {
		return
	}
	// a progress bar rewrites its line
	line = line[strings.LastIndexByte(line, '\r')+1:]
	if l.lines = append(l.lines, line); len(l.lines) > l.keep {
		l.lines = l.lines[1:]
	}
	if l.each != nil {
		l.each(line)
	}
}

func indent(lines []string) string {
	return text.Indent("\n"+strings.Join(lines, "\n"), "    ")
}
