package report

import (
	"bytes"
	"errors"
	"testing"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
)

// unchanged returns a run that finds everything up to date.
func unchanged() []event.Event {
	s := &script{}
	s.plan(0.01, event.RunStarted, "", stagesOfUp...)
	for i, reason := range []string{
		"Docker Engine 28.1 at unix:///var/run/docker.sock", "3 images up to date", "cluster shop-dev runs Kubernetes v1.37.2",
		"3 images on 1 node", "revision 4 matches its fingerprint", "2 workloads ready",
	} {
		s.end(0.01, 0.2, stagesOfUp[i].ID, event.Unchanged, reason, nil)
	}
	s.begin(0.3, "verify", "runs every time")
	s.item(0.3, 0.31, "web/dns", event.Done, "", "web resolves to 10.96.0.7")
	s.item(0.3, 0.32, "web/http-health", event.Done, "", "GET http://web:8080/health returned 200")
	s.end(0.3, 0.9, "verify", event.Done, "runs every time", nil)
	s.over(0.9, event.Done, 0)
	return s.events
}

// failedBuild returns a run in which an image cannot be built.
func failedBuild() []event.Event {
	s := &script{}
	s.plan(0.01, event.RunStarted, "", stagesOfUp...)
	s.end(0.01, 0.02, "engine", event.Unchanged, "Docker Engine 28.1", nil)
	s.begin(0.1, "build", "web (not built yet for these inputs)")
	err := fault.New(fault.Build, errors.New("build web: RUN go build ./...: exit code: 1\n    ./main.go:7:2: undefined: x"), "")
	failed := event.Finished("web", event.Failed, "", 0, 0)
	failed.Err = err
	s.add(3, failed)
	s.add(63, event.Finished("api", event.Canceled, "canceled: another image failed", 0, 0))
	s.end(0.1, 63.1, "build", event.Failed, "web (not built yet for these inputs)", err)
	s.end(0.1, 64, "cluster", event.Done, "cluster shop-dev does not exist", nil)
	for _, stage := range []string{"load", "release", "rollout", "verify"} {
		s.never(64, stage, event.Blocked, "needs build")
	}
	s.over(64, event.Failed, 10)
	return s.events
}

// TestScreens keeps the lines of whole runs in golden files: in a log, and on a
// terminal with color. The live line of the terminal is not part of them.
func TestScreens(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]event.Event{
		"cold":         cold(),
		"unchanged":    unchanged(),
		"failed":       crashing("container web: keeps crashing: exit code 1, 2 restarts"),
		"failed-build": failedBuild(),
		"canceled":     stopped(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log, terminal bytes.Buffer
			render(t, New(Options{Err: &log}), events)
			compareGolden(t, "screen-"+name+".log.txt", log.String())
			render(t, newTTYReporter(newLineWriter(&terminal, true), &recorder{}, 80), events)
			compareGolden(t, "screen-"+name+".terminal.txt", terminal.String())
		})
	}
}
