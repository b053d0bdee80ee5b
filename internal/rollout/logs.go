package rollout

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/health"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// maxLogBytes limits a log, because a line can have any length.
const maxLogBytes = 1 << 20

// addLogs fetches the logs of the causes within Limits.LogTime, even if ctx has
// expired, and redacts all text.
func (w *Watcher) addLogs(ctx context.Context, f *Failure) {
	if f.Expired {
		ctx = context.WithoutCancel(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, w.limits().LogTime)
	defer cancel()
	var wg sync.WaitGroup
	for i := range f.Causes {
		if f.Causes[i].Log != nil {
			wg.Go(func() { w.attachLog(ctx, &f.Causes[i]) })
		}
	}
	wg.Wait()
	f.Causes = w.redactAll(f.Causes)
	for i := range f.Unready {
		f.Unready[i].Message = w.redact(f.Unready[i].Message)
	}
}

// attachLog falls back to the current run's log if the kubelet has removed the
// previous one.
func (w *Watcher) attachLog(ctx context.Context, c *health.Cause) {
	log, err := w.log(ctx, c.Object.Namespace, *c.Log)
	if err != nil && c.Log.Previous {
		c.Log = &health.Log{Pod: c.Log.Pod, Container: c.Log.Container}
		log, err = w.log(ctx, c.Object.Namespace, *c.Log)
	}
	if err != nil {
		c.Detail = append(c.Detail, text.OneLine(err.Error()))
		return
	}
	c.LogLines = lastLines(w.redact(log), w.limits().LogLines, w.limits().LogWidth)
	c.RefineByLog(log)
}

func (w *Watcher) log(ctx context.Context, namespace string, l health.Log) (string, error) {
	lines := int64(w.limits().LogLines)
	stream, err := w.Client.CoreV1().Pods(namespace).GetLogs(l.Pod, &corev1.PodLogOptions{
		Container: l.Container, Previous: l.Previous, TailLines: &lines,
	}).Stream(ctx)
	if err != nil {
		return "", fmt.Errorf("read log of pod %s, container %s: %w", l.Pod, l.Container, err)
	}
	defer stream.Close()
	log, err := io.ReadAll(io.LimitReader(stream, maxLogBytes))
	if err != nil {
		return "", fmt.Errorf("read log of pod %s, container %s: %w", l.Pod, l.Container, err)
	}
	return string(log), nil
}

var ansiEscape = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

// lastLines truncates lines and removes terminal control sequences.
func lastLines(log string, most, width int) []string {
	log = strings.TrimRight(ansiEscape.ReplaceAllString(log, ""), "\r\n")
	if log == "" {
		return nil
	}
	lines := strings.Split(log, "\n")
	lines = lines[max(0, len(lines)-most):]
	for i, l := range lines {
		lines[i] = strings.TrimRight(text.Truncate(strings.Map(printable, l), width), " ")
	}
	return lines
}

func printable(r rune) rune {
	switch {
	case r == '\t':
		return ' '
	case unicode.IsControl(r):
		return -1
	}
	return r
}

func (w *Watcher) redact(s string) string {
	if w.Redact == nil {
		return s
	}
	return w.Redact(s)
}

func (w *Watcher) redactAll(causes []health.Cause) []health.Cause {
	for i := range causes {
		c := &causes[i]
		c.Message, c.Hint = w.redact(c.Message), w.redact(c.Hint)
		for k := range c.Detail {
			c.Detail[k] = w.redact(c.Detail[k])
		}
	}
	return causes
}
