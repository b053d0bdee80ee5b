//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
)

type workload struct {
	Name           string
	Ready, Desired int
}

func (p *project) workloads(t *testing.T) []workload {
	t.Helper()
	var status struct{ Workloads []workload }
	out := p.run(t, "status", "--output", "json").wantExit(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Workloads) == 0 {
		t.Fatalf("got %d workloads, error %v, want at least one:\n%s", len(status.Workloads), err, out)
	}
	return status.Workloads
}

type revision struct {
	Revision                    int
	Status, Commit, Description string
	Current, Verified           bool
	Images                      []string
}

func (p *project) history(t *testing.T) []revision {
	t.Helper()
	var h struct{ Revisions []revision }
	out := p.run(t, "history", "--output", "json").wantExit(t, 0).stdout
	if err := json.Unmarshal([]byte(out), &h); err != nil || len(h.Revisions) == 0 {
		t.Fatalf("got %d revisions, error %v, want at least one:\n%s", len(h.Revisions), err, out)
	}
	return h.Revisions
}

func newest(history []revision) revision { return history[len(history)-1] }

// doctorChecks returns "STATUS MESSAGE" by check. It requires a fix for each problem.
func (r result) doctorChecks(t *testing.T) map[string]string {
	t.Helper()
	var d struct {
		Checks []struct{ Name, Status, Message, Fix string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Fatalf("parse doctor output: %v\n%s", err, r.stdout)
	}
	found := map[string]string{}
	for _, c := range d.Checks {
		found[c.Name] = c.Status + " " + c.Message
		if c.Status != "ok" && c.Fix == "" {
			t.Errorf("check %s: got %q without a fix, want a fix", c.Name, c.Message)
		}
	}
	return found
}
