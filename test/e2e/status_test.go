//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"
)

type workload struct {
	Name           string
	Ready, Desired int
	Images         []string
}

func workloads(t *testing.T, p *project) map[string]workload {
	t.Helper()
	var status struct{ Workloads []workload }
	if err := json.Unmarshal([]byte(p.run(t, "status", "--output", "json").wantExit(t, 0).stdout), &status); err != nil {
		t.Fatal(err)
	}
	found := map[string]workload{}
	for _, w := range status.Workloads {
		found[w.Name] = w
	}
	return found
}

// A revision is a part of `tkdeploy history --output json`.
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
		t.Fatalf("%v: %s", err, out)
	}
	return h.Revisions
}

func newest(history []revision) revision { return history[len(history)-1] }

// diagnosis gives "status message" by name.
func (p *project) doctorChecks(t *testing.T, r result) map[string]string {
	t.Helper()
	var d struct {
		Checks []struct{ Name, Status, Message, Fix string }
	}
	if err := json.Unmarshal([]byte(r.stdout), &d); err != nil {
		t.Fatalf("%v\n%s", err, r.stdout)
	}
	found := map[string]string{}
	for _, c := range d.Checks {
		found[c.Name] = c.Status + " " + c.Message
		if c.Status != "ok" && c.Fix == "" {
			t.Errorf("%s: %s without a fix", c.Name, c.Message)
		}
	}
	return found
}
