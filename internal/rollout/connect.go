package rollout

import (
	"context"
	"fmt"
	"net"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
)

// New makes a Watcher of the cluster of config, with connections of its own.
// Over a connection that has gone silent, requests would time out until HTTP/2's
// own health check closes it after 45 s (ReadIdleTimeout and PingTimeout of
// k8s.io/apimachinery/pkg/util/net); this Watcher closes it after the first.
func New(config *rest.Config) (*Watcher, error) {
	dialer := connrotation.NewDialer((&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext)
	own := rest.CopyConfig(config)
	own.QPS = -1 // a wait begins with a list and a watch of each source
	own.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, address)
	}
	client, err := kubernetes.NewForConfig(own)
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return &Watcher{Client: client, reconnect: dialer.CloseAll}, nil
}
