package hooks

import (
	"io"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"tkdeploy.dev/tkdeploy/internal/verify/pods/podstest"
)

// lateLogs is an API server whose followed logs end long after their container.
type lateLogs struct {
	kubernetes.Interface
	text     string
	followed *int
}

func (l lateLogs) CoreV1() typedcorev1.CoreV1Interface { return lateCore{l.Interface.CoreV1(), l} }

type lateCore struct {
	typedcorev1.CoreV1Interface
	late lateLogs
}

func (c lateCore) Pods(namespace string) typedcorev1.PodInterface {
	return latePods{c.CoreV1Interface.Pods(namespace), c.late}
}

type latePods struct {
	typedcorev1.PodInterface
	late lateLogs
}

func (p latePods) GetLogs(_ string, options *corev1.PodLogOptions) *rest.Request {
	client := &http.Client{Transport: roundTrip(func(request *http.Request) (*http.Response, error) {
		log, writer := io.Pipe()
		go func() {
			_, err := io.WriteString(writer, p.late.text)
			if options.Follow {
				*p.late.followed++
				select {
				case <-request.Context().Done():
					err = request.Context().Err()
				case <-time.After(time.Minute):
				}
			}
			writer.CloseWithError(err)
		}()
		return &http.Response{StatusCode: http.StatusOK, Body: log}, nil
	})}
	return rest.NewRequestWithClient(&url.URL{Scheme: "http", Host: "api"}, "", rest.ClientContentConfig{}, client).Verb("GET")
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestPodFollower_followLog(t *testing.T) {
	t.Parallel()
	t.Run("stops with the pod and not with the log", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			client := (&podstest.Kubelet{States: life(corev1.PodSucceeded, 0)}).Cluster(t)
			r := newRunner(client)
			followed := 0
			r.Pods.API = lateLogs{client, passingLog, &followed}
			o := run(t.Context(), r, podHook(t, "journey"))
			if o.err != nil || followed != 1 {
				t.Fatalf("got %v, followed %d times, want success, once", o.err, followed)
			}
			if o.took != 3*time.Second {
				t.Errorf("took %v, want 3s, when the pod ends", o.took)
			}
			if want := "journey/register done\njourney/like blocked skipped: no video"; o.ends() != want {
				t.Errorf("items (-want +got):\n%s", cmp.Diff(want, o.ends()))
			}
		})
	})
}
