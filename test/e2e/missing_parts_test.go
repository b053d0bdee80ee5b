//go:build e2e

package e2e

import (
	"slices"
	"strings"
	"testing"
)

// testMissingParts scales parts of the stack to zero, which verify must name. Slow tests
// scale one at a time, others all services, then all stores.
func testMissingParts(t *testing.T, p *project) {
	client := p.kube(t)
	services := []string{"api-gateway", "auth-service", "video-service", "interaction-service", "notification-service"}
	stores := []string{"redis", "kafka", "postgres"}
	rounds := [][]string{services, stores}
	if slowTests() {
		rounds = slices.Collect(slices.Chunk(slices.Concat(services, stores), 1))
	}
	for _, parts := range rounds {
		t.Run(strings.Join(parts, ", "), func(t *testing.T) {
			for _, name := range parts {
				scale(t, client, name, 0)
				defer scale(t, client, name, 1)
			}
			for _, name := range parts {
				waitFor(t, "the pods of "+name+" to end", func() bool { return len(podsOf(t, client, name)) == 0 })
			}
			verify := p.run(t, "verify").wantExit(t, 15)
			for _, name := range parts {
				verify.wantStderr(t, "✗ "+name+"/", name+": ")
			}
		})
	}
	waitForReadyPods(t, client)
	p.run(t, "verify").wantExit(t, 0)
}
