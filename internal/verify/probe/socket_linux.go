package probe

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// socket is a duplicate of a connection's socket, which stays open when the
// dialer fails. The zero value is no socket.
type socket struct{ file int }

func duplicate(conn syscall.RawConn) (s socket, err error) {
	failed := conn.Control(func(fd uintptr) {
		s.file, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) // never 0, a standard stream
	})
	return s, errors.Join(failed, err)
}

// received reports whether a TCP segment has arrived: SYN-ACK or RST, not ICMP.
// Linux counts segments since 4.2; gVisor does not.
func (s socket) received() bool {
	if s.file == 0 {
		return false
	}
	info, err := unix.GetsockoptTCPInfo(s.file, unix.IPPROTO_TCP, unix.TCP_INFO)
	return err == nil && info.Segs_in > 0
}

func (s socket) close() {
	if s.file != 0 {
		_ = unix.Close(s.file)
	}
}
