package supportbundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Node is a machine of the cluster in which commands can be run.
type Node interface {
	Name() string
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error
}

// units are the services of a node whose journal is kept.
var units = []string{"kubelet", "containerd"}

// probeAnswer is what a container's program said, in the kubelet's journal.
var probeAnswer = regexp.MustCompile(`output="(?:[^"\\]|\\.)*"`)

// NodeLogs are the journals of the kubelet and of containerd in each node. They
// hold what a program said in one place only, which is cut out if the Secrets
// are not known, so that they can be had while the API server is away.
func NodeLogs(list func(context.Context) ([]Node, error)) Collector {
	return Collector{Name: "logs of the nodes", Collect: func(ctx context.Context, to *Writer) error {
		nodes, err := list(ctx)
		if err != nil {
			return err
		}
		var wg sync.WaitGroup
		for _, node := range nodes {
			for _, unit := range units {
				wg.Go(func() {
					if err := to.journal(ctx, node, unit); err != nil {
						to.Missing("journal of "+unit+" in node "+node.Name(), err)
					}
				})
			}
		}
		wg.Wait()
		return nil
	}}
}

func (s *Writer) journal(ctx context.Context, node Node, unit string) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.Request)
	defer cancel()
	kept := &tail{most: s.limits.LogBytes}
	err := node.Run(ctx, nil, kept, "journalctl", "--no-pager", "--quiet", "--output=short-iso",
		"--unit="+unit, fmt.Sprintf("--lines=%d", s.limits.LogLines))
	text := kept.text()
	if s.blind != nil {
		text = probeAnswer.ReplaceAllString(text, "output="+redacted)
	}
	if text == "" {
		return err
	}
	return errors.Join(err, s.Text("nodes/"+node.Name()+"/"+unit+".log", "journal of "+unit+" in node "+node.Name(), text))
}

// keptFile is what is text among the logs that kind keeps.
var keptFile = regexp.MustCompile(`\.(log|txt|json)$`)

// KeptLogs are the logs of the nodes of a cluster whose creation failed, and
// which are no longer there to be asked.
func FailedCreateLogs(folder string) Collector {
	return Collector{Name: "logs of the nodes that could not be created", Collect: func(ctx context.Context, to *Writer) error {
		return filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			name, err := filepath.Rel(folder, path)
			if err != nil || !d.Type().IsRegular() || !keptFile.MatchString(name) {
				return err
			}
			return to.keep("nodes/"+portable(name), path)
		})
	}}
}

// portable is a name without what artifact stores refuse in one.
func portable(name string) string {
	parts := strings.FieldsFunc(filepath.ToSlash(name), func(r rune) bool { return slices.Contains([]rune(`:"<>|*?`), r) })
	return strings.Join(parts, "_")
}

func (s *Writer) keep(name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := s.log(file)
	if err != nil || text == "" {
		return err
	}
	return s.Text(name, "kept when the cluster could not be created", text)
}
