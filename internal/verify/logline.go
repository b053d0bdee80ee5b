package verify

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
)

// maxLine is how many bytes of a line are read.
const maxLine = 16 << 10

// A logLine is a line of a log, cut to maxLine bytes.
type logLine struct {
	text string
	torn bool // the log ended within the line
}

// eachLine sends the lines of a log until it ends, which is no error, or ctx does.
func eachLine(ctx context.Context, log io.Reader, lines chan<- logLine) error {
	reader := bufio.NewReader(log)
	for {
		text, err := readLine(reader)
		if err != nil && text == "" {
			return endOfLog(err)
		}
		select {
		case lines <- logLine{text, err != nil}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err != nil {
			return endOfLog(err)
		}
	}
}

func endOfLog(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// readLine reads to the end of the line however long it is. Of a line that is
// cut the last word goes too: it may be the beginning of a secret, which no
// redactor would know.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	cut := false
	for {
		part, err := r.ReadSlice('\n')
		room := maxLine - len(line)
		cut = cut || len(part) > room
		line = append(line, part[:min(len(part), room)]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		text := strings.TrimSuffix(string(line), "\n")
		if cut {
			text = text[:strings.LastIndex(text, " ")+1]
		}
		return text, err
	}
}
