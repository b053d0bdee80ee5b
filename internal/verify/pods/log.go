package pods

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/text"
)

const maxLine = 16 << 10 // bytes of a line

// Log opens a container's log at its beginning. Following a terminated
// container costs half a second in the kubelet.
func (r *Runner) Log(ctx context.Context, pod, container string, follow bool) (io.ReadCloser, error) {
	options := &corev1.PodLogOptions{Container: container, Follow: follow}
	return r.Client.API.CoreV1().Pods(r.Namespace).GetLogs(pod, options).Stream(ctx)
}

// LogTail returns the last n lines of a log, redacted, or nil if it is not available.
func (r *Runner) LogTail(ctx context.Context, pod, container string, n int) []string {
	lines, bytes := int64(n), int64(n*maxLine)
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	options := &corev1.PodLogOptions{Container: container, TailLines: &lines, LimitBytes: &bytes}
	log, err := r.Client.API.CoreV1().Pods(r.Namespace).GetLogs(pod, options).Stream(ctx)
	if err != nil {
		return nil
	}
	defer log.Close()
	content, err := io.ReadAll(io.LimitReader(log, bytes))
	if err != nil {
		return nil
	}
	var tail []string
	for line := range strings.Lines(r.Client.Redact(string(content))) {
		tail = append(tail, text.Printable(line, text.MaxMessage))
	}
	return tail
}

// LogLine is a line of a log.
type LogLine struct {
	Text    string
	Partial bool // the log ended within the line
}

// ReadLines sends the lines of a log, truncated if necessary, until the log
// ends or ctx is done. The end is not an error.
func ReadLines(ctx context.Context, log io.Reader, lines chan<- LogLine) error {
	reader := bufio.NewReader(log)
	for {
		line, err := readLine(reader)
		if err != nil && line == "" {
			return endOfLog(err)
		}
		select {
		case lines <- LogLine{Text: line, Partial: err != nil}:
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

// readLine returns at most maxLine bytes. It drops the last word of a truncated
// line: Redact would not recognize the beginning of a secret.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	truncated := false
	for {
		part, err := r.ReadSlice('\n')
		room := maxLine - len(line)
		truncated = truncated || len(part) > room
		line = append(line, part[:min(len(part), room)]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		s := strings.TrimSuffix(string(line), "\n")
		if truncated {
			s = s[:strings.LastIndex(s, " ")+1]
		}
		return s, err
	}
}
