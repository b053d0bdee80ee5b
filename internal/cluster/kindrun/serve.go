package kindrun

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	kind "sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"
)

// provider is the used part of kind's provider.
type provider interface {
	Create(name string, options ...kind.CreateOption) error
	KubeConfig(name string, internal bool) (string, error)
	CollectLogs(name, dir string) error
}

var _ provider = (*kind.Provider)(nil)

// Serve runs the request in the first line of stdin and writes kind's log and result
// to stdout. It returns early, without a result, at the end of stdin.
func Serve(stdin io.Reader, stdout io.Writer) error {
	out := &writer{json: json.NewEncoder(stdout)}
	return serve(stdin, out, kind.NewProvider(kind.ProviderWithDocker(), kind.ProviderWithLogger(logger{out})))
}

func serve(stdin io.Reader, out *writer, p provider) error {
	in := bufio.NewReader(stdin)
	first, err := in.ReadBytes('\n')
	var r request
	if err == nil {
		err = json.Unmarshal(first, &r)
	}
	if err != nil {
		return fmt.Errorf("read the request for kind: %w", err)
	}
	done, abandoned := make(chan error, 1), make(chan error, 1)
	go func() { done <- out.write(run(p, r)) }()
	go func() {
		_, err := io.Copy(io.Discard, in)
		abandoned <- errors.Join(errors.New("the run has ended"), err)
	}()
	select {
	case err := <-done:
		return err
	case err := <-abandoned:
		return err
	}
}

func run(p provider, r request) line {
	var result string
	var err error
	switch {
	case r.Create != nil:
		err = p.Create(r.Create.Config.Name,
			kind.CreateWithV1Alpha4Config(r.Create.Config),
			kind.CreateWithRetain(true),
			kind.CreateWithKubeconfigPath(r.Create.Kubeconfig),
		)
	case r.Kubeconfig != "":
		result, err = p.KubeConfig(r.Kubeconfig, false)
	default:
		err = p.CollectLogs(r.Logs, r.Dir)
	}
	if err == nil {
		return line{Result: &result}
	}
	failure := &Error{Text: err.Error()}
	var command *exec.RunError
	if errors.As(err, &command) {
		failure.Output = command.Output[max(0, len(command.Output)-maxOutput):]
	}
	return line{Error: failure}
}

const maxOutput = 256 << 10

// writer writes lines; kind logs concurrently.
type writer struct {
	mu   sync.Mutex
	json *json.Encoder
}

func (w *writer) write(l line) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.json.Encode(l)
}

// logger drops kind's errors, which it also returns, and its debug messages.
type logger struct{ out *writer }

var _ log.Logger = logger{}

func (l logger) Warn(message string)              { _ = l.out.write(line{Warn: message}) } // the reader has ended
func (l logger) Warnf(format string, args ...any) { l.Warn(fmt.Sprintf(format, args...)) }
func (l logger) Error(string)                     {}
func (l logger) Errorf(string, ...any)            {}

func (l logger) V(level log.Level) log.InfoLogger { return infoLogger{l, level == 0} }

type infoLogger struct {
	logger
	enabled bool
}

func (l infoLogger) Enabled() bool                    { return l.enabled }
func (l infoLogger) Infof(format string, args ...any) { l.Info(fmt.Sprintf(format, args...)) }

func (l infoLogger) Info(message string) {
	if message = strings.TrimSpace(message); l.enabled && message != "" {
		_ = l.out.write(line{Info: message}) // the reader has ended
	}
}
