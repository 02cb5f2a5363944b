package store

import (
	"context"
	"io"
	"net"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// quickConn is a connection to Redis that reads and writes without telling the
// Go scheduler. The calls never block: the sockets are non-blocking, and where
// there is nothing to do the goroutine parks in the network poller as always.
// But a write over loopback takes longer than the scheduler lets a system call
// be before it wakes another thread to take over, and that costs more than the
// write (docs/decisions/0008).
type quickConn struct {
	net.Conn
	raw     syscall.RawConn
	in, out transfer
}

// transfer is one direction: what a call in progress moves, and the function
// the poller calls, made once.
type transfer struct {
	mu  sync.Mutex
	buf []byte
	n   int
	err error
	try func(fd uintptr) bool
}

// quicken wraps a connection; one that is no socket stays as it is.
func quicken(c net.Conn) net.Conn {
	s, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return c
	}
	q := &quickConn{Conn: c, raw: raw}
	q.in.try = func(fd uintptr) bool { return q.in.move(unix.SYS_READ, fd) }
	q.out.try = func(fd uintptr) bool { return q.out.move(unix.SYS_WRITE, fd) }
	return q
}

// looks is how often a socket that has nothing yet is looked at again, with
// everybody else's turn in between, before the goroutine parks. On a busy node
// the answer is there by then, and nobody would ask the poller for it until the
// loops have nothing to do.
const looks = 3

// move makes the system call and reports whether it is done: false waits until
// the socket is ready.
func (t *transfer) move(call, fd uintptr) bool {
	for again := 0; ; {
		n, _, errno := unix.RawSyscall(call, fd, uintptr(unsafe.Pointer(unsafe.SliceData(t.buf))), uintptr(len(t.buf)))
		switch errno {
		case 0:
			t.n, t.err = int(n), nil
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			if again++; again > looks {
				return false
			}
			runtime.Gosched()
			continue
		default:
			t.n, t.err = 0, errno
		}
		return true
	}
}

func (c *quickConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	t := &c.in
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = b
	err := c.raw.Read(t.try)
	t.buf = nil
	switch {
	case err != nil:
		return 0, err
	case t.err != nil:
		return 0, os.NewSyscallError("read", t.err)
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

func (c *quickConn) Write(b []byte) (int, error) {
	t := &c.out
	t.mu.Lock()
	defer t.mu.Unlock()
	done := 0
	for done < len(b) {
		t.buf = b[done:]
		err := c.raw.Write(t.try)
		t.buf = nil
		if err == nil && t.err != nil {
			err = os.NewSyscallError("write", t.err)
		}
		if err != nil {
			return done, err
		}
		done += t.n
	}
	return done, nil
}

// SyscallConn lets the driver look whether an idle connection is still up, which
// it does before every use.
func (c *quickConn) SyscallConn() (syscall.RawConn, error) { return probe{c.raw}, nil }

// probe is a RawConn that looks by itself first: on a connection that is up and
// silent, f has nothing to find and is not called, which spares the scheduler
// one more system call.
type probe struct{ syscall.RawConn }

func (p probe) Read(f func(fd uintptr) bool) error {
	silent := false
	err := p.RawConn.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&b)), 1, unix.MSG_PEEK|unix.MSG_DONTWAIT, 0, 0)
		silent = errno == unix.EAGAIN
		return true
	})
	if err != nil || silent {
		return err
	}
	return p.RawConn.Read(f)
}

// dialer connects without TLS.
func dialer() func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{Timeout: dialTimeout, KeepAlive: 5 * time.Minute}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return quicken(c), nil
	}
}
