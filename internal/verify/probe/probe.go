package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// atOnce bounds the tries in flight: each is a socket and a conntrack entry,
// and the cluster's DNS serves the app too.
const atOnce = 64

// Run runs inside the pod: it reads checks as JSON from in, asks them all
// side by side, each as soon as what it needs has passed, repeats what fails
// within its time, and writes a [Result] as one JSON line to out for every
// check that ends. A check that fails is a result and no error: an error says
// that Run could not do its work, or that ctx ended it.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	checks, err := decode(in)
	if err != nil {
		return err
	}
	p := prober{resolver: &net.Resolver{PreferGo: true}, knock: knockAt, pause: 100 * time.Millisecond, maxPause: time.Second, inVain: answerWithin}
	return p.run(ctx, inDomain(checks, clusterDomain("/etc/resolv.conf")), out)
}

// MaxDuration is the longest time that the probe can take: its longest chain of
// needs with every try late, as many times as atOnce fits into the checks.
func MaxDuration(checks []Check) time.Duration {
	took := map[string]time.Duration{}
	var longest time.Duration
	for _, c := range checks {
		for _, need := range c.Needs {
			took[c.ID] = max(took[c.ID], took[need])
		}
		took[c.ID] += c.within() + c.timeout()
		longest = max(longest, took[c.ID])
	}
	return longest * time.Duration(math.Ceil(float64(len(checks))/atOnce))
}

// A prober asks. Its fields are what a test replaces.
type prober struct {
	resolver        *net.Resolver
	knock           func(ctx context.Context, host string, port int) knock
	pause, maxPause time.Duration // between tries: the first, doubling up to the last

	inVain time.Duration // how long a check is repeated at most once another has failed for good
	failed atomic.Bool   // one has
}

// run starts every check and joins them all before it returns.
func (p *prober) run(ctx context.Context, checks []Check, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	writer := lineWriter{out: out}
	slots := make(chan struct{}, atOnce)
	ends := map[string]*end{}
	var all sync.WaitGroup
	for _, c := range checks {
		mine := &end{done: make(chan struct{})}
		needs := make([]*end, len(c.Needs))
		for i, need := range c.Needs {
			needs[i] = ends[need]
		}
		ends[c.ID] = mine
		all.Go(func() {
			defer close(mine.done)
			mine.result = p.settle(ctx, c, needs, slots)
			if ctx.Err() != nil {
				return // what failed because it was cut short is no result
			}
			if mine.result.Outcome == Failed {
				p.failed.Store(true)
			}
			if err := writer.write(mine.result); err != nil {
				cancel(fmt.Errorf("write a result: %w", err))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

// An end is a check's result, valid once done is closed.
type end struct {
	done   chan struct{}
	result Result
}

// settle waits for the needs and asks if all of them passed. A blocked check
// names the one that failed, not one that was blocked itself.
func (p *prober) settle(ctx context.Context, c Check, needs []*end, slots chan struct{}) Result {
	for _, need := range needs {
		<-need.done
		cause := need.result.ID
		switch need.result.Outcome {
		case Passed:
			continue
		case Blocked:
			cause = need.result.BlockedBy
		}
		return Result{ID: c.ID, Outcome: Blocked, BlockedBy: cause, Message: "not asked: " + cause + " failed"}
	}
	slots <- struct{}{}
	defer func() { <-slots }()
	return p.insist(ctx, c)
}

// insist repeats the check until it passes or its time is up. The last try
// speaks for all.
func (p *prober) insist(ctx context.Context, c Check) Result {
	start := time.Now()
	r := Result{ID: c.ID}
	for pause := p.pause; ; pause = min(2*pause, p.maxPause) {
		try := p.try(ctx, c)
		r.Attempts++
		r.Outcome, r.Reason, r.Message, r.Answer, r.Latency = try.Outcome, try.Reason, try.Message, try.Answer, try.Latency
		r.Elapsed = time.Since(start)
		if r.Outcome == Passed || r.Elapsed+pause > p.patience(c) || ctx.Err() != nil {
			return r
		}
		Wait(ctx, pause)
	}
}

// patience is how long the check is repeated. Once another has failed for good
// it only helps to tell why, and a name that is unknown for as long as that is
// one of the reasons: a headless Service has no address without pods.
func (p *prober) patience(c Check) time.Duration {
	if p.failed.Load() {
		return min(c.within(), p.inVain)
	}
	return c.within()
}

// try asks once.
func (p *prober) try(ctx context.Context, c Check) Result {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	ask := map[Kind]func(context.Context, Check) (Answer, string, *problem){
		DNS: p.askDNS, TCP: p.askTCP, HTTP: p.askHTTP, GRPC: p.askGRPC, Policies: p.askPolicies,
	}[c.Kind]
	if ask == nil {
		return Result{Outcome: Failed, Reason: WrongAnswer, Message: fmt.Sprintf("kind %q is unknown to this probe", c.Kind)}
	}
	start := time.Now()
	answer, good, bad := ask(ctx, c)
	r := Result{Outcome: Passed, Message: good, Answer: answer, Latency: time.Since(start)}
	if bad != nil {
		r.Outcome, r.Reason, r.Message = Failed, bad.reason, bad.text
	}
	return r
}

// Wait waits for d, or until ctx ends.
func Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// A lineWriter writes whole lines, one at a time.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) write(r Result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(line, '\n'))
	return err
}

// inDomain puts the cluster's real domain in the place of the default one.
func inDomain(checks []Check, domain string) []Check {
	for i := range checks {
		if name, ok := strings.CutSuffix(checks[i].Target.Host, ".svc."+DefaultDomain); ok {
			checks[i].Target.Host = name + ".svc." + domain
		}
	}
	return checks
}
