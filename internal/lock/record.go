package lock

import (
	"encoding/json"
	"io"
	"os"
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
