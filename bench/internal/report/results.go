// Package report turns the benchmark's runs into a table, a JSON file and a plot.
package report

import (
	"encoding/json"
	"os"
	"slices"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/stats"
	"tkdeploy.dev/tkdeploy/bench/internal/world"
)

// The arms: two by hand, and tkdeploy twice: how far it is from itself is the
// noise floor.
const (
	Hand     = "hand"
	Naive    = "naive"
	Tkdeploy = "tkdeploy"
	Again    = "again"
)

// The scenarios, in the order in which a turn has them.
const (
	Cold       = "cold"       // no cluster; what builds need is cached, the images are not there
	Unchanged  = "unchanged"  // verified
	Unverified = "unverified" // unchanged, without the test
	Source     = "source"     // one Go source file changed
	Value      = "value"      // one chart value changed
	Drift      = "drift"      // a Deployment was deleted
	Load       = "load"       // a layer of every image is new, the images are built, the base is there
)

// A Run is one arm doing one scenario.
type Run struct {
	App      string `json:"app"`
	Scenario string `json:"scenario"`
	Arm      string `json:"arm"`
	Block    int    `json:"block"`
	Repeat   int    `json:"repeat"`

	// Counted runs went through the counting proxy. Their times are not used
	// where there are others.
	Counted bool `json:"counted"`

	Seconds     float64            `json:"seconds"`
	Steps       map[string]float64 `json:"steps,omitempty"` // seconds of the arm's own steps, as it tells them
	ClientCPU   float64            `json:"client_cpu"`      // seconds of the command and its children
	EngineCPU   float64            `json:"engine_cpu"`
	NodeCPU     float64            `json:"node_cpu"`
	PeakBytes   int64              `json:"peak_bytes"` // of the command's largest process
	APIRequests int                `json:"api_requests"`
	Mutations   int                `json:"mutations"` // as tkdeploy tells; 0 of the others
	world.Change
	engine.Counts

	Problem string `json:"problem,omitempty"` // why the run does not count
}

// Results are all runs of one sitting.
type Results struct {
	Machine [][2]string `json:"machine"` // name and value
	Seed    uint64      `json:"seed"`
	Version []float64   `json:"version"` // seconds of `tkdeploy version`
	Runs    []Run       `json:"runs"`
}

// Save writes the results to a file.
func (r *Results) Save(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// A row is what one app's scenario came to.
type row struct{ app, scenario string }

// rows are in the order in which they were first run.
func (r *Results) rows() []row {
	var found []row
	for _, run := range r.Runs {
		if this := (row{run.App, run.Scenario}); !slices.Contains(found, this) {
			found = append(found, this)
		}
	}
	return found
}

// of are the good runs of an arm.
func (r *Results) of(w row, arm string) []Run {
	var found []Run
	for _, run := range r.Runs {
		if run.App == w.app && run.Scenario == w.scenario && run.Arm == arm && run.Problem == "" {
			found = append(found, run)
		}
	}
	return found
}

// timed are the good runs of an arm whose times are used.
func (r *Results) timed(w row, arm string) []Run {
	runs := r.of(w, arm)
	if counted := func(run Run) bool { return run.Counted }; slices.ContainsFunc(runs, func(run Run) bool { return !run.Counted }) {
		runs = slices.DeleteFunc(runs, counted)
	}
	return runs
}

// median is the middle of what value gives of the runs.
func median(runs []Run, value func(Run) float64) float64 {
	values := make([]float64, len(runs))
	for i, run := range runs {
		values[i] = value(run)
	}
	return stats.Median(values)
}

func seconds(run Run) float64 { return run.Seconds }

// ratio pairs the runs of two arms in the same block.
func (r *Results) ratio(w row, arm, to string) stats.Ratio {
	var a, b []float64
	for _, run := range r.timed(w, arm) {
		for _, other := range r.timed(w, to) {
			if run.Block == other.Block && run.Repeat == other.Repeat {
				a, b = append(a, run.Seconds), append(b, other.Seconds)
			}
		}
	}
	return stats.Compare(a, b)
}
