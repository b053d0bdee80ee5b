package lock

import (
	"context"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// LeasePrefix starts the name of every Lease of tkdeploy.
const LeasePrefix = "tkdeploy."

const listTimeout = 5 * time.Second

// LeaseLister is a part of client-go's LeaseInterface.
type LeaseLister interface {
	List(ctx context.Context, opts metav1.ListOptions) (*coordinationv1.LeaseList, error)
}

// CheckOthers returns a [*HeldError] if a run holds a Lease of tkdeploy other than
// own. It observes Leases that appear expired for their duration, after a call of
// onWait. Runs of this machine that have ended hold nothing.
func CheckOthers(ctx context.Context, leases LeaseLister, own, what string, onWait func(string)) error {
	seen, err := heldLeases(ctx, leases, own)
	if err != nil || len(seen) == 0 {
		return err
	}
	longest := time.Duration(0)
	for _, l := range seen {
		if !isExpired(l, time.Now()) {
			return otherHolds(l, what)
		}
		longest = max(longest, durationOf(l))
	}
	for _, l := range seen {
		onWait(fmt.Sprintf("lock %s on %s appears abandoned by %s; waiting %s for a renewal", l.Name, what, holderOf(l), longest))
	}
	if err := pause(ctx, longest); err != nil {
		return err
	}
	again, err := heldLeases(ctx, leases, own)
	for name, l := range again {
		if before, ok := seen[name]; !ok || before.ResourceVersion != l.ResourceVersion {
			return otherHolds(l, what)
		}
	}
	return err
}

func heldLeases(ctx context.Context, leases LeaseLister, own string) (map[string]*coordinationv1.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	list, err := leases.List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the locks of other runs: %w", err)
	}
	held := map[string]*coordinationv1.Lease{}
	for i, l := range list.Items {
		ours := strings.HasPrefix(l.Name, LeasePrefix) && l.Name != own
		if ours && ptr.Deref(l.Spec.HolderIdentity, "") != "" && holderOf(&l).isRunning() {
			held[l.Name] = &list.Items[i]
		}
	}
	return held, nil
}

func otherHolds(l *coordinationv1.Lease, what string) error {
	return lockedError(&HeldError{What: what, Holder: holderOf(l)},
		fmt.Sprintf("wait for it to finish; the lock of a killed run (Lease %s) expires %s after its last renewal", l.Name, durationOf(l)))
}
