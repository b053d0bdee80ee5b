package probe

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// A socket is a second hold on a connection's, which outlives a dialer's
// failure. The zero value holds none.
type socket struct{ file int }

func hold(conn syscall.RawConn) (s socket, err error) {
	failed := conn.Control(func(fd uintptr) {
		s.file, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 3) // above the standard streams, so never 0
	})
	return s, errors.Join(failed, err)
}

// heard says whether a TCP segment has arrived: a SYN-ACK or an RST, not an
// ICMP message. The kernel counts since Linux 4.2; gVisor does not.
func (s socket) heard() bool {
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
