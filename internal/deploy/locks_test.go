package deploy

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tkdeploy.dev/tkdeploy/internal/cluster"
	"tkdeploy.dev/tkdeploy/internal/config"
	"tkdeploy.dev/tkdeploy/internal/event"
	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/plan"
	"tkdeploy.dev/tkdeploy/internal/report"
)

// leaseServer is an API server that stores one Lease, of any name, as sent.
type leaseServer struct {
	mu    sync.Mutex
	lease string
	form  string // content type; "" is JSON
	other string // JSON of a Lease of another release
	down  bool   // requests for Leases fail

	secrets string // JSON of the Secrets in namespace shop
}

func (s *leaseServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path == "/api/v1/nodes" {
		fmt.Fprint(w, `{"items":[{"spec":{"providerID":"kind://docker/shop-dev/shop-dev-control-plane"}}]}`)
		return
	}
	const leases = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
	if s.down && strings.HasPrefix(r.URL.Path, leases) {
		http.Error(w, "etcdserver: mvcc: database space exceeded", http.StatusInternalServerError)
		return
	}
	if r.URL.Path == leases && r.Method == http.MethodGet {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"LeaseList","apiVersion":"coordination.k8s.io/v1","items":[%s]}`, s.other)
		return
	}
	if r.URL.Path == "/api/v1/namespaces/shop/secrets" {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"kind":"SecretList","apiVersion":"v1","items":[%s]}`, s.secrets)
		return
	}
	if !strings.HasPrefix(r.URL.Path, leases) {
		http.Error(w, r.URL.Path, http.StatusNotFound)
		return
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body) // an interrupted request stores an empty Lease
	status := func(code int) {
		w.Header().Set("Content-Type", cmp.Or(s.form, "application/json"))
		w.WriteHeader(code)
	}
	switch {
	case r.Method == http.MethodPost:
		s.lease, s.form = body.String(), r.Header.Get("Content-Type")
		status(http.StatusCreated)
	case s.lease == "":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`)
		return
	case r.Method == http.MethodPut:
		s.lease, s.form = body.String(), r.Header.Get("Content-Type")
		status(http.StatusOK)
	case r.Method == http.MethodDelete:
		s.lease = ""
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Success"}`)
		return
	default:
		status(http.StatusOK)
	}
	fmt.Fprint(w, s.lease)
}

func (s *leaseServer) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lease != ""
}

const lockPath = "tkdeploy/locks/shop-dev.shop.shop"

// lockedShop returns a session with a leaseServer, the server, and the path of the
// lock file.
func lockedShop(t *testing.T) (*Session, *leaseServer, string) {
	t.Helper()
	state := t.TempDir()
	server := &leaseServer{}
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	dir := t.TempDir()
	kubeconfig := fmt.Sprintf(`{"current-context": "a", "contexts": [{"name": "a", "context": {"cluster": "a"}}], "clusters": [{"name": "a", "cluster": {"server": %q}}]}`, listening.URL)
	if err := os.WriteFile(filepath.Join(dir, "kubeconfig"), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	s := NewSession(&Workspace{
		Config:   &config.Config{Chart: config.Chart{Release: "shop", Namespace: "shop"}},
		Cluster:  cluster.New(cluster.Spec{Name: "shop-dev", StateDir: dir}, cluster.Limits{}),
		Command:  Command{Name: "up", Args: []string{"--env", "dev"}},
		StateDir: filepath.Join(state, "tkdeploy"),
		LockDir:  state,
	})
	s.engine.Put(nil) // no test sends a request to it
	s.engineID = func(context.Context) (string, error) { return "engine", nil }
	return s, server, path.Join(state, lockPath)
}

// start makes the cluster of the session appear as running.
func start(s *Session) { s.status.Put(cluster.Status{Phase: cluster.Running}) }

// TestMain replaces the docker command by one that finds no containers.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "docker")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "docker"), []byte("#!/bin/sh\n"), 0o700)
	}
	if err != nil {
		panic(err)
	}
	os.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

func acting(id string, act func(context.Context) error, needs ...string) plan.Stage {
	return plan.Stage{
		ID: id, Title: id, Needs: needs,
		Observe: func(context.Context) (plan.Observation, error) { return plan.Observation{State: plan.Missing}, nil },
		Apply:   func(ctx context.Context, _ event.Reporter) error { return act(ctx) },
	}
}

func runStages(ctx context.Context, t *testing.T, locks *Locks, stages ...plan.Stage) (string, error) {
	t.Helper()
	p, err := plan.New(stages...)
	if err != nil {
		t.Fatal(err)
	}
	return runPlan(ctx, locks, p)
}

func runPlan(ctx context.Context, locks *Locks, p plan.Plan) (string, error) {
	var out bytes.Buffer
	err := Execution{Plan: p, Locks: locks, Reporter: report.NewJSON(&out), ExitCode: exitCode}.Run(ctx)
	return out.String(), err
}

func exitCode(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		return 143
	case fault.ClassOf(err) == fault.Locked:
		return 6
	}
	return 1
}

func last(t *testing.T, stream string) (l struct {
	Outcome, Error string
	Exit           int
	Stages         []struct{ ID, Outcome string }
}) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(stream), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &l); err != nil {
		t.Fatal(err)
	}
	return l
}

func wait(ctx context.Context) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestLocks(t *testing.T) {
	t.Run("hold the Lease from the cluster stage on", func(t *testing.T) {
		s, server, file := lockedShop(t)
		held := map[string]bool{}
		record := func(id string) func(context.Context) error {
			return func(context.Context) error { held[id] = server.held(); return nil }
		}
		_, err := runStages(t.Context(), t, s.NewLocks(),
			acting(StageCluster, record(StageCluster)),
			acting(StageLoad, record(StageLoad), StageCluster),
			acting(StageRelease, record(StageRelease), StageLoad))
		if err != nil || held[StageCluster] || !held[StageLoad] || !held[StageRelease] || server.held() {
			t.Errorf("got %v, Lease held in %v, at the end %t, want it held in load and release", err, held, server.held())
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v for the lock file, want none", err)
		}
	})

	// A new cluster has no API server for a Lease, and no other run knows its
	// nodes.
	t.Run("need no Lease to load into a new cluster", func(t *testing.T) {
		s, server, _ := lockedShop(t)
		loaded := make(chan struct{})
		creating := acting(StageCluster, nil)
		creating.Apply = func(_ context.Context, r event.Reporter) error {
			r.Report(event.Reached(cluster.NodesRunning))
			<-loaded
			return nil
		}
		load := acting(StageLoad, func(context.Context) error {
			if server.held() {
				t.Error("got the Lease before the cluster was created")
			}
			close(loaded)
			return nil
		})
		load.AfterMilestones = afterMilestone(cluster.NodesRunning)
		release := acting(StageRelease, func(context.Context) error {
			if !server.held() {
				t.Error("got no Lease in stage release")
			}
			return nil
		}, StageLoad, StageCluster)
		if _, err := runStages(t.Context(), t, s.NewLocks(), creating, load, release); err != nil {
			t.Error(err)
		}
		start(s)
		if _, err := runStages(t.Context(), t, s.NewLocks(), acting(StageLoad, func(context.Context) error {
			if !server.held() {
				t.Error("got no Lease in a load without a cluster stage")
			}
			return nil
		})); err != nil {
			t.Error(err)
		}
	})

	t.Run("are not taken on a cluster that is not started", func(t *testing.T) {
		s, server, _ := lockedShop(t)
		_, err := runStages(t.Context(), t, s.NewLocks(), acting(StageVerify, func(context.Context) error { t.Error("got a call of the stage"); return nil }))
		if want := "cluster shop-dev is absent: cluster shop-dev does not exist"; fault.ClassOf(err) != fault.Cluster || err.Error() != want || server.held() {
			t.Errorf("got %v, Lease held: %t, want %s and no Lease", err, server.held(), want)
		}
	})

	t.Run("stop a second run before its first stage", func(t *testing.T) {
		s, _, _ := lockedShop(t)
		start(s)
		_, err := runStages(t.Context(), t, s.NewLocks(), acting(StageRelease, func(ctx context.Context) error {
			stream, err := runStages(ctx, t, s.NewLocks(), acting(StageRelease, func(context.Context) error {
				t.Error("got a call of the second run's stage")
				return nil
			}))
			if got := last(t, stream); exitCode(ctx, err) != 6 || got.Exit != 6 || len(got.Stages) > 0 || !strings.Contains(got.Error, "tkdeploy up --env dev of ") {
				t.Errorf("got %v, %+v, want exit code 6, no stages and the holder", err, got)
			}
			return nil
		}))
		if err != nil {
			t.Error(err)
		}
	})

	t.Run("cancel parallel stages if another host holds the Lease", func(t *testing.T) {
		s, server, _ := lockedShop(t)
		server.lease = `{"metadata":{"name":"tkdeploy.shop.shop"},"spec":{"holderIdentity":"ada@laptop/4711","leaseDurationSeconds":30,"renewTime":"` +
			time.Now().UTC().Format(metav1.RFC3339Micro) + `"}}`
		stream, err := runStages(t.Context(), t, s.NewLocks(),
			acting(StageBuild, wait),
			acting(StageCluster, func(context.Context) error { return nil }),
			acting(StageLoad, func(context.Context) error { t.Error("got a call of stage load"); return nil }, StageBuild, StageCluster))
		if got := last(t, stream); exitCode(t.Context(), err) != 6 || got.Exit != 6 || !strings.Contains(got.Error, "ada@laptop/4711") || len(fault.Split(err)) != 1 {
			t.Errorf("got %v, %+v, want exit code 6 and the holder", err, got)
		}
		if !server.held() {
			t.Error("got no Lease, want that of the other run")
		}
	})

	t.Run("cancel the run if the Lease is lost", func(t *testing.T) {
		s, _, _ := lockedShop(t)
		start(s)
		locks := s.NewLocks()
		lost := fault.New(fault.Locked, errors.New("lost"), "")
		stream, err := runStages(t.Context(), t, locks,
			acting(StageRollout, func(ctx context.Context) error { locks.onLost(lost); return wait(ctx) }),
			acting(StageVerify, func(context.Context) error { t.Error("got a call of stage verify"); return nil }, StageRollout))
		if got := last(t, stream); !errors.Is(err, lost) || len(fault.Split(err)) != 1 || got.Exit != 6 || got.Outcome != "failed" {
			t.Errorf("got %v, %+v, want %v and exit code 6", err, got, lost)
		}
	})

	t.Run("are released after an interruption", func(t *testing.T) {
		s, server, file := lockedShop(t)
		start(s)
		ctx, interrupt := context.WithCancel(t.Context())
		stream, err := runStages(ctx, t, s.NewLocks(), acting(StageRelease, func(ctx context.Context) error {
			if !server.held() {
				t.Error("got no Lease during the run")
			}
			interrupt()
			return wait(ctx)
		}))
		got := last(t, stream)
		if exitCode(ctx, err) != 143 || got.Exit != 143 || got.Outcome != "canceled" || got.Stages[0].Outcome != "canceled" || server.held() {
			t.Errorf("got %v, %+v, Lease held: %t, want exit code 143 and no Lease", err, got, server.held())
		}
		if !strings.Contains(stream, "interrupt again to exit immediately") {
			t.Errorf("got no warning:\n%s", stream)
		}
		if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("got %v for the lock file, want none", err)
		}
	})
}

func TestLocks_deleting(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		held bool
	}{
		"does not release the Lease of a deleted cluster": {held: true}, // this server is not deleted
		"releases the Lease if the deletion fails":        {err: errors.New("busy")},
	} {
		t.Run(name, func(t *testing.T) {
			s, server, file := lockedShop(t)
			locks := s.NewLocks()
			_, err := runStages(t.Context(), t, locks, acting(StageDown, func(ctx context.Context) error {
				if err := locks.acquireLease(ctx); err != nil {
					return err
				}
				return locks.deleting(func() error { return test.err })
			}))
			if !errors.Is(err, test.err) || server.held() != test.held {
				t.Errorf("got %v, Lease held: %t, want %v, %t", err, server.held(), test.err, test.held)
			}
			if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("got %v for the lock file, want none", err)
			}
		})
	}
}

// The API server of an outdated cluster, or of one with an unready node, responds.
func TestSession_observeDown(t *testing.T) {
	for name, test := range map[string]struct {
		status cluster.Status
		exit   int
	}{
		"running":               {cluster.Status{Phase: cluster.Running, Responding: true}, 6},
		"outdated":              {cluster.Status{Phase: cluster.Outdated, Responding: true}, 6},
		"not ready":             {cluster.Status{Phase: cluster.NotReady, Responding: true}, 6},
		"without an API server": {cluster.Status{Phase: cluster.NotReady}, 0},
		"stopped":               {cluster.Status{Phase: cluster.Stopped}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, server, _ := lockedShop(t)
			server.lease = `{"metadata":{"name":"tkdeploy.shop.shop"},"spec":{"holderIdentity":"ada@laptop/4711","leaseDurationSeconds":30,"renewTime":"` +
				time.Now().UTC().Format(metav1.RFC3339Micro) + `"}}`
			s.status.Put(test.status)
			locks := s.NewLocks()
			down := acting(StageDown, func(context.Context) error { return nil })
			down.Observe = func(ctx context.Context) (plan.Observation, error) {
				return s.observeDown(ctx, cluster.KeepData, locks)
			}
			if _, err := runStages(t.Context(), t, locks, down); exitCode(t.Context(), err) != test.exit {
				t.Errorf("got %v, exit code %d, want %d", err, exitCode(t.Context(), err), test.exit)
			}
		})
	}
}

func TestSession_observeDown_unavailable(t *testing.T) {
	for keep, exit := range map[cluster.Keep]int{cluster.KeepData: 1, cluster.KeepForce: 0, cluster.KeepNone: 0} {
		s, server, _ := lockedShop(t)
		server.down = true
		s.status.Put(cluster.Status{Phase: cluster.NotReady, Responding: true})
		locks := s.NewLocks()
		down := acting(StageDown, func(context.Context) error { return nil })
		down.Observe = func(ctx context.Context) (plan.Observation, error) { return s.observeDown(ctx, keep, locks) }
		stream, err := runStages(t.Context(), t, locks, down)
		if exitCode(t.Context(), err) != exit || strings.Contains(stream, "other runs are not checked") != (exit == 0) {
			t.Errorf("got %v with keep %d, want exit code %d, and a warning if it is 0:\n%s", err, keep, exit, stream)
		}
	}
}
