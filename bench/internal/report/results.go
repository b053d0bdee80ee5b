// Package report formats the results as Markdown, JSON and SVG.
package report

import (
	"encoding/json"
	"os"
	"slices"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/inspect"
	"tkdeploy.dev/tkdeploy/bench/internal/stats"
)

// The arms. The ratio of Again to Tkdeploy shows the noise.
const (
	Hand     = "hand"
	Naive    = "naive"
	Tkdeploy = "tkdeploy"
	Again    = "again"
)

// The scenarios, in the order of their runs.
const (
	Cold       = "cold"       // no cluster and no images; the build cache is warm
	Unchanged  = "unchanged"  // no change, with tests
	Unverified = "unverified" // no change, without tests
	Source     = "source"     // one Go source file changed
	Value      = "value"      // one chart value changed
	Drift      = "drift"      // a Deployment was deleted
	Load       = "load"       // new layer in every built image, base in the node
)

// Run is one measurement of an arm in a scenario.
type Run struct {
	App      string `json:"app"`
	Scenario string `json:"scenario"`
	Arm      string `json:"arm"`
	Block    int    `json:"block"`
	Repeat   int    `json:"repeat"`

	// Counted runs use the counting proxy. Their times are a fallback.
	Counted bool `json:"counted"`

	Seconds     float64            `json:"seconds"`
	Steps       map[string]float64 `json:"steps,omitempty"` // seconds, reported by the arm
	ClientCPU   float64            `json:"client_cpu"`      // seconds, including children
	EngineCPU   float64            `json:"engine_cpu"`
	NodeCPU     float64            `json:"node_cpu"`
	PeakBytes   int64              `json:"peak_bytes"` // of the largest process
	APIRequests int                `json:"api_requests"`
	Changes     int                `json:"changes"` // tkdeploy only
	inspect.Change
	engine.Counts

	Problem string `json:"problem,omitempty"`
}

// Results holds all runs of one execution of the benchmark.
type Results struct {
	Machine [][2]string `json:"machine"` // pairs of name and value
	Seed    uint64      `json:"seed"`
	Version []float64   `json:"version"` // seconds of `tkdeploy version`
	Runs    []Run       `json:"runs"`
}

// Save writes the results to path as JSON.
func (r *Results) Save(path string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

type row struct{ app, scenario string }

func (r *Results) rows() []row {
	var found []row
	for _, run := range r.Runs {
		if this := (row{run.App, run.Scenario}); !slices.Contains(found, this) {
			found = append(found, this)
		}
	}
	return found
}

func (r *Results) validRuns(w row, arm string) []Run {
	var found []Run
	for _, run := range r.Runs {
		if run.App == w.app && run.Scenario == w.scenario && run.Arm == arm && run.Problem == "" {
			found = append(found, run)
		}
	}
	return found
}

// timedRuns omits counted runs if there are others.
func (r *Results) timedRuns(w row, arm string) []Run {
	runs := r.validRuns(w, arm)
	if counted := func(run Run) bool { return run.Counted }; slices.ContainsFunc(runs, func(run Run) bool { return !run.Counted }) {
		runs = slices.DeleteFunc(runs, counted)
	}
	return runs
}

func median(runs []Run, value func(Run) float64) float64 {
	values := make([]float64, len(runs))
	for i, run := range runs {
		values[i] = value(run)
	}
	return stats.Median(values)
}

func seconds(run Run) float64 { return run.Seconds }

// ratio compares two arms by pairs of runs in the same block.
func (r *Results) ratio(w row, arm, to string) stats.Ratio {
	var a, b []float64
	for _, run := range r.timedRuns(w, arm) {
		for _, other := range r.timedRuns(w, to) {
			if run.Block == other.Block && run.Repeat == other.Repeat {
				a, b = append(a, run.Seconds), append(b, other.Seconds)
			}
		}
	}
	return stats.Compare(a, b)
}
