package images

import (
	"errors"
	"testing"
	"time"

	bk "github.com/moby/buildkit/client"

	"tkdeploy.dev/tkdeploy/internal/engine/enginetest"
	"tkdeploy.dev/tkdeploy/internal/event"
)

func TestProgress_explain(t *testing.T) {
	t.Parallel()
	t.Run("returns the failed step with its output", func(t *testing.T) {
		t.Parallel()
		now := time.Now()
		var log enginetest.EventLog
		p := newProgress("auth", masker(map[string][]byte{"token": []byte("hunter22\n"), "prefix": []byte("hunter")}, nil), &log)
		p.update(&bk.SolveStatus{Vertexes: []*bk.Vertex{
			{Digest: "a", Name: "[1/3] FROM golang", Started: &now, Completed: &now, Cached: true},
			{Digest: "b", Name: "[2/3] RUN go build", Started: &now},
			{Digest: "c", Name: "[other 1/1] RUN sleep", Started: &now},
		}})
		p.update(&bk.SolveStatus{
			Vertexes: []*bk.Vertex{
				{Digest: "c", Name: "[other 1/1] RUN sleep", Started: &now, Error: "context canceled"},
				{Digest: "b", Name: "[2/3] RUN go build", Started: &now, Error: `process "/bin/sh -c go build" did not complete successfully: exit code: 1`},
			},
			Logs: []*bk.VertexLog{{Vertex: "b", Data: []byte("main.go:3: hunter22\nexi")}, {Vertex: "b", Data: []byte("t")}, {Vertex: "c", Data: []byte("noise")}},
		})
		want := "[2/3] RUN go build: exit code: 1\n    main.go:3: ***\n    exit"
		if got := p.explain(errors.New("failed to solve: x")).Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := log.Messages(event.ItemProgress); got != "[2/3] RUN go build\n[other 1/1] RUN sleep" {
			t.Errorf("got progress %q, want the started steps", got)
		}
	})

	t.Run("trims an error without a failed step", func(t *testing.T) {
		t.Parallel()
		p := newProgress("auth", masker(nil, nil), &enginetest.EventLog{})
		err := errors.New("failed to solve: rpc error: code = Unknown desc = failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile parse error line 2")
		if got := p.explain(err).Error(); got != "dockerfile parse error line 2" {
			t.Errorf("got %q, want only the cause", got)
		}
	})
}
