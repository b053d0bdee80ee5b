package lock

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"tkdeploy.dev/tkdeploy/internal/fault"
	"tkdeploy.dev/tkdeploy/internal/text"
)

// Holder is the run that holds a lock.
type Holder struct {
	User    string    `json:"user,omitempty"`
	Host    string    `json:"host,omitempty"`
	PID     int       `json:"pid"`
	Command string    `json:"command"` // command and environment; other arguments may be secret
	Since   time.Time `json:"since"`
}

// Self returns the holder for this process. User and Host are empty if unknown.
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
		return "unknown holder"
	}
	name := h.Command + " of " + h.identity()
	if !h.Since.IsZero() {
		name += ", since " + h.Since.Local().Format(time.DateTime)
	}
	return text.Printable(name, text.MaxMessage) // other programs may write the Lease
}

// isRunning returns true for other machines, which it cannot check.
func (h Holder) isRunning() bool {
	if h.PID <= 0 {
		return false
	}
	if host, err := os.Hostname(); err != nil || host != h.Host {
		return true
	}
	return !errors.Is(syscall.Kill(h.PID, 0), syscall.ESRCH)
}

func (h Holder) hint(path string) string {
	if h.PID <= 0 {
		return "wait for it to finish; it has locked the file " + path
	}
	return fmt.Sprintf("wait for it to finish, or stop it: kill %d", h.PID)
}

func (h Holder) equal(other Holder) bool {
	return h.identity() == other.identity() && h.Command == other.Command && h.Since.Equal(other.Since)
}

func (h Holder) identity() string {
	if h.PID == 0 {
		return h.User // from a Lease of another program
	}
	return fmt.Sprintf("%s@%s/%d", h.User, h.Host, h.PID)
}

// parseIdentity returns any format other than that of identity as the user.
func parseIdentity(identity string) Holder {
	m := identityPattern.FindStringSubmatch(identity)
	if m == nil {
		return Holder{User: identity}
	}
	pid, _ := strconv.Atoi(m[3]) // out of range: no process has this ID
	return Holder{User: m[1], Host: m[2], PID: pid}
}

var identityPattern = regexp.MustCompile(`^(.*)@(.*)/(\d+)$`)

// HeldError reports that another run holds the lock. It is wrapped in class
// [fault.Locked].
type HeldError struct {
	What   string // the locked resource
	Holder Holder
	Lost   bool // this run held the lock before
}

func (e *HeldError) Error() string {
	if e.Lost {
		return fmt.Sprintf("lost the lock on %s to another run: %s", e.What, e.Holder)
	}
	return fmt.Sprintf("%s is locked by another run: %s", e.What, e.Holder)
}

func lockedError(e *HeldError, hint string) error { return fault.New(fault.Locked, e, hint) }
