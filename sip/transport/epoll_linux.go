package transport

import (
	"encoding/binary"
	"net/netip"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollLoop is the engine for Linux.
//
// The socket calls never block and are quick, so they are made without telling
// the Go scheduler (RawSyscall); the wait tells it, so that the collector and
// the other goroutines go on meanwhile.
type epollLoop struct {
	loop    *Loop
	epoll   int
	event   int // eventfd of interrupt
	sockets []*socket
	events  []unix.EpollEvent
	in      *inbound
	// failed are addresses that a send found unreachable; they are told after
	// the send, never inside it.
	failed []unreachable
}

// eventWake marks the eventfd among the events; sockets have their listener.
const eventWake = -1

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
		e := &epollLoop{loop: l, epoll: -1, event: -1, in: newInbound(c)}
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
	if e.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return os.NewSyscallError("epoll_create1", err)
	}
	if e.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	// Edge-triggered: the counter is never read, each write is an event.
	if err = e.watch(e.event, unix.EPOLLIN|unix.EPOLLET, eventWake); err != nil {
		return err
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
	e.events = make([]unix.EpollEvent, len(addrs)+1)
	return nil
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
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.epoll, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (e *epollLoop) turn(h Handler, wait bool, next time.Duration) error {
	n, err := e.poll()
	if n == 0 && err == nil && wait {
		if timeout := e.timeout(next); timeout != 0 {
			n, err = unix.EpollWait(e.epoll, e.events, timeout)
		}
	}
	if err != nil && err != unix.EINTR {
		return os.NewSyscallError("epoll_wait", err)
	}
	e.loop.woken()
	for i := range max(n, 0) {
		ev := &e.events[i]
		if ev.Fd == eventWake {
			continue
		}
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

// poll looks without waiting: under load there is always something, and the
// scheduler need not hear of it.
func (e *epollLoop) poll() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.epoll),
		uintptr(unsafe.Pointer(&e.events[0])), uintptr(len(e.events)), 0, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// timeout is epoll_wait's, in milliseconds rounded up: −1 for no end, 0 when
// the time has come.
func (e *epollLoop) timeout(next time.Duration) int {
	if next == 0 {
		return -1
	}
	d := next - time.Since(e.loop.group.epoch)
	if d <= 0 {
		return 0
	}
	const longest = time.Hour
	return int((min(d, longest) + time.Millisecond - 1) / time.Millisecond)
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

func (e *epollLoop) interrupt() {
	// One at a time: the counter is never read, and must not get full.
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	for {
		if _, err := unix.Write(e.event, one[:]); err != unix.EINTR {
			return
		}
	}
}

func (e *epollLoop) close() {
	for _, s := range e.sockets {
		_ = unix.Close(s.fd)
	}
	for _, fd := range []int{e.epoll, e.event} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}
