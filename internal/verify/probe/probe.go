package probe

import (
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"tkdeploy.dev/tkdeploy/internal/sleep"
)

// maxParallel limits attempts. Each uses a socket and a conntrack entry, and
// the cluster DNS also serves the app.
const maxParallel = 64

// Run reads checks as JSON from in, runs them in parallel, each as soon as its needs
// have passed, and retries failures. It writes each [Result] to out as one JSON line.
// It fails if it cannot read the checks or write a result, or if ctx is done.
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	checks, err := decode(in)
	if err != nil {
		return err
	}
	p := prober{
		network:         network{resolver: &net.Resolver{PreferGo: true}, connect: connect},
		pause:           100 * time.Millisecond,
		maxPause:        time.Second,
		failFastTimeout: defaultWithin,
	}
	return p.run(ctx, inDomain(checks, clusterDomain("/etc/resolv.conf")), out)
}

// MaxDuration returns the longest time that [Run] can take: the longest chain
// of needs with all attempts timing out, for each maxParallel checks.
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
	return longest * time.Duration(math.Ceil(float64(len(checks))/maxParallel))
}

// prober runs checks. Tests replace its fields.
type prober struct {
	network         network
	pause, maxPause time.Duration // between attempts; doubled up to the maximum

	failFastTimeout time.Duration // for retries once another check has failed
	failed          atomic.Bool
}

func (p *prober) run(ctx context.Context, checks []Check, out io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	writer := lineWriter{out: out}
	slots := make(chan struct{}, maxParallel)
	completions := map[string]*completion{}
	var all sync.WaitGroup
	for _, c := range checks {
		own := &completion{done: make(chan struct{})}
		needs := make([]*completion, len(c.Needs))
		for i, need := range c.Needs {
			needs[i] = completions[need]
		}
		completions[c.ID] = own
		all.Go(func() {
			defer close(own.done)
			own.result = p.runCheck(ctx, c, needs, slots)
			if ctx.Err() != nil {
				return // an interrupted check has no result
			}
			if own.result.Outcome == Failed {
				p.failed.Store(true)
			}
			if err := writer.write(own.result); err != nil {
				cancel(fmt.Errorf("write result: %w", err))
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

type completion struct {
	done   chan struct{}
	result Result
}

// runCheck blocks the check unless all its needs pass. A blocked check names
// the failed one.
func (p *prober) runCheck(ctx context.Context, c Check, needs []*completion, slots chan struct{}) Result {
	for _, need := range needs {
		<-need.done
		cause := need.result.ID
		switch need.result.Outcome {
		case Passed:
			continue
		case Blocked:
			cause = need.result.BlockedBy
		}
		return Result{ID: c.ID, Outcome: Blocked, BlockedBy: cause, Message: "skipped: " + cause + " failed"}
	}
	slots <- struct{}{}
	defer func() { <-slots }()
	return p.retryUntil(ctx, c)
}

// retryUntil returns the result of the last attempt.
func (p *prober) retryUntil(ctx context.Context, c Check) Result {
	start := time.Now()
	r := Result{ID: c.ID}
	for pause := p.pause; ; pause = min(2*pause, p.maxPause) {
		attempt := p.attempt(ctx, c)
		r.Attempts++
		r.Outcome, r.Reason, r.Message, r.Answer, r.Latency = attempt.Outcome, attempt.Reason, attempt.Message, attempt.Answer, attempt.Latency
		r.Elapsed = time.Since(start)
		if r.Outcome == Passed || r.Elapsed+pause > p.retryTimeout(c) || ctx.Err() != nil {
			return r
		}
		sleep.For(ctx, pause)
	}
}

// retryTimeout is shorter once another check has failed. Further failures only
// explain it, such as the unknown name of a headless Service without pods.
func (p *prober) retryTimeout(c Check) time.Duration {
	if p.failed.Load() {
		return min(c.within(), p.failFastTimeout)
	}
	return c.within()
}

func (p *prober) attempt(ctx context.Context, c Check) Result {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	check := map[Kind]func(context.Context, Check) (Answer, string, *problem){
		DNS: p.network.checkDNS, TCP: p.network.checkTCP, HTTP: p.network.checkHTTP, GRPC: p.network.checkGRPC, Policies: p.network.checkPolicies,
	}[c.Kind]
	if check == nil {
		return Result{Outcome: Failed, Reason: Unexpected, Message: fmt.Sprintf("check kind %q is unknown to this version of the probe", c.Kind)}
	}
	start := time.Now()
	answer, message, problem := check(ctx, c)
	r := Result{Outcome: Passed, Message: message, Answer: answer, Latency: time.Since(start)}
	if problem != nil {
		r.Outcome, r.Reason, r.Message = Failed, problem.reason, problem.text
	}
	return r
}
