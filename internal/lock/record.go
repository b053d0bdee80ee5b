package lock

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

type record struct {
	Holder
	// Token identifies the run in its Lease.
	Token string `json:"token"`
	// StaleTokens are those of earlier runs that left their Leases.
	StaleTokens []string `json:"stale_tokens,omitempty"`
}

func readRecord(f *os.File) record {
	var r record
	text, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<20))
	if err != nil || json.Unmarshal(text, &r) != nil {
		return record{}
	}
	return r
}

// isRunning returns true for other machines, which it cannot check.
func (r record) isRunning() bool {
	if r.PID <= 0 {
		return false
	}
	if host, err := os.Hostname(); err != nil || host != r.Host {
		return true
	}
	return !errors.Is(syscall.Kill(r.PID, 0), syscall.ESRCH)
}

func (r record) hint(path string) string {
	if r.PID <= 0 {
		return "wait for it to finish; it has locked the file " + path
	}
	return fmt.Sprintf("wait for it to finish, or stop it: kill %d", r.PID)
}
