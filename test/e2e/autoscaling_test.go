//go:build e2e

package e2e

import (
	"context"
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// autoscaling lets the autoscaler see people log in, which is work for
// auth-service, and then that up and rollback leave the number of its pods alone.
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
	waitFor(t, "the autoscaler's fewest pods", func() bool { return replicas() == 2 })

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m := newUser(t, "busy")
	for range 3 {
		go func() {
			for ctx.Err() == nil {
				_, _, _ = m.send(ctx, "POST", "/api/v1/auth/login", `{"email":"nobody@example.com","password":"wrong horse"}`)
			}
		}()
	}
	waitFor(t, "the autoscaler to add pods", func() bool { return replicas() > 2 })
	stop()
	before := replicas()
	for _, args := range [][]string{up, append(slices.Clone(up), "--set", "services.gateway.env.CHANGED=yes"), {"rollback"}} {
		p.run(t, args...).wantExit(t, 0)
		if after := replicas(); after < before {
			t.Errorf("%d pods before %v, %d after", before, args, after)
		}
	}
	t.Logf("scaled to %d pods", before)
	m.deleteAccount(t)
	p.run(t, "up").wantExit(t, 0)
}
