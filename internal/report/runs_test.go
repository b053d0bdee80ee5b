package report

import (
	"errors"
	"testing"
	"time"

	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/golden"
)

// script builds the events of a run. Times are in seconds since its start.
type script struct {
	events []event.Event
	stage  string
}

func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

func (s *script) add(seconds float64, e event.Event) {
	e.Seq, e.Time = len(s.events)+1, at(seconds)
	if e.Stage == "" {
		e.Stage = s.stage
	}
	s.events = append(s.events, e)
}

func (s *script) plan(seconds float64, kind event.Kind, cause string, stages ...event.StageInfo) {
	s.stage = ""
	s.add(seconds, event.Event{Kind: kind, Reason: cause, Plan: stages})
}

func (s *script) begin(seconds float64, stage, cause string) {
	s.stage = stage
	s.add(seconds, event.Event{Kind: event.StageStarted, Reason: cause})
}

func (s *script) doing(seconds float64, item, message string) {
	s.add(seconds, event.Progress(item, message))
}

func (s *script) item(from, to float64, name string, outcome event.Outcome, cause, message string) {
	e := event.Finished(name, outcome, message, at(to).Sub(at(from)), 1)
	e.Reason, e.Start = cause, at(from)
	s.add(to, e)
}

func (s *script) end(from, to float64, stage string, outcome event.Outcome, cause string, err error) {
	s.add(to, event.Event{Kind: event.StageFinished, Stage: stage, Outcome: outcome, Reason: cause, Start: at(from), Elapsed: at(to).Sub(at(from)), Err: err})
}

func (s *script) never(seconds float64, stage string, outcome event.Outcome, cause string) {
	s.add(seconds, event.Event{Kind: event.StageFinished, Stage: stage, Outcome: outcome, Reason: cause})
}

func (s *script) over(seconds float64, outcome event.Outcome, exit int) {
	s.stage = ""
	s.add(seconds, event.Event{Kind: event.RunFinished, Outcome: outcome, Start: zero, Elapsed: at(seconds).Sub(zero), Exit: exit})
}

var stagesOfUp = []event.StageInfo{
	{ID: "engine", Title: "Engine"}, {ID: "build", Title: "Build", Needs: []string{"engine"}},
	{ID: "cluster", Title: "Cluster", Needs: []string{"engine"}}, {ID: "load", Title: "Load", Needs: []string{"build", "cluster"}},
	{ID: "release", Title: "Release", Needs: []string{"load"}}, {ID: "rollout", Title: "Rollout", Needs: []string{"release"}},
	{ID: "verify", Title: "Verify", Needs: []string{"rollout"}},
}

// upToRelease returns a run up to the start of the rollout, with images built two
// at a time.
func upToRelease() *script {
	s := &script{}
	s.plan(0.01, event.RunStarted, "", stagesOfUp...)
	s.end(0.01, 0.02, "engine", event.Unchanged, "Docker Engine 28.1 at unix:///var/run/docker.sock", nil)
	s.begin(0.1, "cluster", "cluster shop-dev does not exist")
	s.doing(0.3, "", "Preparing nodes")
	s.begin(0.4, "build", "web (not built yet for these inputs), db (not present)")
	s.doing(0.5, "web", "[1/3] FROM golang")
	s.item(0.4, 0.45, "probe", event.Unchanged, "", "")
	s.item(0.4, 3.9, "db", event.Done, "not present", "pulled")
	s.item(0.5, 6.2, "web", event.Done, "not built yet for these inputs", "built")
	s.end(0.02, 6.3, "build", event.Done, "web (not built yet for these inputs), db (not present)", nil)
	s.stage = "cluster"
	s.doing(4, "", "Starting control-plane")
	s.doing(11.5, "shop-dev", "waiting for the node")
	s.item(0.2, 13, "shop-dev", event.Done, "", "cluster created")
	s.end(0.02, 13, "cluster", event.Done, "cluster shop-dev does not exist", nil)
	s.begin(13.2, "load", "not on every node: web, db")
	s.item(13.2, 20.1, "web", event.Done, "not in shop-dev-control-plane", "sent 24MiB to 1 node")
	s.item(13.2, 20.2, "db", event.Done, "not in shop-dev-control-plane", "sent 140MiB to 1 node")
	s.end(13, 20.3, "load", event.Done, "not on every node: web, db", nil)
	s.begin(20.4, "release", "no release yet")
	s.item(20.4, 21.8, "shop", event.Done, "", "revision 1")
	s.end(20.3, 21.9, "release", event.Done, "no release yet", nil)
	s.begin(22, "rollout", "db: 0 of 1 ready")
	s.doing(22.1, "db", "0 of 1 ready; db-0: creating")
	s.doing(22.1, "web", "0 of 2 ready")
	return s
}

// cold returns a successful run with a new cluster.
func cold() []event.Event {
	s := upToRelease()
	s.item(22, 27, "db", event.Done, "0 of 1 ready; db-0: creating", "1 of 1 ready")
	s.item(22, 30.5, "web", event.Done, "0 of 2 ready", "2 of 2 ready")
	s.end(21.9, 30.5, "rollout", event.Done, "db: 0 of 1 ready", nil)
	s.begin(30.5, "verify", "runs every time")
	s.doing(30.6, "journey", "TAP version 14")
	for _, check := range []string{"cluster-dns", "web/dns", "web/tcp-8080", "db/dns"} {
		s.item(31.2, 31.21, check, event.Done, "", "web resolves to 10.96.0.7")
	}
	s.item(31.2, 32.2, "web/http-health", event.Done, "", "/health returned 200 (attempt 3, after 1s)")
	s.item(31.5, 32.4, "journey/post a video", event.Done, "", "")
	s.end(30.5, 32.6, "verify", event.Done, "runs every time", nil)
	s.over(32.7, event.Done, 0)
	return s.events
}

// crashing returns a run in which a workload fails and is rolled back.
func crashing(message string) []event.Event {
	s := upToRelease()
	s.item(22, 27, "db", event.Done, "0 of 1 ready; db-0: creating", "1 of 1 ready")
	s.doing(23, "worker", "0 of 1 ready; worker-0: waiting for its volume")
	err := fault.New(fault.Unhealthy, errors.New("web: "+message), "look at its log")
	failed := event.Finished("web", event.Failed, message, 15*time.Second, 0)
	failed.Reason, failed.Start, failed.Err = "0 of 2 ready", at(22), err
	s.add(37, failed)
	s.end(21.9, 37.1, "rollout", event.Failed, "db: 0 of 1 ready", err)
	s.never(37.1, "verify", event.Blocked, "needs rollout")
	s.stage = ""
	s.add(37.2, event.Warn("no access to events: "+message))
	s.plan(45, event.RecoveryStarted, "revision 2 failed: rolling back to revision 1",
		event.StageInfo{ID: "rollback-target", Title: "Target"}, event.StageInfo{ID: "rollback", Title: "Rollback", Needs: []string{"rollback-target"}})
	s.end(45, 45.1, "rollback-target", event.Unchanged, "revision 1", nil)
	s.begin(45.1, "rollback", "revision 2 is deployed")
	s.item(45.1, 46.3, "shop", event.Done, "", "revision 3 with the objects of revision 1")
	s.end(45.1, 46.4, "rollback", event.Done, "revision 2 is deployed", nil)
	s.over(46.5, event.Failed, 14)
	s.events[len(s.events)-1].RolledBack = true
	s.events[len(s.events)-1].Diagnostics = "out/20261124T080037Z-up"
	return s.events
}

// stopped returns a run that a signal interrupts during build and cluster.
func stopped() []event.Event {
	s := &script{}
	s.plan(0.01, event.RunStarted, "", stagesOfUp...)
	s.end(0.01, 0.02, "engine", event.Unchanged, "Docker Engine 28.1", nil)
	s.begin(0.1, "cluster", "cluster shop-dev does not exist")
	s.doing(0.3, "", "Preparing nodes")
	s.begin(0.4, "build", "web (not built yet for these inputs)")
	s.doing(0.5, "web", "[1/3] FROM golang")
	s.doing(0.5, "db", "pull: Downloading")
	s.stage = "cluster"
	s.doing(0.9, "", "Starting control-plane")
	s.stage = "build"
	s.item(0.4, 2.1, "web", event.Canceled, "not built yet for these inputs", "")
	s.end(0.02, 2.2, "build", event.Canceled, "web (not built yet for these inputs)", errors.New("context canceled"))
	s.end(0.02, 4, "cluster", event.Canceled, "cluster shop-dev does not exist", errors.New("context canceled"))
	s.never(4, "load", event.Blocked, "needs build")
	s.never(4, "release", event.Blocked, "needs load")
	s.never(4, "rollout", event.Blocked, "needs release")
	s.never(4, "verify", event.Blocked, "needs rollout")
	s.over(4.1, event.Canceled, 143)
	return s.events
}

func render(t *testing.T, r Closer, events []event.Event) {
	t.Helper()
	for _, e := range events {
		r.Report(e)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// compareGolden compares got with a file in testdata, which -update rewrites.
func compareGolden(t *testing.T, name, got string) {
	t.Helper()
	golden.Compare(t, "testdata/"+name, got, *update)
}
