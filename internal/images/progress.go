package images

import (
	"errors"
	"fmt"
	"strings"

	bk "github.com/moby/buildkit/client"
	digest "github.com/opencontainers/go-digest"

	"tkdeploy.dev/tkdeploy/internal/event"
)

// progress reports a build's steps and keeps their last lines for errors.
type progress struct {
	item     string
	mask     func(string) string
	reporter event.Reporter

	started  map[digest.Digest]bool
	finished map[digest.Digest]bool
	seen     map[digest.Digest]bool
	logs     map[digest.Digest]*lineLog
	failed   *bk.Vertex
}

func newProgress(item string, mask func(string) string, reporter event.Reporter) *progress {
	return &progress{
		item: item, mask: mask, reporter: reporter,
		started: map[digest.Digest]bool{}, finished: map[digest.Digest]bool{}, seen: map[digest.Digest]bool{},
		logs: map[digest.Digest]*lineLog{},
	}
}

func (p *progress) update(status *bk.SolveStatus) {
	for _, v := range status.Vertexes {
		p.vertex(v)
	}
	for _, l := range status.Logs {
		if p.logs[l.Vertex] == nil {
			p.logs[l.Vertex] = &lineLog{keep: lastLines}
		}
		_, _ = p.logs[l.Vertex].Write(l.Data) // never fails
	}
}

func (p *progress) vertex(v *bk.Vertex) {
	p.seen[v.Digest] = true
	if v.Completed != nil {
		p.finished[v.Digest] = true
	}
	// steps parallel to a failed one are canceled
	if v.Error != "" && !strings.Contains(v.Error, "context canceled") && p.failed == nil {
		p.failed = v
	}
	if v.Started == nil || v.Cached || p.started[v.Digest] {
		return
	}
	p.started[v.Digest] = true
	e := event.Progress(p.item, p.mask(v.Name))
	e.Current, e.Total = int64(len(p.finished)), int64(len(p.seen))
	p.reporter.Report(e)
}

// explain returns the failed step with its last lines of output.
func (p *progress) explain(err error) error {
	if p.failed == nil {
		return p.trimSolveError(err)
	}
	var lines []string
	if log := p.logs[p.failed.Digest]; log != nil {
		log.flush()
		lines = log.lines
	}
	return fmt.Errorf("%s: %s%s", p.mask(p.failed.Name), p.mask(trimStepError(p.failed.Error)), p.mask(indent(lines)))
}

// trimStepError removes the command, which is already in the step's name.
func trimStepError(text string) string {
	if i := strings.LastIndex(text, "exit code: "); i >= 0 {
		return text[i:]
	}
	return text
}

func (p *progress) trimSolveError(err error) error {
	text := err.Error()
	for _, prefix := range []string{
		"failed to solve: ", "rpc error: code = Unknown desc = ", "failed to solve with frontend dockerfile.v0: ",
		"failed to solve: ", "failed to run Build function: ", "failed to create LLB definition: ", "failed to read dockerfile: ",
	} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New(p.mask(text))
}
