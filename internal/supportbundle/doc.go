// Package supportbundle collects enough evidence of a failed run to find the reason
// after the cluster is gone.
//
// # Collection
//
// [Bundle.Collect] runs all collectors in parallel until the deadline. They fail
// independently, and the index lists what is missing.
//
// # Secrets
//
// A bundle contains no contents of Secrets. It lists Secrets by name and key, and
// redacts their contents in all files. If the Secrets cannot be read, raw
// collectors are skipped, see [Collector.Raw].
package supportbundle

import (
	"cmp"
	"time"
)

// Limits bounds what is collected. Zero fields take the defaults.
type Limits struct {
	LogLines       int           // last lines of each log; default 2000
	LogBytes       int           // last bytes of each log; default 1 MiB
	RequestTimeout time.Duration // for each request, log and command; default 10 s
	ParallelLogs   int           // logs read at the same time; default 8
	TotalBytes     int           // size of the bundle; default 256 MiB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		LogLines:       cmp.Or(l.LogLines, 2000),
		LogBytes:       cmp.Or(l.LogBytes, 1<<20),
		RequestTimeout: cmp.Or(l.RequestTimeout, 10*time.Second),
		ParallelLogs:   cmp.Or(l.ParallelLogs, 8),
		TotalBytes:     cmp.Or(l.TotalBytes, 256<<20),
	}
}
