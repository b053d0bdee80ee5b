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

	"tkdeploy.dev/tkdeploy/internal/redact"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Node is a node of the cluster that can run commands.
type Node interface {
	Name() string
	Run(ctx context.Context, stdin io.Reader, stdout io.Writer, command ...string) error
}

var units = []string{"kubelet", "containerd"}

// probeOutput matches the output of a container's probe in the kubelet's journal.
var probeOutput = regexp.MustCompile(`output="(?:[^"\\]|\\.)*"`)

// NodeLogs returns the collector of the kubelet and containerd journals. It is not
// raw, because they are needed most if the API server is unavailable. Their only
// program output, from probes, is redacted if Secrets are unknown.
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

func (w *Writer) journal(ctx context.Context, node Node, unit string) error {
	limits := w.bundle.limits
	ctx, cancel := context.WithTimeout(ctx, limits.RequestTimeout)
	defer cancel()
	kept := &text.TailWriter{Limit: limits.LogBytes}
	err := node.Run(ctx, nil, kept, "journalctl", "--no-pager", "--quiet", "--output=short-iso",
		"--unit="+unit, fmt.Sprintf("--lines=%d", limits.LogLines))
	log := tailText(kept)
	if w.bundle.secretsErr != nil {
		log = probeOutput.ReplaceAllString(log, "output="+redact.Mask)
	}
	if log == "" {
		return err
	}
	return errors.Join(err, w.Text("nodes/"+node.Name()+"/"+unit+".log", "journal of "+unit+" in node "+node.Name(), log))
}

// textFile matches the text files that kind exports.
var textFile = regexp.MustCompile(`\.(log|txt|json)$`)

// FailedCreateLogs returns the collector of the node logs that were exported to
// directory when creating the cluster failed.
func FailedCreateLogs(directory string) Collector {
	return Collector{Name: "logs of the nodes that could not be created", Collect: func(ctx context.Context, to *Writer) error {
		return filepath.WalkDir(directory, func(path string, d fs.DirEntry, err error) error {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			name, err := filepath.Rel(directory, path)
			if err != nil || !d.Type().IsRegular() || !textFile.MatchString(name) {
				return err
			}
			return to.copyLog("nodes/"+portable(name), path)
		})
	}}
}

// portable replaces the characters that artifact stores reject in file names.
func portable(name string) string {
	parts := strings.FieldsFunc(filepath.ToSlash(name), func(r rune) bool { return slices.Contains([]rune(`:"<>|*?`), r) })
	return strings.Join(parts, "_")
}

func (w *Writer) copyLog(name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := w.bundle.readLog(file)
	if err != nil || text == "" {
		return err
	}
	return w.Text(name, "exported when creating the cluster failed", text)
}
