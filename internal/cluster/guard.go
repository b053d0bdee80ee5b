package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
)

// guarded makes every client of the config look at the nodes before its first
// request that could change something, and refuse it with [fault.Safety] if they
// are not of this cluster. So nothing is written elsewhere, whoever writes.
func (c *Cluster) guardWrites(config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &apiGuard{cluster: c, next: next}
	})
}

// An apiGuard lets reads pass at once, and writes once the nodes are known.
type apiGuard struct {
	cluster *Cluster
	next    http.RoundTripper

	mu       sync.Mutex
	verified bool
}

// RoundTrip implements [http.RoundTripper].
func (g *apiGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := g.check(r); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // a RoundTripper must, and it was only read
			}
			return nil, err
		}
	}
	return g.next.RoundTrip(r)
}

// check asks for the nodes where the request is to go.
func (g *apiGuard) check(r *http.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.verified {
		return nil
	}
	nodes, err := g.nodes(r.Context(), r)
	if err != nil {
		return fmt.Errorf("see whose cluster this is before writing to it: %w", err)
	}
	cause := g.cluster.ownershipMismatch(nodes)
	if len(nodes) == 0 {
		cause = "its kubeconfig leads to a cluster that has no nodes"
	}
	if cause != "" {
		return g.cluster.notOwnedError(cause)
	}
	g.verified = true
	return nil
}

func (g *apiGuard) nodes(ctx context.Context, r *http.Request) ([]corev1.Node, error) {
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL.Scheme+"://"+r.URL.Host+"/api/v1/nodes", http.NoBody)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "User-Agent"} {
		if value := r.Header.Get(name); value != "" {
			ask.Header.Set(name, value)
		}
	}
	ask.Header.Set("Accept", "application/json")
	response, err := g.next.RoundTrip(ask)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var list corev1.NodeList
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("list its nodes: %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("list its nodes: %w", err)
	}
	return list.Items, nil
}
