package transport

import (
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollLoop is the engine for Linux.
//
// The socket calls never block and are quick, so they are made without telling
// the Go scheduler (RawSyscall). The wait is the scheduler's own: the epoll set
// is itself registered with Go's network poller, so a loop that has nothing to
// do is a parked goroutine, its thread goes on with other goroutines or sleeps
// in the one epoll_wait that also watches Redis and the API, and no thread has
// to be woken to take over from a blocked one (docs/decisions/0008).
type epollLoop struct {
	loop *Loop
	// set is the epoll set; file is the same for the poller, and wait parks on
	// it.
	set     int
	file    *os.File
	wait    syscall.RawConn
	waiting func(fd uintptr) bool
	n       int
	err     error
	// until is the deadline the file has; 0 for none, -1 when it has passed.
	until   time.Duration
	sockets []*socket
	events  []unix.EpollEvent
	in      *inbound
	// failed are addresses that a send found unreachable; they are told after
	// the send, never inside it.
	failed []unreachable
}

func listenEpoll(c Config) (_ *Group, err error) {
	addrs := make([]netip.AddrPort, len(c.Listen))
	copy(addrs, c.Listen)
	g := newGroup(c, addrs)
	made := 0
	defer func() {
		if err != nil {
			for _, l := range g.loops[:made] {
				l.engine.close()
			}
		}
	}()
	for i, l := range g.loops {
		e := &epollLoop{loop: l, set: -1, in: newInbound(c)}
		l.engine = e
		made++
		if err = e.open(c, addrs, i == 0); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// open makes the descriptors of one loop; the first loop settles the ports.
func (e *epollLoop) open(c Config, addrs []netip.AddrPort, first bool) (err error) {
	if e.set, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if err = unix.SetNonblock(e.set, true); err != nil { // else NewFile leaves the poller out
		return os.NewSyscallError("fcntl", err)
	}
	e.file = os.NewFile(uintptr(e.set), "epoll")
	if e.wait, err = e.file.SyscallConn(); err != nil {
		return err
	}
	e.waiting = func(uintptr) bool {
		e.n, e.err = e.poll()
		return e.n > 0 || e.err != nil
	}
	for i, a := range addrs {
		fd, bound, err := bind(c, a, first, dual(c.Listen, i))
		if err != nil {
			return err
		}
		addrs[i] = bound
		e.sockets = append(e.sockets, newSocket(c, e, i, fd, a))
		if err := e.watch(fd, unix.EPOLLIN, int32(i)); err != nil {
			return err
		}
	}
	e.events = make([]unix.EpollEvent, len(addrs))
	return e.file.SetDeadline(time.Time{}) // fails where the poller does not have it
}

// dual reports whether a listen address takes both families.
func dual(listen []netip.AddrPort, i int) bool {
	if listen[i].Addr() != netip.IPv6Unspecified() {
		return false
	}
	for _, a := range listen {
		if a.Addr() == netip.IPv4Unspecified() {
			return false
		}
	}
	return true
}

func (e *epollLoop) watch(fd int, events uint32, tag int32) error {
	ev := unix.EpollEvent{Events: events, Fd: tag}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.set, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (e *epollLoop) turn(h Handler, next time.Duration) error {
	n, err := e.poll()
	if n == 0 && err == nil {
		n, err = e.park(next)
	}
	if err != nil && err != unix.EINTR {
		return os.NewSyscallError("epoll_wait", err)
	}
	e.loop.woken()
	for i := range max(n, 0) {
		ev := &e.events[i]
		s := e.sockets[ev.Fd]
		if ev.Events&unix.EPOLLERR != 0 {
			s.readErrors()
		}
		if ev.Events&unix.EPOLLIN != 0 {
			s.read(h, e.in)
		}
	}
	return nil
}

// park waits for a datagram, the time next (0: none), or interrupt. The
// deadline is set before the loop says that it sleeps: whoever wakes it from
// then on puts a deadline in the past over it.
func (e *epollLoop) park(next time.Duration) (int, error) {
	// A deadline that is too early only means a turn for nothing: it is left
	// until it has passed.
	if e.until < 0 || next != 0 && (e.until == 0 || next < e.until) {
		var at time.Time
		if next != 0 {
			at = e.loop.group.epoch.Add(next)
		}
		if err := e.file.SetReadDeadline(at); err != nil {
			return 0, err
		}
		e.until = next
	}
	if !e.loop.sleep() {
		return 0, nil
	}
	e.n, e.err = 0, nil
	err := e.wait.Read(e.waiting)
	if err != nil {
		e.until = -1 // whatever it was, it is over
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return 0, err
	}
	return e.n, e.err
}

// poll looks without waiting: under load there is always something, and the
// scheduler need not hear of it.
func (e *epollLoop) poll() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.set),
		uintptr(unsafe.Pointer(&e.events[0])), uintptr(len(e.events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

func (e *epollLoop) send(listener int, to netip.AddrPort, b []byte) {
	e.sockets[listener].send(to, b)
}

func (e *epollLoop) flush() {
	for _, s := range e.sockets {
		if s.out.n > 0 {
			s.flush()
		}
	}
	for _, u := range e.failed {
		e.loop.group.unreachable(u.listener, u.remote)
	}
	e.failed = e.failed[:0]
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

func (e *epollLoop) interrupt() { _ = e.file.SetReadDeadline(longAgo) }

func (e *epollLoop) close() {
	for _, s := range e.sockets {
		_ = unix.Close(s.fd)
	}
	if e.file != nil {
		_ = e.file.Close()
	} else if e.set >= 0 {
		_ = unix.Close(e.set)
	}
}
