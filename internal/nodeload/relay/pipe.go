package relay

import (
	"io"
	"net"
	"sync"
	"time"
)

// pipe is a connection over a reader and a writer. It has no deadlines.
type pipe struct {
	in    io.Reader
	out   io.Writer
	ended func()
	once  sync.Once
}

// newPipe returns a connection that calls ended once, when in ends or it is closed.
func newPipe(in io.Reader, out io.Writer, ended func()) *pipe {
	return &pipe{in: in, out: out, ended: ended}
}

func (p *pipe) Read(b []byte) (int, error) {
	n, err := p.in.Read(b)
	if err != nil {
		p.once.Do(p.ended)
	}
	return n, err
}

func (p *pipe) Write(b []byte) (int, error) { return p.out.Write(b) }

func (p *pipe) Close() error {
	p.once.Do(p.ended)
	if c, ok := p.in.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (p *pipe) LocalAddr() net.Addr              { return pipeAddr{} }
func (p *pipe) RemoteAddr() net.Addr             { return pipeAddr{} }
func (p *pipe) SetDeadline(time.Time) error      { return nil }
func (p *pipe) SetReadDeadline(time.Time) error  { return nil }
func (p *pipe) SetWriteDeadline(time.Time) error { return nil }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
