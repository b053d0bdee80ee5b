package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"tkdeploy.dev/tkdeploy/internal/health"
)

// listening finds out which pods listen on a port that they declare. Then a probe
// that is refused uses the wrong port, and the process is not just slow to start.
type listening struct {
	client kubernetes.Interface
	wg     sync.WaitGroup

	mu    sync.Mutex
	since map[types.UID]time.Time // pods that listen
	tried map[types.UID]time.Time
}

// listenInterval is the time between two connections to a pod.
const listenInterval = 3 * time.Second

// check connects to the declared ports of pods with a refused probe, in the
// background.
func (l *listening) check(ctx context.Context, causes []health.Cause, pods []*corev1.Pod, now time.Time) {
	for _, c := range causes {
		for _, p := range pods {
			if len(c.Declared) > 0 && p.Namespace == c.Object.Namespace && p.Name == c.Pods[0] && l.due(p.UID, now) {
				l.wg.Go(func() { l.connect(ctx, p, c.Declared) })
			}
		}
	}
}

func (l *listening) due(pod types.UID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.since[pod].IsZero() || now.Sub(l.tried[pod]) < listenInterval {
		return false
	}
	if l.tried == nil {
		l.tried = map[types.UID]time.Time{}
	}
	l.tried[pod] = now
	return true
}

// connect sends a GET request for / through the API server's proxy. A TLS handshake
// would not do: a server without TLS may wait for the end of the first line.
func (l *listening) connect(ctx context.Context, pod *corev1.Pod, ports []corev1.ContainerPort) {
	ctx, cancel := context.WithTimeout(ctx, listenInterval)
	defer cancel()
	for _, port := range ports {
		if port.Protocol != "" && port.Protocol != corev1.ProtocolTCP {
			continue
		}
		body, err := l.client.CoreV1().Pods(pod.Namespace).ProxyGet("http", pod.Name, strconv.Itoa(int(port.ContainerPort)), "/", nil).DoRaw(ctx)
		if accepted(body, err) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.since == nil {
				l.since = map[types.UID]time.Time{}
			}
			l.since[pod.UID] = time.Now()
			return
		}
	}
}

// noHTTP matches errors of the API server's proxy after it has connected.
var noHTTP = regexp.MustCompile(`error trying to reach service: .*(malformed HTTP|EOF|connection reset)`)

// accepted reports whether a response proves that the process accepted the connection:
// it is the process's own, or the proxy failed later. The API server sends its own errors
// as a Status, except if it is overloaded or crashes.
func accepted(body []byte, err error) bool {
	var failure apierrors.APIStatus
	if err == nil || !errors.As(err, &failure) {
		return err == nil
	}
	var sent metav1.Status
	if json.Unmarshal(body, &sent) == nil && sent.Kind == "Status" {
		return noHTTP.MatchString(sent.Message)
	}
	code := failure.Status().Code
	return code < http.StatusInternalServerError && code != http.StatusTooManyRequests
}

// pods returns since when pods listen, in the cluster's time.
func (l *listening) pods(skew clockSkew) map[types.UID]time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	pods := map[types.UID]time.Time{}
	for pod, since := range l.since {
		pods[pod] = skew.clusterTime(since)
	}
	return pods
}
