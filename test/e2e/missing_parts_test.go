//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// brokenParts takes away one part of the stack after the other, in make test all
// services and then all stores: verify ends with 15 and names what is gone. It comes
// back while the next is gone.
func testMissingParts(t *testing.T, p *project) {
	client := p.kube(t)
	services := []string{"api-gateway", "auth-service", "video-service", "interaction-service", "notification-service"}
	stores := []string{"redis", "kafka", "postgres"}
	rounds := [][]string{services, stores}
	if slowTests() {
		rounds = slices.Collect(slices.Chunk(slices.Concat(services, stores), 1))
	}
	for _, gone := range rounds {
		t.Run(strings.Join(gone, ", "), func(t *testing.T) {
			for _, name := range gone {
				scale(t, client, name, 0)
				defer scale(t, client, name, 1)
			}
			for _, name := range gone {
				waitFor(t, name+" to be gone", func() bool { return len(podsOf(t, client, name)) == 0 })
			}
			verify := p.run(t, "verify").wantExit(t, 15)
			for _, name := range gone {
				verify.wantStderr(t, "✗ "+name+"/", name+": ")
			}
		})
	}
	waitForReadyPods(t, client)
	p.run(t, "verify").wantExit(t, 0)
}
