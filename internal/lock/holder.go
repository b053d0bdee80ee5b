package lock

import (
	"fmt"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"tkdeploy.dev/tkdeploy/internal/fault"
)

// A Holder is the run that holds a lock.
type Holder struct {
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid"`
	Command string    `json:"command"` // its name only: arguments may be secret
	Since   time.Time `json:"since"`
}

// Self is this process, as far as it can be told.
func Self(command string) Holder {
	h := Holder{PID: os.Getpid(), Command: command, Since: time.Now()}
	if who, err := user.Current(); err == nil {
		h.User = who.Username
	}
	if host, err := os.Hostname(); err == nil {
		h.Host = host
	}
	return h
}

func (h Holder) String() string {
	if h == (Holder{}) {
		return "which one, it does not say"
	}
	text := h.Command + " of " + h.identity()
	if !h.Since.IsZero() {
		text += ", since " + h.Since.Local().Format(time.DateTime)
	}
	return printable(text)
}

// identity is user@host/pid.
func (h Holder) identity() string {
	if h.PID == 0 {
		return h.User // of a Lease that we did not write
	}
	return fmt.Sprintf("%s@%s/%d", h.User, h.Host, h.PID)
}

// byIdentity is the part of a Holder that identity tells. One that is not ours
// is a user's name as a whole.
func byIdentity(identity string) Holder {
	m := identityForm.FindStringSubmatch(identity)
	if m == nil {
		return Holder{User: identity}
	}
	pid, _ := strconv.Atoi(m[3]) // too large a number is no process
	return Holder{User: m[1], Host: m[2], PID: pid}
}

var identityForm = regexp.MustCompile(`^(.*)@(.*)/(\d+)$`)

// A HeldError says that another run holds the lock. It comes with the class
// [fault.Locked].
type HeldError struct {
	What   string // that is locked
	Holder Holder
	Lost   bool // this run had the lock before
}

func (e *HeldError) Error() string {
	if e.Lost {
		return fmt.Sprintf("this run lost the lock of %s to another one: %s", e.What, e.Holder)
	}
	return fmt.Sprintf("another run is at work on %s: %s", e.What, e.Holder)
}

func held(e *HeldError, hint string) error { return fault.New(fault.Locked, e, hint) }

// printable drops what could steer a terminal: a Lease is not only ours to write.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, s)
}
