package nodeload

import (
	"strings"

	"tkdeploy.dev/tkdeploy/internal/engine"
)

type record struct {
	target string // digest of the manifest or index
	labels string // k=v,k=v
}

func (r record) matches(i engine.Image) bool {
	return r.label(labelID) == i.ID && r.target != "" && r.label(labelManifest) == r.target
}

func (r record) label(key string) string {
	for pair := range strings.SplitSeq(r.labels, ",") {
		if value, found := strings.CutPrefix(pair, key+"="); found {
			return value
		}
	}
	return ""
}

// parseRecord parses a line of `ctr images ls`: name, type, digest, size with
// unit, platforms, labels.
func parseRecord(line string) (ref string, r record, ok bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || !strings.HasPrefix(fields[2], "sha256:") {
		return "", record{}, false
	}
	return fields[0], record{target: fields[2], labels: fields[len(fields)-1]}, true
}

func parseRecords(text []byte) map[string]record {
	records := map[string]record{}
	for line := range strings.Lines(string(text)) {
		if ref, r, ok := parseRecord(line); ok {
			records[ref] = r
		}
	}
	return records
}
