package lock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

const leaseName = "tkdeploy.shop.shop"

// fakeLeases stores one Lease with optimistic locking.
type fakeLeases struct {
	mu           sync.Mutex
	lease        *coordinationv1.Lease
	version      int
	writes       int
	fail         func(verb string) error // may be nil
	loseResponse string                  // verb whose next response is lost
}

var leaseResource = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *fakeLeases) do(verb string, work func() error) (*coordinationv1.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(verb); err != nil {
			return nil, err
		}
	}
	if err := work(); err != nil {
		return nil, err
	}
	if s.loseResponse == verb {
		s.loseResponse = ""
		return nil, errors.New("connection reset by peer")
	}
	return s.lease.DeepCopy(), nil
}

func (s *fakeLeases) store(lease *coordinationv1.Lease) error {
	s.version++
	s.writes++
	s.lease = lease.DeepCopy()
	s.lease.ResourceVersion = strconv.Itoa(s.version)
	return nil
}

func (s *fakeLeases) missing() error { return apierrors.NewNotFound(leaseResource, leaseName) }

func (s *fakeLeases) Get(context.Context, string, metav1.GetOptions) (*coordinationv1.Lease, error) {
	return s.do("get", func() error {
		if s.lease == nil {
			return s.missing()
		}
		return nil
	})
}

func (s *fakeLeases) Create(_ context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return s.do("create", func() error {
		if s.lease != nil {
			return apierrors.NewAlreadyExists(leaseResource, leaseName)
		}
		lease.UID = types.UID(strconv.Itoa(s.version))
		return s.store(lease)
	})
}

func (s *fakeLeases) Update(_ context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return s.do("update", func() error {
		if s.lease == nil {
			return s.missing()
		}
		if lease.ResourceVersion != s.lease.ResourceVersion {
			return apierrors.NewConflict(leaseResource, leaseName, errors.New("modified"))
		}
		return s.store(lease)
	})
}

func (s *fakeLeases) Delete(_ context.Context, _ string, o metav1.DeleteOptions) error {
	_, err := s.do("delete", func() error {
		if s.lease == nil {
			return s.missing()
		}
		if *o.Preconditions.ResourceVersion != s.lease.ResourceVersion || *o.Preconditions.UID != s.lease.UID {
			return apierrors.NewConflict(leaseResource, leaseName, errors.New("modified"))
		}
		s.lease = nil
		return nil
	})
	return err
}

func (s *fakeLeases) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		return ""
	}
	return *s.lease.Spec.HolderIdentity
}

func (s *fakeLeases) write(change func(*coordinationv1.Lease)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lease := &coordinationv1.Lease{}
	if s.lease != nil {
		lease = s.lease.DeepCopy()
	}
	change(lease)
	_ = s.store(lease)
}

// renewedAgo returns a change to a Lease that another run renewed ago.
func renewedAgo(ago time.Duration) func(*coordinationv1.Lease) {
	return func(lease *coordinationv1.Lease) {
		lease.Name = leaseName
		lease.Annotations = map[string]string{annotationCommand: "tkdeploy up --env ci", annotationToken: "theirs"}
		lease.Spec = coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("ada@laptop/4711"), LeaseDurationSeconds: ptr.To(int32(30)),
			RenewTime: ptr.To(metav1.NewMicroTime(time.Now().Add(-ago))),
		}
	}
}

type testRun struct {
	file  *File
	waits []string
	lost  []error
}

func newTestRun(t *testing.T, path string) *testRun {
	t.Helper()
	self := Holder{User: "root", Host: Self("").Host, PID: 1, Command: "tkdeploy up", Since: time.Now()}
	f, err := Acquire(t.Context(), path, "the shop", self)
	if err != nil {
		t.Fatal(err)
	}
	return &testRun{file: f}
}

func (r *testRun) acquire(ctx context.Context, s Leases) (*Lease, error) {
	return r.file.AcquireLease(ctx, LeaseOptions{
		Leases: s, Name: leaseName, What: "the shop",
		OnWait: func(text string) { r.waits = append(r.waits, text) },
		OnLost: func(err error) { r.lost = append(r.lost, err) },
	})
}

func withFakeTime(t *testing.T, test func(t *testing.T, s *fakeLeases, r *testRun)) {
	t.Helper()
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop")
	synctest.Test(t, func(t *testing.T) { test(t, &fakeLeases{}, newTestRun(t, path)) })
}

func TestFile_AcquireLease(t *testing.T) {
	t.Parallel()
	t.Run("renews the Lease and deletes it on release", func(t *testing.T) {
		withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
			ctx, cancel := context.WithCancel(t.Context())
			lease, err := r.acquire(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			if want := "root@" + r.file.record.Host + "/1"; s.holder() != want {
				t.Errorf("held by %s, want %s", s.holder(), want)
			}
			cancel() // cleanup after a cancellation needs the lock too
			time.Sleep(65 * time.Second)
			synctest.Wait()
			if s.writes != 1+6 {
				t.Errorf("got %d writes in 65 s, want %d", s.writes, 1+6)
			}
			if err := lease.Release(t.Context()); err != nil || s.lease != nil {
				t.Errorf("got %v, Lease %v, want no Lease", err, s.lease)
			}
			if len(r.lost) > 0 || len(r.waits) > 0 {
				t.Errorf("got lost %v, waits %v, want none", r.lost, r.waits)
			}
		})
	})

	t.Run("takes over the Lease of a killed local run", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		synctest.Test(t, func(t *testing.T) {
			s := &fakeLeases{}
			dead := newTestRun(t, path)
			lease, err := dead.acquire(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			lease.Pause()
			dead.file.unlock() // like the kernel
			r := newTestRun(t, path)
			begin := time.Now()
			lease, err = r.acquire(t.Context(), s)
			if err != nil || time.Since(begin) > 0 || !lease.isMine(s.lease) {
				t.Fatalf("got %v after %s, want the Lease immediately", err, time.Since(begin))
			}
			if err := errors.Join(lease.Release(t.Context()), r.file.Release(false)); err != nil || s.lease != nil {
				t.Errorf("got %v, Lease %v, want no Lease", err, s.lease)
			}
		})
	})

	t.Run("reports a lost Lease once and keeps it", func(t *testing.T) {
		withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
			lease, err := r.acquire(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			s.write(renewedAgo(0))
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(r.lost) != 1 || fault.ClassOf(r.lost[0]) != fault.Locked ||
				r.lost[0].Error() != "lost the lock on the shop to another run: tkdeploy up --env ci of ada@laptop/4711" {
				t.Errorf("got lost %v, want one lock error", r.lost)
			}
			if err := lease.Release(t.Context()); err != nil || s.holder() != "ada@laptop/4711" {
				t.Errorf("got %v, held by %q, want ada@laptop/4711", err, s.holder())
			}
		})
	})

	t.Run("survives an outage of the API server", func(t *testing.T) {
		withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
			lease, err := r.acquire(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			back := time.Now().Add(45 * time.Second)
			s.mu.Lock()
			s.fail = func(string) error {
				if time.Now().Before(back) {
					return errors.New("connection refused")
				}
				return nil
			}
			s.mu.Unlock()
			time.Sleep(47 * time.Second)
			synctest.Wait()
			if age := time.Since(s.lease.Spec.RenewTime.Time); age > 2*time.Second || len(r.lost) > 0 {
				t.Errorf("got renewed %s ago, lost %v, want at most 2s, none", age, r.lost)
			}
			lease.Pause()
		})
	})

	t.Run("recreates a deleted Lease", func(t *testing.T) {
		withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
			lease, err := r.acquire(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.lease = nil
			s.mu.Unlock()
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if !strings.HasPrefix(s.holder(), "root@") || len(r.lost) > 0 {
				t.Errorf("got held by %q, lost %v, want root, none", s.holder(), r.lost)
			}
			lease.Pause()
		})
	})

	t.Run("stops waiting when canceled", func(t *testing.T) {
		withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
			s.write(renewedAgo(time.Hour))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := r.acquire(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want %v", err, context.DeadlineExceeded)
			}
		})
	})
}

// An interrupted run does not know whether its Lease exists. The next run must not
// take it for that of an active run.
// cancelingLeases fails, like client-go, if the context of a request ends before its response.
type cancelingLeases struct {
	*fakeLeases
	interrupt func() // called during a create
}

func (l cancelingLeases) Create(ctx context.Context, lease *coordinationv1.Lease, o metav1.CreateOptions) (*coordinationv1.Lease, error) {
	found, err := l.fakeLeases.Create(ctx, lease, o)
	l.interrupt()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return found, err
}

func TestFile_AcquireLease_releasesAfterInterrupt(t *testing.T) {
	withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
		ctx, interrupt := context.WithCancel(t.Context())
		lease, err := r.acquire(ctx, cancelingLeases{s, interrupt})
		if err != nil {
			t.Fatalf("got %v, want the Lease that the run has written", err)
		}
		if err := lease.Release(t.Context()); err != nil || s.lease != nil {
			t.Errorf("got %v, Lease %v, want no Lease", err, s.lease)
		}
	})
}

func TestFile_AcquireLease_interrupted(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fail string // verb during which the run is interrupted
		left bool   // the Lease exists
	}{
		"while it creates the Lease": {"create", true},
		"while it reads the Lease":   {"get", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "shop")
			synctest.Test(t, func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				s := &fakeLeases{loseResponse: test.fail}
				s.fail = func(verb string) error {
					if verb != test.fail {
						return nil
					}
					interrupt()
					if test.left {
						return nil // only the response is lost
					}
					return errors.New("connection refused")
				}
				r := newTestRun(t, path)
				if _, err := r.acquire(ctx, s); !errors.Is(err, context.Canceled) || (s.lease != nil) != test.left {
					t.Fatalf("got %v, Lease %v, want %v and a Lease: %t", err, s.lease, context.Canceled, test.left)
				}
				if err := r.file.Release(false); err != nil {
					t.Fatal(err)
				}
				if _, err := os.Stat(path); (err == nil) != test.left {
					t.Errorf("got %v for the lock file, want it kept: %t", err, test.left)
				}
				s.fail = nil
				next := newTestRun(t, path)
				lease, err := next.acquire(t.Context(), s)
				if err != nil {
					t.Fatalf("next run: got %v, want the Lease", err)
				}
				if err := errors.Join(lease.Release(t.Context()), next.file.Release(false)); err != nil || s.lease != nil {
					t.Errorf("got %v, Lease %v, want no Lease", err, s.lease)
				}
			})
		})
	}
}

func TestFile_AcquireLease_held(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ago     time.Duration // since the last renewal
		renewed bool          // while the Lease is watched
		taken   bool
		within  time.Duration
	}{
		"is held while it is fresh":                           {ago: 29 * time.Second},
		"is held if its clock is ahead":                       {ago: -20 * time.Second},
		"is taken over if it is not renewed":                  {ago: time.Hour, taken: true, within: 30 * time.Second},
		"is held if it is renewed with an old time":           {ago: time.Hour, renewed: true, within: 30 * time.Second},
		"is taken over if it is not renewed, from the future": {ago: -time.Hour, taken: true, within: 30 * time.Second},
		"is held if it is renewed, from the future":           {ago: -time.Hour, renewed: true, within: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
				s.write(renewedAgo(test.ago))
				if test.renewed {
					time.AfterFunc(10*time.Second, func() { s.write(renewedAgo(test.ago)) })
				}
				begin := time.Now()
				lease, err := r.acquire(t.Context(), s)
				if took := time.Since(begin); took != test.within {
					t.Errorf("got result after %s, want %s", took, test.within)
				}
				if watched := len(r.waits) > 0; watched != (test.within > 0) {
					t.Errorf("got waits %v, want any: %t", r.waits, test.within > 0)
				}
				if test.taken {
					if err != nil || !strings.HasPrefix(s.holder(), "root@") || *s.lease.Spec.LeaseTransitions != 1 {
						t.Fatalf("got %v, held by %s, want root with 1 transition", err, s.holder())
					}
					lease.Pause()
					return
				}
				want := "the shop is locked by another run: tkdeploy up --env ci of ada@laptop/4711"
				if fault.ClassOf(err) != fault.Locked || err.Error() != want || s.holder() != "ada@laptop/4711" {
					t.Errorf("got %v, held by %s, want %s", err, s.holder(), want)
				}
			})
		})
	}
}

func TestFile_AcquireLease_lostResponse(t *testing.T) {
	for _, verb := range []string{"get", "create", "update"} {
		t.Run(verb, func(t *testing.T) {
			withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
				s.loseResponse = verb
				lease, err := r.acquire(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(25 * time.Second)
				synctest.Wait()
				if err := lease.Release(t.Context()); err != nil || s.lease != nil {
					t.Errorf("got %v, Lease %v, want no Lease", err, s.lease)
				}
				if len(r.lost) > 0 || s.loseResponse != "" {
					t.Errorf("got lost %v, response not lost for %q, want none", r.lost, s.loseResponse)
				}
			})
		})
	}
}

func TestFile_AcquireLease_errors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		class fault.Class
		after time.Duration
	}{
		"retries while the server does not respond":    {errors.New("connection refused"), fault.Inconclusive, 120 * time.Second},
		"does not retry a request rejected by a guard": {fault.New(fault.NotOwned, errors.New("another cluster"), ""), fault.NotOwned, 0},
		"does not retry a forbidden request":           {apierrors.NewForbidden(leaseResource, leaseName, errors.New("no permission")), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			withFakeTime(t, func(t *testing.T, s *fakeLeases, r *testRun) {
				s.fail = func(string) error { return test.err }
				begin := time.Now()
				_, err := r.acquire(t.Context(), s)
				if fault.ClassOf(err) != test.class || !errors.Is(err, test.err) || time.Since(begin) < test.after || time.Since(begin) > test.after+2*time.Second {
					t.Errorf("got %v after %s, want %v of class %q after %s", err, time.Since(begin), test.err, test.class, test.after)
				}
			})
		})
	}
}

func TestHolder_String(t *testing.T) {
	t.Parallel()
	h := Holder{User: "ada\x1b[2J", Host: "laptop\n", PID: 1, Command: "up"}
	if got, want := h.String(), "up of ada [2J@laptop /1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
