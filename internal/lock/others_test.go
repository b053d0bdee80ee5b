package lock

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

type listedLeases struct {
	mu    sync.Mutex
	items []coordinationv1.Lease
}

func (l *listedLeases) List(context.Context, metav1.ListOptions) (*coordinationv1.LeaseList, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return (&coordinationv1.LeaseList{Items: l.items}).DeepCopy(), nil
}

func (l *listedLeases) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items[0].ResourceVersion = "2"
}

func otherLease(name, identity string, renewedAgo time.Duration) coordinationv1.Lease {
	return coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "1", Annotations: map[string]string{annotationCommand: "tkdeploy up"}},
		Spec: coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To(identity), LeaseDurationSeconds: ptr.To(int32(30)),
			RenewTime: ptr.To(metav1.NewMicroTime(time.Now().Add(-renewedAgo))),
		},
	}
}

func TestCheckOthers(t *testing.T) {
	t.Parallel()
	host := Self("").Host
	const theirs = "ada@laptop/4711"
	for name, test := range map[string]struct {
		lease, identity string
		ago             time.Duration
		renewed         bool // while it is observed
		held            bool
		within          time.Duration
	}{
		"respects a fresh Lease of another release":           {lease: "tkdeploy.shop.web", identity: theirs, held: true},
		"respects a Lease that is renewed with an old time":   {lease: "tkdeploy.shop.web", identity: theirs, ago: time.Hour, renewed: true, held: true, within: 30 * time.Second},
		"ignores a Lease that is not renewed":                 {lease: "tkdeploy.shop.web", identity: theirs, ago: time.Hour, within: 30 * time.Second},
		"ignores its own Lease":                               {lease: leaseName, identity: theirs},
		"ignores Leases of other programs":                    {lease: "kube-scheduler", identity: theirs},
		"ignores a Lease that nobody holds":                   {lease: "tkdeploy.shop.web"},
		"ignores a killed run of this machine":                {lease: "tkdeploy.shop.web", identity: "ada@" + host + "/" + strconv.Itoa(1<<22+1)},
		"respects a run of this machine that is still active": {lease: "tkdeploy.shop.web", identity: "ada@" + host + "/" + strconv.Itoa(os.Getpid()), held: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				leases := listedLeases{items: []coordinationv1.Lease{otherLease(test.lease, test.identity, test.ago)}}
				if test.renewed {
					time.AfterFunc(10*time.Second, leases.renew)
				}
				var waits []string
				begin := time.Now()
				err := CheckOthers(t.Context(), &leases, leaseName, "cluster shop-dev", func(text string) { waits = append(waits, text) })
				if took := time.Since(begin); took != test.within || len(waits) > 0 != (test.within > 0) {
					t.Errorf("got result after %s with waits %q, want %s", took, waits, test.within)
				}
				if held := fault.ClassOf(err) == fault.Locked; held != test.held || err != nil != test.held {
					t.Fatalf("got %v, want held: %t", err, test.held)
				}
				if test.held && !strings.HasPrefix(err.Error(), "cluster shop-dev is locked by another run: tkdeploy up of ada@") {
					t.Errorf("got %v, want the holder", err)
				}
			})
		})
	}
}
