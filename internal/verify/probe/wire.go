package probe

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// EnvChecks is the environment variable in which the pod is given its checks,
// as [Unpack] reads them.
const EnvChecks = "TKDEPLOY_CHECKS"

// maxPacked keeps the variable, with its name, under the 128 KiB that Linux
// allows one string of a process's environment (MAX_ARG_STRLEN). Packed checks
// take about 20 bytes each.
const maxPacked = 127 << 10

// Pack makes the checks one word: JSON, gzip, base64. Besides being smaller,
// it holds no "$(", which the kubelet would expand.
func Pack(checks []Check) (string, error) {
	var packed bytes.Buffer
	encoder := base64.NewEncoder(base64.StdEncoding, &packed)
	zipper := gzip.NewWriter(encoder)
	if err := json.NewEncoder(zipper).Encode(checks); err != nil {
		return "", fmt.Errorf("write the checks: %w", err)
	}
	if err := zipper.Close(); err != nil {
		return "", fmt.Errorf("write the checks: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return "", fmt.Errorf("write the checks: %w", err)
	}
	if packed.Len() > maxPacked {
		err := fmt.Errorf("%d checks are too many for one pod: %d KiB packed, %d KiB fit", len(checks), packed.Len()>>10, maxPacked>>10)
		return "", fault.New(fault.Config, err, "leave some out with verify.skip")
	}
	return packed.String(), nil
}

// Unpack reads the value of [EnvChecks] into the JSON that [Probe] takes.
func Unpack(packed string) (io.Reader, error) {
	r, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	if err != nil {
		return nil, fmt.Errorf("read the checks in %s: %w", EnvChecks, err)
	}
	return r, nil
}

// decode reads the checks. Their needs must lead to earlier ones, so that no
// check can wait for itself.
func decode(in io.Reader) ([]Check, error) {
	var checks []Check
	if err := json.NewDecoder(in).Decode(&checks); err != nil {
		return nil, fmt.Errorf("read the checks: %w", err)
	}
	seen := map[string]bool{}
	for _, c := range checks {
		for _, need := range c.Needs {
			if !seen[need] {
				return nil, fmt.Errorf("read the checks: %q needs %q, which no earlier check is", c.ID, need)
			}
		}
		if seen[c.ID] {
			return nil, fmt.Errorf("read the checks: %q is there twice", c.ID)
		}
		seen[c.ID] = true
	}
	return checks, nil
}

// ParseLine reads one line of the pod's log. Anything but a whole result, such
// as a warning of the Go runtime or the torn end of a broken stream, is not ok.
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
