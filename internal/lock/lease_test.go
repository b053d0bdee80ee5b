package lock

import (
	"context"
	"errors"
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

// server keeps one Lease as an API server does: a write needs the version that
// it was made from.
type server struct {
	mu      sync.Mutex
	lease   *coordinationv1.Lease
	version int
	writes  int
	fail    func(verb string) error // asked before each request; may be nil
	lose    string                  // the verb whose next answer is lost
}

var group = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (s *server) do(verb string, work func() error) (*coordinationv1.Lease, error) {
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
	if s.lose == verb {
		s.lose = ""
		return nil, errors.New("connection reset by peer")
	}
	return s.lease.DeepCopy(), nil
}

func (s *server) store(lease *coordinationv1.Lease) error {
	s.version++
	s.writes++
	s.lease = lease.DeepCopy()
	s.lease.ResourceVersion = strconv.Itoa(s.version)
	return nil
}

func (s *server) missing() error { return apierrors.NewNotFound(group, leaseName) }

func (s *server) Get(context.Context, string, metav1.GetOptions) (*coordinationv1.Lease, error) {
	return s.do("get", func() error {
		if s.lease == nil {
			return s.missing()
		}
		return nil
	})
}

func (s *server) Create(_ context.Context, lease *coordinationv1.Lease, _ metav1.CreateOptions) (*coordinationv1.Lease, error) {
	return s.do("create", func() error {
		if s.lease != nil {
			return apierrors.NewAlreadyExists(group, leaseName)
		}
		lease.UID = types.UID(strconv.Itoa(s.version))
		return s.store(lease)
	})
}

func (s *server) Update(_ context.Context, lease *coordinationv1.Lease, _ metav1.UpdateOptions) (*coordinationv1.Lease, error) {
	return s.do("update", func() error {
		if s.lease == nil {
			return s.missing()
		}
		if lease.ResourceVersion != s.lease.ResourceVersion {
			return apierrors.NewConflict(group, leaseName, errors.New("modified"))
		}
		return s.store(lease)
	})
}

func (s *server) Delete(_ context.Context, _ string, o metav1.DeleteOptions) error {
	_, err := s.do("delete", func() error {
		if s.lease == nil {
			return s.missing()
		}
		if *o.Preconditions.ResourceVersion != s.lease.ResourceVersion || *o.Preconditions.UID != s.lease.UID {
			return apierrors.NewConflict(group, leaseName, errors.New("modified"))
		}
		s.lease = nil
		return nil
	})
	return err
}

func (s *server) holder() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lease == nil {
		return ""
	}
	return *s.lease.Spec.HolderIdentity
}

// write changes the Lease as somebody else would.
func (s *server) write(change func(*coordinationv1.Lease)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lease := &coordinationv1.Lease{}
	if s.lease != nil {
		lease = s.lease.DeepCopy()
	}
	change(lease)
	_ = s.store(lease)
}

// other is a Lease of a run elsewhere that was renewed ago.
func other(ago time.Duration) func(*coordinationv1.Lease) {
	return func(lease *coordinationv1.Lease) {
		lease.Name = leaseName
		lease.Annotations = map[string]string{annotationCommand: "tkdeploy up --env ci", annotationToken: "theirs"}
		lease.Spec = coordinationv1.LeaseSpec{
			HolderIdentity: ptr.To("ada@laptop/4711"), LeaseDurationSeconds: ptr.To(int32(30)),
			RenewTime: ptr.To(metav1.NewMicroTime(time.Now().Add(-ago))),
		}
	}
}

// run is a run of this machine: its lock file, and what it was told.
type testRun struct {
	file *File
	told []string
	lost []error
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

func (r *testRun) take(ctx context.Context, s *server) (*Lease, error) {
	return r.file.AcquireLease(ctx, LeaseOptions{
		Leases: s, Name: leaseName, What: "the shop",
		OnWait: func(text string) { r.told = append(r.told, text) },
		OnLost: func(err error) { r.lost = append(r.lost, err) },
	})
}

// bubble runs a test in a time of its own.
func bubble(t *testing.T, test func(t *testing.T, s *server, r *testRun)) {
	t.Helper()
	t.Parallel()
	path := filepath.Join(t.TempDir(), "shop")
	synctest.Test(t, func(t *testing.T) { test(t, &server{}, newTestRun(t, path)) })
}

func TestFile_AcquireLease(t *testing.T) {
	t.Parallel()
	t.Run("renews the Lease and deletes it on release", func(t *testing.T) {
		bubble(t, func(t *testing.T, s *server, r *testRun) {
			ctx, cancel := context.WithCancel(t.Context())
			lease, err := r.take(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			if want := "root@" + r.file.record.Host + "/1"; s.holder() != want {
				t.Errorf("held by %s, want %s", s.holder(), want)
			}
			cancel() // the way out needs the lock, too
			time.Sleep(65 * time.Second)
			synctest.Wait()
			if s.writes != 1+6 {
				t.Errorf("%d writes in 65 s", s.writes)
			}
			if err := lease.Release(t.Context()); err != nil || s.lease != nil {
				t.Errorf("%v, left %v", err, s.lease)
			}
			if len(r.lost) > 0 || len(r.told) > 0 {
				t.Errorf("lost %v, told %v", r.lost, r.told)
			}
		})
	})

	t.Run("takes over the Lease of a killed local run", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "shop")
		synctest.Test(t, func(t *testing.T) {
			s := &server{}
			dead := newTestRun(t, path)
			lease, err := dead.take(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			lease.Pause()
			dead.file.unlock() // as the kernel does
			r := newTestRun(t, path)
			begin := time.Now()
			lease, err = r.take(t.Context(), s)
			if err != nil || time.Since(begin) > 0 || !lease.isMine(s.lease) {
				t.Fatalf("%v after %s", err, time.Since(begin))
			}
			if err := errors.Join(lease.Release(t.Context()), r.file.Release(false)); err != nil || s.lease != nil {
				t.Errorf("%v, left %v", err, s.lease)
			}
		})
	})

	t.Run("reports a lost Lease once and keeps it", func(t *testing.T) {
		bubble(t, func(t *testing.T, s *server, r *testRun) {
			lease, err := r.take(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			s.write(other(0))
			time.Sleep(time.Minute)
			synctest.Wait()
			if len(r.lost) != 1 || fault.ClassOf(r.lost[0]) != fault.Locked ||
				r.lost[0].Error() != "this run lost the lock of the shop to another one: tkdeploy up --env ci of ada@laptop/4711" {
				t.Errorf("lost %v", r.lost)
			}
			if err := lease.Release(t.Context()); err != nil || s.holder() != "ada@laptop/4711" {
				t.Errorf("%v, then held by %q", err, s.holder())
			}
		})
	})

	t.Run("survives an outage of the API server", func(t *testing.T) {
		bubble(t, func(t *testing.T, s *server, r *testRun) {
			lease, err := r.take(t.Context(), s)
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
				t.Errorf("renewed %s ago, lost %v", age, r.lost)
			}
			lease.Pause()
		})
	})

	t.Run("recreates a deleted Lease", func(t *testing.T) {
		bubble(t, func(t *testing.T, s *server, r *testRun) {
			lease, err := r.take(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			s.mu.Lock()
			s.lease = nil
			s.mu.Unlock()
			time.Sleep(11 * time.Second)
			synctest.Wait()
			if !strings.HasPrefix(s.holder(), "root@") || len(r.lost) > 0 {
				t.Errorf("held by %q, lost %v", s.holder(), r.lost)
			}
			lease.Pause()
		})
	})

	t.Run("stops waiting when canceled", func(t *testing.T) {
		bubble(t, func(t *testing.T, s *server, r *testRun) {
			s.write(other(time.Hour))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := r.take(ctx, s); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestFile_AcquireLease_held(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		ago     time.Duration // since it was renewed
		renewed bool          // while it is watched
		taken   bool
		within  time.Duration
	}{
		"is respected at once while it is fresh":              {ago: 29 * time.Second},
		"is respected though its holder's clock goes ahead":   {ago: -20 * time.Second},
		"is taken when nobody renews it":                      {ago: time.Hour, taken: true, within: 30 * time.Second},
		"is respected if it is renewed, whatever its clock":   {ago: time.Hour, renewed: true, within: 30 * time.Second},
		"of the future is watched as well":                    {ago: -time.Hour, taken: true, within: 30 * time.Second},
		"of the future is respected if somebody is behind it": {ago: -time.Hour, renewed: true, within: 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server, r *testRun) {
				s.write(other(test.ago))
				if test.renewed {
					time.AfterFunc(10*time.Second, func() { s.write(other(test.ago)) })
				}
				begin := time.Now()
				lease, err := r.take(t.Context(), s)
				if took := time.Since(begin); took != test.within {
					t.Errorf("took %s", took)
				}
				if watched := len(r.told) > 0; watched != (test.within > 0) {
					t.Errorf("told %v", r.told)
				}
				if test.taken {
					if err != nil || !strings.HasPrefix(s.holder(), "root@") || *s.lease.Spec.LeaseTransitions != 1 {
						t.Fatalf("%v, held by %s", err, s.holder())
					}
					lease.Pause()
					return
				}
				want := "another run is at work on the shop: tkdeploy up --env ci of ada@laptop/4711"
				if fault.ClassOf(err) != fault.Locked || err.Error() != want || s.holder() != "ada@laptop/4711" {
					t.Errorf("got %v, held by %s", err, s.holder())
				}
			})
		})
	}
}

func TestFile_AcquireLease_lostResponse(t *testing.T) {
	for _, verb := range []string{"get", "create", "update"} {
		t.Run(verb, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server, r *testRun) {
				s.lose = verb
				lease, err := r.take(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(25 * time.Second)
				synctest.Wait()
				if err := lease.Release(t.Context()); err != nil || s.lease != nil {
					t.Errorf("%v, left %v", err, s.lease)
				}
				if len(r.lost) > 0 || s.lose != "" {
					t.Errorf("lost %v, and not the answer to %q", r.lost, s.lose)
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
		"a server that does not answer proves nothing":   {errors.New("connection refused"), fault.Inconclusive, 120 * time.Second},
		"a request that a guard stopped is not repeated": {fault.New(fault.NotOwned, errors.New("a stranger"), ""), fault.NotOwned, 0},
		"one that refuses is believed":                   {apierrors.NewForbidden(group, leaseName, errors.New("no right")), "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, s *server, r *testRun) {
				s.fail = func(string) error { return test.err }
				begin := time.Now()
				_, err := r.take(t.Context(), s)
				if fault.ClassOf(err) != test.class || !errors.Is(err, test.err) || time.Since(begin) < test.after || time.Since(begin) > test.after+2*time.Second {
					t.Errorf("got %v after %s", err, time.Since(begin))
				}
			})
		})
	}
}

func TestHolder_String(t *testing.T) {
	t.Parallel()
	h := Holder{User: "ada\x1b[2J", Host: "laptop\n", PID: 1, Command: "up"}
	if got := h.String(); got != "up of ada[2J@laptop/1" {
		t.Errorf("%q", got)
	}
}
