package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/tap"
	"tkdeploy.dev/tkdeploy/internal/text"
	"tkdeploy.dev/tkdeploy/internal/verify/probe"
)

const (
	// logTail is how many lines of a hook's log its failure shows.
	logTail = 20
	// quiet is how long a step waits for its YAML block when the log is silent.
	quiet = 250 * time.Millisecond
	// keptSteps bounds the failed steps that are kept for the error.
	keptSteps = 50
)

// A hookPod follows one pod of a hook: that of a Pod, or one of a Job's.
type hookPod struct {
	podCase
	hook      string
	container string // whose log is followed
	*attempt
}

// An attempt is what one process of the container told. A container that is
// started again begins a new one.
type attempt struct {
	restarts int32
	lines    int // of the log, so far
	tap      tap.Parser
	tail     []string // of the lines that are not TAP
	failed   []HookFailure
	asked    bool // whether it has passed
}

// follow returns the pod when it has ended and its log is read. A log that
// breaks or is silent is opened anew, and what is known of it passed over.
func (p *hookPod) follow(ctx context.Context, pod *corev1.Pod) (*corev1.Pod, error) {
	p.container, p.attempt = followed(pod), &attempt{}
	pod, err := p.awaitStart(ctx, pod)
	if err != nil {
		return nil, err
	}
	w := p.watched(pod.Name)
	var ended time.Time
	for {
		if pod, _, err = w.await(ctx, pod, forEver, p.readable); err != nil {
			return nil, err
		}
		over := hasEnded(pod)
		if over && ended.IsZero() {
			ended = time.Now()
		}
		p.begin(pod)
		if over {
			err = p.readLog(ctx, pod.Name, true)
		} else {
			pod, err = p.followLog(ctx, w, pod)
		}
		switch {
		case over && (err == nil || !isTransient(err) || time.Since(ended) > p.APITimeout):
			p.tell(p.tap.End())
			return pod, ctx.Err()
		case err != nil && !isTransient(err):
			return nil, undecided(fmt.Errorf("read the log of %s %s: %w", p.what, pod.Name, err))
		case err != nil:
			probe.Wait(ctx, p.RetryInterval)
			pod, err = p.look(ctx, pod.Name)
		case !over: // the process has ended, or only the connection
			pod, _, err = w.await(ctx, pod, p.IdleTimeout, p.moved)
		}
		if err != nil {
			return nil, err
		}
	}
}

// followed is the container that kubectl would take too.
func followed(pod *corev1.Pod) string {
	return cmp.Or(pod.Annotations["kubectl.kubernetes.io/default-container"], pod.Spec.Containers[0].Name)
}

// hasEnded says that nothing of the pod runs any more, nor will. The phase tells
// it only when the kubelet has taken the pod apart, a second or more after it
// told how the containers ended.
func hasEnded(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return true
	}
	containers := pod.Status.ContainerStatuses
	return pod.Spec.RestartPolicy == corev1.RestartPolicyNever && len(containers) == len(pod.Spec.Containers) &&
		!slices.ContainsFunc(containers, func(c corev1.ContainerStatus) bool { return c.State.Terminated == nil })
}

// hasFailed tells how a pod that has ended did so.
func hasFailed(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodFailed ||
		slices.ContainsFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool {
			return c.State.Terminated != nil && c.State.Terminated.ExitCode != 0
		})
}

// status is the pod's own of the container, empty if it has none yet.
func (p *hookPod) status(pod *corev1.Pod) *corev1.ContainerStatus {
	i := slices.IndexFunc(pod.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == p.container })
	if i < 0 {
		return &corev1.ContainerStatus{}
	}
	return &pod.Status.ContainerStatuses[i]
}

// readable says that the container has a log, or never will have.
func (p *hookPod) readable(pod *corev1.Pod) (bool, error) {
	if hasEnded(pod) || hasRun(*p.status(pod)) {
		return true, nil
	}
	return false, p.stuck(pod)
}

// moved says that there is more to read, or nothing any more.
func (p *hookPod) moved(pod *corev1.Pod) (bool, error) {
	return hasEnded(pod) || p.status(pod).RestartCount > p.restarts, nil
}

// begin begins a new attempt if the container was started again.
func (p *hookPod) begin(pod *corev1.Pod) {
	if restarts := p.status(pod).RestartCount; restarts > p.restarts {
		p.attempt = &attempt{restarts: restarts}
	}
}

// followLog takes what is new in the log until it or the pod ends, and returns the
// pod as it then is. The API server tells at once that a container has ended; a
// log that is followed stays open for up to a second longer.
func (p *hookPod) followLog(ctx context.Context, w watched[*corev1.Pod], pod *corev1.Pod) (*corev1.Pod, error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var last *corev1.Pod
	over := false
	var watching sync.WaitGroup
	watching.Go(func() {
		last, over, _ = w.await(ctx, pod, forEver, func(pod *corev1.Pod) (bool, error) { return hasEnded(pod), nil })
		if over { // what else it may say, the end of the log leads to
			stop()
		}
	})
	var passed *corev1.Pod
	err := p.readLog(ctx, pod.Name, false)
	if errors.Is(err, errWhole) {
		if passed = p.passed(ctx, pod); passed == nil {
			err = p.readLog(ctx, pod.Name, false)
		}
	}
	stop()
	watching.Wait()
	switch {
	case over:
		return last, nil
	case passed != nil:
		return passed, nil
	}
	return pod, err
}

// passed asks the node's runtime whether the process has ended well that has said
// all that it planned: the kubelet looks once a second. It returns the pod as the
// kubelet will show it, and nil if that is not known; a failure is the kubelet's to tell.
func (p *hookPod) passed(ctx context.Context, pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	main := p.status(pod)
	id := main.ContainerID
	main.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed", ContainerID: id}}
	if !hasEnded(pod) {
		return nil
	}
	if code, ok := p.Exit(ctx, pod.Spec.NodeName, id); !ok || code != 0 {
		return nil
	}
	return pod
}

var (
	errSilent = errors.New("the log was silent")
	errWhole  = errors.New("all planned steps have passed")
)

// readLog takes what is new in the log until it ends. Of a pod that is over,
// the last line need not end in a line break; of one that is not, errWhole tells
// once that no more is to come.
func (p *hookPod) readLog(ctx context.Context, pod string, over bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log, err := p.openLog(ctx, pod, p.container, !over)
	if err != nil {
		return err
	}
	lines, failed := make(chan logLine), make(chan error, 1)
	go func() {
		defer close(lines)
		failed <- eachLine(ctx, log, lines)
	}()
	defer func() {
		cancel()
		log.Close()
		for range lines { // until the reader is gone
		}
	}()
	silence, pause := time.NewTimer(p.IdleTimeout), time.NewTimer(quiet)
	defer silence.Stop()
	defer pause.Stop()
	for n := 1; ; n++ {
		line, open, err := p.next(lines, silence.C, pause.C)
		switch {
		case err != nil:
			return err
		case !open:
			return <-failed
		case n > p.lines && (over || !line.torn):
			p.lines = n
			p.take(line.text)
			if !over && !p.asked && p.Exit != nil && p.tap.Passed() {
				p.asked = true
				return errWhole
			}
		}
		silence.Reset(p.IdleTimeout)
		pause.Reset(quiet)
	}
}

// next is the log's next line. While there is none, a step that passed is told
// without waiting for more about it.
func (p *hookPod) next(lines <-chan logLine, silence, pause <-chan time.Time) (line logLine, open bool, err error) {
	for {
		select {
		case line, open = <-lines:
			return line, open, nil
		case <-pause:
			if p.tap.Last().OK {
				p.tell(p.tap.Flush())
			}
		case <-silence:
			return logLine{}, true, errSilent
		}
	}
}

func (p *hookPod) take(line string) {
	line = p.Redact(line)
	told, isLog := p.tap.Line(line)
	p.tell(told)
	if line := text.Printable(line, text.MaxMessage); isLog && line != "" {
		p.tail = append(p.tail, line)
		p.tail = p.tail[max(0, len(p.tail)-logTail):]
		p.reporter.Report(event.Progress(p.hook, line))
	}
}

// tell reports steps and keeps those that failed.
func (p *hookPod) tell(steps []tap.Step) {
	for _, s := range steps {
		item := p.hook + "/" + s.Name
		switch {
		case s.Blocked != "":
			p.reporter.Report(event.Finished(item, event.Blocked, s.Blocked, s.Elapsed, 0))
		case s.OK:
			p.reporter.Report(event.Finished(item, event.Done, s.Message, s.Elapsed, 0))
		default:
			p.reporter.Report(event.Finished(item, event.Failed, s.Message, s.Elapsed, 0))
			if len(p.failed) < keptSteps {
				p.failed = append(p.failed, HookFailure{Hook: p.hook, Step: s.Name, Message: s.Message})
			}
		}
	}
}
