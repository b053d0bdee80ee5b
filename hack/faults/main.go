// Command faults writes the results of the fault list as a Markdown table.
//
//	faults OUTPUT.md LOG.jsonl...
//
// The logs are the output of go test -json. The exit code is 1 if a test of a row failed,
// was skipped or did not run.
package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"runtime"
	"slices"
	"strings"
	"time"

	"tkdeploy.dev/tkdeploy/internal/strictyaml"
)

//go:embed rows.yaml
var rowsYAML []byte

// row is one fault of the list. Each entry of Tests is "package name", where name is the
// beginning of a test name. A trailing $ requires the whole name.
type row struct {
	Row      int      `yaml:"row"`
	Fault    string   `yaml:"fault"`
	Expected string   `yaml:"expected"`
	Tests    []string `yaml:"tests"`
	Below    string   `yaml:"below"` // why it needs no real engine and cluster
}

type test struct {
	name    string // "package name", as go test prints it
	outcome string
	elapsed time.Duration
	seen    []string // of its attribute "seen"
	skipped string
}

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: faults OUTPUT.md LOG.jsonl...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

func run(output string, logs []string) error {
	rows, err := readRows()
	if err != nil {
		return err
	}
	var tests []test
	for _, name := range logs {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		found, err := readTests(strings.TrimSuffix(path.Base(name), ".jsonl"), file)
		file.Close()
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		tests = append(tests, found...)
	}
	text, bad := table(rows, tests, machine())
	if err := os.WriteFile(output, []byte(text), 0o644); err != nil {
		return err
	}
	fmt.Printf("%s: %d rows, %d problems\n", output, len(rows), len(bad))
	for _, line := range bad {
		fmt.Println(line)
	}
	if len(bad) > 0 {
		return errors.New("some rows did not pass")
	}
	return nil
}

func readRows() (rows []row, err error) {
	err = strictyaml.Decode("rows.yaml", rowsYAML, &rows).Err()
	return rows, err
}

// readTests parses the events of go test -json and ignores other lines. kind is the name of
// the log. Tests in the log "fuzz" get the prefix "fuzzed", because elsewhere a fuzz test
// only runs its seeds.
func readTests(kind string, log io.Reader) ([]test, error) {
	byName := map[string]*test{}
	var order []string
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e struct {
			Action, Package, Test, Key, Value, Output string
			Elapsed                                   float64
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Test == "" {
			continue
		}
		name := path.Base(e.Package) + " " + e.Test
		if kind == "fuzz" {
			name = "fuzzed " + name
		}
		t := byName[name]
		if t == nil {
			t = &test{name: name}
			byName[name] = t
			order = append(order, name)
		}
		switch e.Action {
		case "pass", "fail", "skip":
			t.outcome, t.elapsed = e.Action, time.Duration(e.Elapsed*float64(time.Second))
		case "attr":
			if e.Key == "seen" {
				t.seen = append(t.seen, e.Value)
			}
		case "output":
			if _, reason, ok := strings.Cut(e.Output, "SKIPPED: "); ok {
				t.skipped = strings.TrimSpace(reason)
			}
		}
	}
	var tests []test
	for _, name := range order {
		tests = append(tests, *byName[name])
	}
	return tests, lines.Err()
}

func table(rows []row, tests []test, machine string) (text string, bad []string) {
	var b strings.Builder
	b.WriteString("# Faults and what tkdeploy does\n\nWritten by `make test-faults`; do not edit. Run on " + machine + ".\n\n" +
		"Times in \"observed\" are from the start of the run, or of the stage that detected the fault, to its end. \"time\" is the duration of all tests of the row.\n\n" +
		"| # | fault or input | expected | result | observed | time |\n|---|---|---|---|---|---|\n")
	passed := 0
	for _, r := range rows {
		result, seen, elapsed, problems := judge(r, tests)
		if len(problems) == 0 {
			passed++
		}
		for _, p := range problems {
			bad = append(bad, fmt.Sprintf("row %d: %s", r.Row, p))
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", r.Row, cell(r.Fault), cell(r.Expected), cell(result), cell(seen), elapsed.Round(100*time.Millisecond))
	}
	fmt.Fprintf(&b, "\n%d of %d rows passed.\n", passed, len(rows))
	if len(bad) > 0 {
		b.WriteString("\n- " + strings.Join(bad, "\n- ") + "\n")
	}
	return b.String(), bad
}

// judge requires that every name matches a test that passed, and none that failed. A test
// that passed in one log may be skipped in another.
func judge(r row, tests []test) (result, seen string, elapsed time.Duration, problems []string) {
	var saw []string
	for _, name := range r.Tests {
		ran, skipped := 0, ""
		for _, t := range tests {
			if !t.matches(name) {
				continue
			}
			switch t.outcome {
			case "pass":
				ran++
			case "skip":
				skipped = t.name + " was skipped: " + t.skipped
			default:
				problems = append(problems, t.name+" failed")
			}
			elapsed += t.elapsed
			saw = append(saw, t.seen...)
		}
		switch {
		case ran > 0 || len(problems) > 0:
		case skipped != "":
			problems = append(problems, skipped)
		default:
			problems = append(problems, "no test named "+name+" ran")
		}
	}
	result = "pass"
	if r.Below != "" {
		result += ", without a real engine or cluster: " + r.Below
	}
	if len(problems) > 0 {
		result = "**not passed**"
	}
	return result, summary(saw), elapsed, problems
}

// matches reports whether the test's name starts with name, or equals it if name ends in $.
// It excludes subtests, whose result is part of their parent's.
func (t test) matches(name string) bool {
	name = strings.ReplaceAll(name, " ", "_")
	got := strings.ReplaceAll(t.name, " ", "_")
	if whole, ok := strings.CutSuffix(name, "$"); ok {
		return got == whole
	}
	rest, ok := strings.CutPrefix(got, name)
	return ok && !strings.Contains(rest, "/")
}

// summary joins up to four distinct observations.
func summary(saw []string) string {
	var different []string
	for _, s := range saw {
		if !slices.Contains(different, s) {
			different = append(different, s)
		}
	}
	if len(different) <= 4 {
		return strings.Join(different, "; ")
	}
	return strings.Join(different[:4], "; ") + fmt.Sprintf("; and %d more", len(different)-4)
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }

func machine() string {
	engine := "no engine"
	if out, err := exec.CommandContext(context.Background(), "docker", "version", "--format", "Docker {{.Server.Version}}").Output(); err == nil {
		engine = strings.TrimSpace(string(out))
	}
	return fmt.Sprintf("%s: %s/%s, %d cores, %s", time.Now().UTC().Format(time.DateOnly), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), engine)
}
