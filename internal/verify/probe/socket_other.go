//go:build !linux

package probe

import "syscall"

// socket is unused, because the smoke test pod runs on Linux.
type socket struct{}

func duplicate(syscall.RawConn) (socket, error) { return socket{}, nil }
func (socket) received() bool                   { return false }
func (socket) close()                           {}
