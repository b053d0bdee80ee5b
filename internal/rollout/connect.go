package rollout

import (
	"context"
	"fmt"
	"net"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// New returns a Watcher with its own connections to the cluster. It closes them
// when a request times out: a dead connection would fail every request until the
// HTTP/2 health check closes it after 45s (ReadIdleTimeout and PingTimeout in
// k8s.io/apimachinery/pkg/util/net).
func New(config *rest.Config) (*Watcher, error) {
	dialer := connrotation.NewDialer((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext)
	own := rest.CopyConfig(config)
	own.QPS = -1 // a wait starts with a list and a watch of every source
	own.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	client, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("create Kubernetes client: %w", err)
	}
	custom, err := dynamic.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("create Kubernetes client: %w", err)
	}
	return &Watcher{Client: client, Dynamic: custom, reconnect: dialer.CloseAll}, nil
}
