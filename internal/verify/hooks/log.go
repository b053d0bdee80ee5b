package hooks

import (
	"context"
	"errors"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/tap"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/pods"
)

const (
	tailLines      = 20                     // shown with a failure
	maxFailedSteps = 50                     // in the error
	blockTimeout   = 250 * time.Millisecond // for a step's YAML block, on a silent log
)

var (
	errSilent    = errors.New("no data from the log")
	errAllPassed = errors.New("all planned steps passed")
)

// readLog reads new lines until the log ends. While the pod is running, it
// skips a partial line, and returns errAllPassed once all planned steps passed.
func (f *podFollower) readLog(ctx context.Context, pod string, ended bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := f.runner.Log(ctx, pod, f.container, !ended)
	if err != nil {
		return err
	}
	lines, failed := make(chan pods.LogLine), make(chan error, 1)
	go func() {
		defer close(lines)
		failed <- pods.ReadLines(ctx, log, lines)
	}()
	defer func() {
		cancel()
		log.Close()
		for range lines { // wait for the goroutine
		}
	}()
	idleTimeout := f.runner.Client.IdleTimeout
	idle, pause := time.NewTimer(idleTimeout), time.NewTimer(blockTimeout)
	defer idle.Stop()
	defer pause.Stop()
	for n := 1; ; n++ {
		line, open, err := f.nextLine(lines, idle.C, pause.C)
		switch {
		case err != nil:
			return err
		case !open:
			return <-failed
		case n > f.attempt.lines && (ended || !line.Partial):
			f.attempt.lines = n
			f.handle(line.Text)
			if !ended && !f.attempt.exitQueried && f.exit != nil && f.attempt.tap.Passed() {
				f.attempt.exitQueried = true
				return errAllPassed
			}
		}
		idle.Reset(idleTimeout)
		pause.Reset(blockTimeout)
	}
}

// nextLine reports a passed step during a pause.
func (f *podFollower) nextLine(lines <-chan pods.LogLine, idle, pause <-chan time.Time) (line pods.LogLine, open bool, err error) {
	for {
		select {
		case line, open = <-lines:
			return line, open, nil
		case <-pause:
			if f.attempt.tap.Last().OK {
				f.report(f.attempt.tap.Flush())
			}
		case <-idle:
			return pods.LogLine{}, true, errSilent
		}
	}
}

func (f *podFollower) handle(line string) {
	line = f.runner.Client.Redact(line)
	steps, isLog := f.attempt.tap.Line(line)
	f.report(steps)
	if line := text.Printable(line, text.MaxMessage); isLog && line != "" {
		f.attempt.tail = append(f.attempt.tail, line)
		f.attempt.tail = f.attempt.tail[max(0, len(f.attempt.tail)-tailLines):]
		f.runner.Reporter.Report(event.Progress(f.hook, line))
	}
}

func (f *podFollower) report(steps []tap.Step) {
	for _, s := range steps {
		item := f.hook + "/" + s.Name
		switch {
		case s.Blocked != "":
			f.runner.Reporter.Report(event.Finished(item, event.Blocked, s.Blocked, s.Elapsed, 0))
		case s.OK:
			f.runner.Reporter.Report(event.Finished(item, event.Done, s.Message, s.Elapsed, 0))
		default:
			f.runner.Reporter.Report(event.Finished(item, event.Failed, s.Message, s.Elapsed, 0))
			if len(f.attempt.failed) < maxFailedSteps {
				f.attempt.failed = append(f.attempt.failed, Failure{Hook: f.hook, Step: s.Name, Message: s.Message})
			}
		}
	}
}

func (f *podFollower) logTail(ctx context.Context, pod, container string) []string {
	if container == "" || container == f.container {
		return f.attempt.tail
	}
	return f.runner.LogTail(ctx, pod, container, tailLines)
}
