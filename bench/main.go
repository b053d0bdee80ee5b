// Command bench compares tkdeploy with a hand-written script around docker, kind and helm.
// Run it with make bench or make bench-quick. See bench/README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/bench/internal/fixture"
	"tkdeploy.dev/tkdeploy/bench/internal/report"
)

type app struct {
	name      string
	spec      fixture.Spec
	blocks    int // timed, after counted block 0
	arms      []string
	scenarios []string
}

var (
	allScenarios  = []string{report.Cold, report.Unchanged, report.Unverified, report.Source, report.Value, report.Drift, report.Load}
	mainScenarios = []string{report.Cold, report.Unchanged, report.Source}
	noLoad        = slices.DeleteFunc(slices.Clone(allScenarios), func(s string) bool { return s == report.Load })
	bothArms      = []string{report.Hand, report.Tkdeploy}
)

// apps takes two hours on a machine with 2 cores. Apps with targets get the most blocks.
// Arms without targets (naive, again) run only with svc5.
var apps = []app{
	{"svc5", fixture.Spec{Services: 5, BaseMB: 100, NoiseMB: 4}, 3, []string{report.Hand, report.Naive, report.Tkdeploy, report.Again}, allScenarios},
	{"stack", fixture.Spec{}, 3, bothArms, noLoad},
	{"load20", fixture.Spec{Services: 20, BaseMB: 500, NoiseMB: 4}, 3, bothArms, []string{report.Cold, report.Load}}, // 10 MB each: noise and program
	{"svc50", fixture.Spec{Services: 50, BaseMB: 100, NoiseMB: 4}, 2, bothArms, mainScenarios},
	{"svc20", fixture.Spec{Services: 20, BaseMB: 100, NoiseMB: 4}, 1, bothArms, mainScenarios},
	{"big1", fixture.Spec{Services: 1, BaseMB: 1000, NoiseMB: 4}, 1, bothArms, []string{report.Cold}},
}

// naiveBlocks limits a slow arm without a target.
const naiveBlocks = 2

type options struct {
	quick     bool
	apps      string
	arms      string
	scenarios string
	blocks    int
	repeats   int
	seed      uint64
}

// complete reports whether the results can be published.
func (o options) complete() bool {
	return !o.quick && o.apps == "" && o.arms == "" && o.scenarios == "" && o.blocks < 0
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.BoolVar(&o.quick, "quick", false, "run one counted block of svc5; fail on counts, never on times")
	flags.StringVar(&o.apps, "apps", "", "run only these `apps`, such as svc5,stack")
	flags.StringVar(&o.arms, "arms", "", "run only these `arms`, such as hand,tkdeploy (default: those of each app)")
	flags.StringVar(&o.scenarios, "scenarios", "", "run only these `scenarios`, such as cold,unchanged")
	flags.IntVar(&o.blocks, "blocks", -1, "number of timed blocks per app, after the counted one; -1 uses the number of each app")
	flags.IntVar(&o.repeats, "repeats", 2, "runs per block of each scenario that needs no new cluster")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "`seed` for the order of the arms and for the changes; use a new one for every execution")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.apps, o.blocks, o.repeats = "svc5", 0, 1
		o.scenarios = strings.Join([]string{report.Cold, report.Unchanged, report.Source, report.Value, report.Drift}, ",")
	}
	return measure(ctx, o, out, log)
}

func measure(ctx context.Context, o options, out, log io.Writer) error {
	b, err := newBench(ctx, o, log)
	if err != nil {
		return err
	}
	defer b.close()
	for _, a := range apps {
		if o.apps == "" || slices.Contains(strings.Split(o.apps, ","), a.name) {
			if err := b.measureApp(ctx, a); err != nil {
				return err
			}
		}
	}
	if err := b.version(ctx); err != nil {
		return err
	}
	if _, err := io.WriteString(out, b.results.Markdown()+"\n"+b.results.Counters()); err != nil {
		return err
	}
	if o.complete() {
		if err := publish(b.results); err != nil {
			return err
		}
	}
	if len(b.violations) > 0 {
		return errors.New(strings.Join(b.violations, "\n"))
	}
	return nil
}

func publish(results *report.Results) error {
	path := func(ext string) string { return filepath.Join("docs", "performance."+ext) }
	if err := results.Save(path("json")); err != nil {
		return err
	}
	if err := os.WriteFile(path("svg"), []byte(results.SVG()), 0o644); err != nil {
		return err
	}
	return errors.Join(
		report.Insert(path("md"), results.Markdown()),
		report.Insert(filepath.Join("docs", "performance-counters.md"), results.Counters()),
	)
}
