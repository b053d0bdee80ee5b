//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A request of the steady traffic, and the status that it wants.
type request struct {
	sender       user
	method, path string
	want         int
}

// traffic sends requests until it is stopped, each kind from a client of its own,
// one every 25 ms or as fast as they are answered.
type traffic struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	sent   int
	failed []string
}

func startTraffic(t *testing.T, requests []request) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	tr := &traffic{cancel: stop}
	for _, r := range requests {
		tr.wg.Go(func() { tr.keepSending(ctx, r) })
	}
	t.Cleanup(func() { stop(); tr.wg.Wait() })
	return tr
}

func (tr *traffic) keepSending(ctx context.Context, r request) {
	pace := time.NewTicker(25 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		code, text, err := r.sender.send(context.WithoutCancel(ctx), r.method, r.path, "")
		tr.mu.Lock()
		tr.sent++
		if err != nil || code != r.want {
			tr.failed = append(tr.failed, fmt.Sprintf("%s %s %s: %d %.120s %v", time.Now().Format("15:04:05.000"), r.method, r.path, code, text, err))
		}
		tr.mu.Unlock()
	}
}

// end stops the traffic and tells what became of it.
func (tr *traffic) stop() (sent int, failed []string) {
	tr.cancel()
	tr.wg.Wait()
	return tr.sent, tr.failed
}

// rollingUpdate replaces every service's pods, all at once, while people use the
// stack through gateway and frontend. Nobody notices.
func testRollingUpdate(t *testing.T, p *project) {
	author, fan := newUser(t, "author"), newUser(t, "fan")
	video := author.postVideo(t, "steady")
	visitor := user{base: "http://localhost:23000", client: &http.Client{Timeout: 15 * time.Second}}
	running := startTraffic(t, []request{
		{author, "GET", "/api/v1/feed", 200},
		{author, "GET", "/api/v1/me", 200},
		{fan, "PUT", video + "/like", 204},
		{fan, "GET", video + "/comments", 200},
		{author, "GET", "/api/v1/notifications", 200},
		{visitor, "GET", "/", 200},
	})
	before := pods(t, p.kube(t), stackNamespace)
	set := []string{"up", "--no-verify"}
	for _, service := range []string{"gateway", "auth", "video", "interaction", "notification", "frontend"} {
		set = append(set, "--set", "services."+service+".env.ROLLED=yes")
	}
	p.run(t, set...).wantExit(t, 0)
	sent, failed := running.stop()
	t.Logf("%d requests, %d failed", sent, len(failed))
	if sent < 200 {
		t.Errorf("%d requests are no steady traffic", sent)
	}
	for _, f := range failed {
		t.Error(f)
	}
	rolled := 0
	for uid := range pods(t, p.kube(t), stackNamespace) {
		if _, old := before[uid]; !old {
			rolled++
		}
	}
	if rolled != 6 {
		t.Errorf("%d pods are new, want one of each service", rolled)
	}
	author.deleteAccount(t)
	fan.deleteAccount(t)
}
