//go:build e2e

package e2e

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// testAutoscaling loads auth-service until its autoscaler adds pods, which up and
// rollback must keep.
func testAutoscaling(t *testing.T, p *project) {
	client := p.kube(t)
	up := []string{"up", "--set", "services.auth.autoscaling.enabled=true"}
	p.run(t, up...).wantExit(t, 0)
	replicas := func() int32 {
		d, err := client.AppsV1().Deployments(stackNamespace).Get(t.Context(), "auth-service", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return *d.Spec.Replicas
	}
	waitFor(t, "the minimum number of pods", func() bool { return replicas() == 2 })

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	u := newUser(t, "busy")
	for range 3 {
		go func() {
			for ctx.Err() == nil {
				_, _, _ = u.send(ctx, "POST", "/api/v1/auth/login", `{"email":"nobody@example.com","password":"wrong horse"}`)
			}
		}()
	}
	waitFor(t, "the autoscaler to add pods", func() bool { return replicas() > 2 })
	stop()
	before := replicas()
	for _, args := range [][]string{up, append(slices.Clone(up), "--set", "services.gateway.env.CHANGED=yes"), {"rollback"}} {
		p.run(t, args...).wantExit(t, 0)
		if after := replicas(); after < before {
			t.Errorf("got %d pods after %v, want at least %d", after, args, before)
		}
	}
	t.Logf("scaled to %d pods", before)
	u.deleteAccount(t)
	p.run(t, "up").wantExit(t, 0)
}
