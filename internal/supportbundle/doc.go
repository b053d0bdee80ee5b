// Package supportbundle collects a support bundle for a failed run: a directory that
// is evidence enough to find the cause after the cluster is gone.
//
// # How it is filled
//
// A [Bundle] is filled by parts, side by side, until time is up. Each part fails
// on its own; what could not be had is said in the index. A part that is late is
// given up, and writes nothing more.
//
// # Secrets
//
// No content of a Secret is written: Secrets are listed by their names and keys,
// and their contents are masked in every other file. If the Secrets cannot be
// read, what could show one is left out (see [Part.Raw]).
package supportbundle

import "time"

// Limits bound what is collected. Zero fields take the defaults.
type Limits struct {
	LogLines int           // of each log, the last ones; default 2000
	LogBytes int           // of each log, the last ones; default 1 MiB
	Request  time.Duration // for each request, log and command; default 10 s
	AtOnce   int           // logs that are read side by side; default 8
	Total    int           // bytes of the whole bundle; default 256 MiB
}

func (l Limits) withDefaults() Limits {
	if l.LogLines == 0 {
		l.LogLines = 2000
	}
	if l.LogBytes == 0 {
		l.LogBytes = 1 << 20
	}
	if l.Request == 0 {
		l.Request = 10 * time.Second
	}
	if l.AtOnce == 0 {
		l.AtOnce = 8
	}
	if l.Total == 0 {
		l.Total = 256 << 20
	}
	return l
}
