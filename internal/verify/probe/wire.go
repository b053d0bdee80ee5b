package probe

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// EnvChecks is the pod's environment variable for the packed checks.
const EnvChecks = "TKDEPLOY_CHECKS"

// maxPacked keeps the variable and its name below 128 KiB, Linux's limit for an
// environment string (MAX_ARG_STRLEN). A check takes about 20 bytes.
const maxPacked = 127 << 10

// Pack encodes the checks for [EnvChecks] as JSON, gzip, base64. The kubelet
// would expand "$(", which base64 does not contain. Too many checks are an
// error of class [fault.Config].
func Pack(checks []Check) (string, error) {
	var packed bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &packed)
	zipper := gzip.NewWriter(encoder)
	if err := json.NewEncoder(zipper).Encode(checks); err != nil {
		return "", fmt.Errorf("encode checks: %w", err)
	}
	if err := zipper.Close(); err != nil {
		return "", fmt.Errorf("encode checks: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return "", fmt.Errorf("encode checks: %w", err)
	}
	if packed.Len() > maxPacked {
		err := fmt.Errorf("%d checks are too many for one pod: %d KiB packed, limit %d KiB", len(checks), packed.Len()>>10, maxPacked>>10)
		return "", fault.New(fault.Config, err, "skip some checks with verify.skip")
	}
	return packed.String(), nil
}

// Unpack decodes the value of [EnvChecks] to the JSON that [Run] reads.
func Unpack(packed string) (io.Reader, error) {
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", EnvChecks, err)
	}
	return r, nil
}

// decode rejects checks that need later ones, which could wait for each other.
func decode(in io.Reader) ([]Check, error) {
	var checks []Check
	if err := json.NewDecoder(in).Decode(&checks); err != nil {
		return nil, fmt.Errorf("read checks: %w", err)
	}
	seen := map[string]bool{}
	for _, c := range checks {
		for _, need := range c.Needs {
			if !seen[need] {
				return nil, fmt.Errorf("read checks: %q needs %q, which is not an earlier check", c.ID, need)
			}
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("read checks: duplicate ID %q", c.ID)
		}
		seen[c.ID] = true
	}
	return checks, nil
}

// ParseLine parses a result in the pod's log. ok is false for any other line,
// such as a warning of the Go runtime or a truncated result.
func ParseLine(line []byte) (r Result, ok bool) {
	if !bytes.HasPrefix(line, []byte("{")) || json.Unmarshal(line, &r) != nil {
		return Result{}, false
	}
	switch r.Outcome {
	case Passed, Failed, Blocked:
		return r, r.ID != ""
	default:
		return Result{}, false
	}
}

// lineWriter is safe for concurrent use.
type lineWriter struct {
	mu  sync.Mutex
	out io.Writer
}

func (w *lineWriter) write(r Result) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err = w.out.Write(append(line, '\n'))
	return err
}
