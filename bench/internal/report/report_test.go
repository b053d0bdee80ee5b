package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tkdeploy.dev/tkdeploy/bench/internal/engine"
	"tkdeploy.dev/tkdeploy/bench/internal/inspect"
)

func sample() *Results {
	r := &Results{Machine: [][2]string{{"machine", "2 cores"}}, Seed: 7, Version: []float64{0.05, 0.04, 0.9}}
	for block := range 4 {
		slow := 1.0
		if block == 0 {
			slow = 100
		}
		for app, cold := range map[string]float64{"svc5": 20, "svc50": 110} {
			for arm, factor := range map[string]float64{Hand: 1, Tkdeploy: 0.5, Again: 0.5} {
				r.Runs = append(r.Runs, Run{
					App: app, Scenario: Cold, Arm: arm, Block: block, Counted: block == 0,
					Seconds: slow * factor * (cold + float64(block)), Steps: map[string]float64{"cluster": 6},
					Change: inspect.Change{SlowestPod: 2, NewBytes: 100e6, Revisions: 1}, PeakBytes: 80e6, ClientCPU: 1.5,
					Counts: engine.Counts{Calls: 12 * (1 - min(block, 1)), SentBytes: 103e6 * int64(1-min(block, 1))},
				})
			}
		}
	}
	r.Runs = append(r.Runs, Run{App: "svc5", Scenario: Cold, Arm: Tkdeploy, Block: 9, Seconds: 0.001, Problem: "auth responds with\nnothing"})
	return r
}

func TestResults_Markdown(t *testing.T) {
	t.Parallel()
	t.Run("formats times, ratios and counters", func(t *testing.T) {
		t.Parallel()
		text := sample().Markdown() + sample().Counters()
		for _, want := range []string{
			"- machine: 2 cores\n",
			"| svc5 | cold | 22.0 | | 11.0 | **0.500** [0.500, 0.500] (n=3) | **1.00** [1.00, 1.00] (n=3) |\n",
			"| svc5 | 6.00 | 2.00 | 8.00 | 1.38 |\n",
			"- Each additional service, cold, from 5 to 50: 2.00 s by hand, 1.00 s with tkdeploy, ratio 0.500.\n",
			"- `tkdeploy version`: 50 ms (median of 3).\n",
			"| svc5 | cold | tkdeploy | 103 | 1.03 | 12 | 0 | 0 | 1 | 0 | 0 | 1.50, 0.000, 0.000 | 80 |\n",
			"Not counted: svc5, cold, tkdeploy, block 9: auth responds with; nothing\n",
		} {
			if !strings.Contains(text, want) {
				t.Errorf("got:\n%s\nwant %q", text, want)
			}
		}
	})

	t.Run("uses counted times without other times", func(t *testing.T) {
		t.Parallel()
		r := sample()
		r.Runs = r.Runs[:6]
		if text := r.Markdown(); !strings.Contains(text, "| svc5 | cold | 2000 | | 1000 | 0.500 (n=1) |") {
			t.Errorf("got:\n%s", text)
		}
	})
}

func TestResults_SVG(t *testing.T) {
	t.Parallel()
	text := sample().SVG()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v:\n%s", err, text)
		}
	}
	// On the logarithmic scale, 0.5 is one step left of 1, and 1 is one step left of the end.
	if !strings.Contains(text, `<circle cx="570.0" cy="40"`) || strings.Count(text, "<circle") != 2 {
		t.Errorf("got:\n%s", text)
	}
	if position(0.0001) != labelWidth || position(99) != labelWidth+plotWidth {
		t.Error("ratios outside the scale are not clamped")
	}
}

func TestInsert(t *testing.T) {
	t.Parallel()
	doc := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(doc, []byte("# Speed\n"+BeginMarker+"\nold\n"+EndMarker+"\nrest\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(doc, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(doc); string(got) != "# Speed\n"+BeginMarker+"\n\nnew\n\n"+EndMarker+"\nrest\n" {
		t.Errorf("got %q, want the new text between the markers", got)
	}
	if err := os.WriteFile(doc, []byte("# Speed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(doc, "new"); err == nil {
		t.Error("document without markers: got no error")
	}
}

func TestResults_Save(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results.json")
	if err := sample().Save(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var saved Results
	if err := json.Unmarshal(text, &saved); err != nil || len(saved.Runs) != len(sample().Runs) || saved.Runs[0].NewBytes != 100e6 || saved.Seed != 7 {
		t.Errorf("got %d runs, seed %d, error %v, want the saved results", len(saved.Runs), saved.Seed, err)
	}
}
