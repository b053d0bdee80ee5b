// Command bench measures tkdeploy against the script that a careful user writes.
// Run it through make bench or make bench-quick, which build what it needs; see
// bench/README.md for what is measured and how.
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

// An app is what a block deploys.
type app struct {
	name      string
	spec      fixture.Spec
	blocks    int // that are timed; block 0 comes before them
	arms      []string
	scenarios []string
}

var (
	every       = []string{report.Cold, report.Unchanged, report.Unverified, report.Source, report.Value, report.Drift, report.Load}
	everyday    = []string{report.Cold, report.Unchanged, report.Source}
	withoutLoad = slices.DeleteFunc(slices.Clone(every), func(s string) bool { return s == report.Load })
	pair        = []string{report.Hand, report.Tkdeploy}
)

// apps in the order in which they run. All of it takes two hours on a machine
// with 2 cores: what targets are set for has the most blocks, and the arms that
// are to be compared with by the eye are with the smallest app only.
var apps = []app{
	{"svc5", fixture.Spec{Services: 5, BaseMB: 100, NoiseMB: 4}, 3, []string{report.Hand, report.Naive, report.Tkdeploy, report.Again}, every},
	{"stack", fixture.Spec{}, 3, pair, withoutLoad},
	{"load20", fixture.Spec{Services: 20, BaseMB: 500, NoiseMB: 4}, 3, pair, []string{report.Cold, report.Load}}, // 10 MB each: noise and program
	{"svc50", fixture.Spec{Services: 50, BaseMB: 100, NoiseMB: 4}, 2, pair, everyday},
	{"svc20", fixture.Spec{Services: 20, BaseMB: 100, NoiseMB: 4}, 1, pair, everyday},
	{"big1", fixture.Spec{Services: 1, BaseMB: 1000, NoiseMB: 4}, 1, pair, []string{report.Cold}},
}

// naiveBlocks is how many blocks the naive arm takes part in: it is slow, and
// nothing is compared with it but by the eye.
const naiveBlocks = 2

// options are what the flags say.
type options struct {
	quick     bool
	apps      string
	arms      string
	scenarios string
	blocks    int
	repeats   int
	seed      uint64
}

// whole is a sitting with nothing left out, whose results are published.
func (o options) whole() bool {
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
	flags.BoolVar(&o.quick, "quick", false, "one counted block of 5 services; fail on counts, never on times")
	flags.StringVar(&o.apps, "apps", "", "only these, such as svc5,stack")
	flags.StringVar(&o.arms, "arms", "", "only these, such as hand,tkdeploy; default: each app's own")
	flags.StringVar(&o.scenarios, "scenarios", "", "only these, such as cold,unchanged")
	flags.IntVar(&o.blocks, "blocks", -1, "timed blocks of every app, after the counted one; default: each app's own")
	flags.IntVar(&o.repeats, "repeats", 2, "how often a block repeats what needs no new cluster")
	flags.Uint64Var(&o.seed, "seed", uint64(time.Now().Unix()), "of the arms' order and of what is changed: give each sitting its own")
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
			if err := b.app(ctx, a); err != nil {
				return err
			}
		}
	}
	if err := b.version(ctx); err != nil {
		return err
	}
	if _, err := io.WriteString(out, b.results.Markdown()); err != nil {
		return err
	}
	if o.whole() {
		if err := publish(b.results); err != nil {
			return err
		}
	}
	if len(b.violations) > 0 {
		return errors.New(strings.Join(b.violations, "\n"))
	}
	return nil
}

// publish writes the results to docs/.
func publish(results *report.Results) error {
	path := func(ext string) string { return filepath.Join("docs", "performance."+ext) }
	if err := results.Save(path("json")); err != nil {
		return err
	}
	if err := os.WriteFile(path("svg"), []byte(results.SVG()), 0o644); err != nil {
		return err
	}
	return report.Insert(path("md"), results.Markdown())
}
