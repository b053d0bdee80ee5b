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

// sample has a counted block 0, in which everything is slow, and three others.
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
	r.Runs = append(r.Runs, Run{App: "svc5", Scenario: Cold, Arm: Tkdeploy, Block: 9, Seconds: 0.001, Problem: "auth tells\nnothing"})
	return r
}

func TestMarkdown(t *testing.T) {
	t.Parallel()
	text := sample().Markdown()
	for _, want := range []string{
		"- machine: 2 cores\n",
		"| svc5 | cold | 22.0 | | 11.0 | **0.500** [0.500, 0.500] (n=3) | **1.00** [1.00, 1.00] (n=3) |\n",
		"- svc5, cold: a bare `kind create cluster` (6.00 s) and the slowest pod (2.00 s) are 8.00 s; tkdeploy takes 1.38 times that.\n",
		"- Each service more, cold, from 5 to 50: by hand 2.00 s, with tkdeploy 1.00 s, that is 0.500 of it.\n",
		"- `tkdeploy version`: 50 ms (median of 3).\n",
		"| svc5 | cold | tkdeploy | 103 | 1.03 | 12 | 0 | 0 | 1 | 0 | 0 | 1.50, 0.000, 0.000 | 80 |\n",
		"Not counted: svc5, cold, tkdeploy, block 9: auth tells; nothing\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
}

func TestCountedTimesAreUsedWhereThereAreNoOthers(t *testing.T) {
	t.Parallel()
	r := sample()
	r.Runs = r.Runs[:6]
	if text := r.Markdown(); !strings.Contains(text, "| svc5 | cold | 2000 | | 1000 | 0.500 (n=1) |") {
		t.Errorf("got\n%s", text)
	}
}

func TestSVG(t *testing.T) {
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
	// A half is one doubling left of 1, which is one left of the end.
	if !strings.Contains(text, `<circle cx="570.0" cy="40"`) || strings.Count(text, "<circle") != 2 {
		t.Errorf("got\n%s", text)
	}
	if position(0.0001) != labelWidth || position(99) != labelWidth+plotWidth {
		t.Error("what is off the scale does not stand at its end")
	}
}

func TestInsertAndSave(t *testing.T) {
	t.Parallel()
	doc := filepath.Join(t.TempDir(), "performance.md")
	if err := os.WriteFile(doc, []byte("# Speed\n"+BeginMarker+"\nold\n"+EndMarker+"\nrest\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(doc, "new\n"); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(doc); string(got) != "# Speed\n"+BeginMarker+"\n\nnew\n\n"+EndMarker+"\nrest\n" {
		t.Errorf("got %s", got)
	}
	if err := os.WriteFile(doc, []byte("# Speed\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Insert(doc, "new"); err == nil {
		t.Error("a document without a place was written")
	}
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
		t.Errorf("read back: %v", err)
	}
}
