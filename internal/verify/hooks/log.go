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
	// tailLines is how many lines of a hook's log its failure shows.
	tailLines = 20
	// blockTimeout is how long a step waits for its YAML block on a silent log.
	blockTimeout = 250 * time.Millisecond
	// maxFailedSteps limits the failed steps in the error.
	maxFailedSteps = 50
)

var (
	errSilent    = errors.New("no data from the log")
	errAllPassed = errors.New("all planned steps passed")
)

// readLog reads the lines of the log that were not read yet, until it ends. In
// a pod that has ended, the last line needs no line break. Otherwise readLog
// returns errAllPassed once, as soon as all planned steps have passed.
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

// nextLine returns the next line of the log. During a pause it reports the
// newest step, if that passed, without waiting for its YAML block.
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

// handle reports the steps that the line completes, or the line itself if it is
// not TAP.
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

// report reports the steps and keeps those that failed.
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

// logTail returns the last lines of a container's log. It requests them unless
// the container is the one that was followed.
func (f *podFollower) logTail(ctx context.Context, pod, container string) []string {
	if container == "" || container == f.container {
		return f.attempt.tail
	}
	return f.runner.LogTail(ctx, pod, container, tailLines)
}
