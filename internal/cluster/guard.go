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

// guardWrites makes clients of config check the nodes before the first write, which
// fails with [fault.NotOwned] if one belongs to another cluster.
func (c *Cluster) guardWrites(config *rest.Config) {
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &apiGuard{cluster: c, next: next}
	})
}

type apiGuard struct {
	cluster *Cluster
	next    http.RoundTripper

	mu       sync.Mutex
	verified bool
}

func (g *apiGuard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := g.check(r); err != nil {
			if r.Body != nil {
				_ = r.Body.Close() // required of a RoundTripper
			}
			return nil, err
		}
	}
	return g.next.RoundTrip(r)
}

func (g *apiGuard) check(r *http.Request) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.verified {
		return nil
	}
	nodes, err := g.nodes(r.Context(), r)
	if err != nil {
		return fmt.Errorf("check cluster ownership before writing: %w", err)
	}
	reason := g.cluster.ownershipMismatch(nodes)
	if len(nodes) == 0 {
		reason = "kubeconfig points to a cluster without nodes"
	}
	if reason != "" {
		return g.cluster.notOwnedError(reason, "")
	}
	g.verified = true
	return nil
}

func (g *apiGuard) nodes(ctx context.Context, r *http.Request) ([]corev1.Node, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL.Scheme+"://"+r.URL.Host+"/api/v1/nodes", http.NoBody)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"Authorization", "User-Agent"} {
		if value := r.Header.Get(name); value != "" {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Accept", "application/json")
	response, err := g.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var list corev1.NodeList
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("list nodes: %s", response.Status)
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	return list.Items, nil
}
