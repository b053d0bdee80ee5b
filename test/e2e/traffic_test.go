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

type request struct {
	sender       user
	method, path string
	want         int
}

// traffic repeats each request every 25 ms, or as soon as the previous one is done.
type traffic struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	sent   int
	failed []string
}

func startTraffic(t *testing.T, requests []request) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{cancel: cancel}
	for _, r := range requests {
		tr.wg.Go(func() { tr.keepSending(ctx, r) })
	}
	t.Cleanup(func() { cancel(); tr.wg.Wait() })
	return tr
}

func (tr *traffic) keepSending(ctx context.Context, r request) {
	ticker := time.NewTicker(25 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
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

func (tr *traffic) stop() (sent int, failed []string) {
	tr.cancel()
	tr.wg.Wait()
	return tr.sent, tr.failed
}

// testRollingUpdate replaces the pods of all services at once. No request may fail.
func testRollingUpdate(t *testing.T, p *project) {
	author, fan := newUser(t, "author"), newUser(t, "fan")
	video := author.postVideo(t, "steady")
	visitor := user{base: frontendURL, client: &http.Client{Timeout: 15 * time.Second}}
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
		t.Errorf("got %d requests, want at least 200", sent)
	}
	for _, f := range failed {
		t.Errorf("failed request: %s", f)
	}
	replaced := 0
	for uid := range pods(t, p.kube(t), stackNamespace) {
		if _, old := before[uid]; !old {
			replaced++
		}
	}
	if replaced != 6 {
		t.Errorf("got %d new pods, want 6, one for each service", replaced)
	}
	author.deleteAccount(t)
	fan.deleteAccount(t)
}
