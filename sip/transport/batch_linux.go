package transport

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize holds the ancillary data of a datagram received: one number.
const controlSize = 64

// inbound is the memory of one recvmmsg; a loop's sockets take turns with it.
type inbound struct {
	headers []unix.Mmsghdr
	vectors []unix.Iovec
	names   []name
	control [][controlSize]byte
	data    []byte
	size    int // of one datagram's share of data
	packet  Packet
}

func newInbound(c Config) *inbound {
	in := &inbound{
		headers: make([]unix.Mmsghdr, c.Batch),
		vectors: make([]unix.Iovec, c.Batch),
		names:   make([]name, c.Batch),
		control: make([][controlSize]byte, c.Batch),
		data:    make([]byte, c.Batch*c.MaxDatagram),
		size:    c.MaxDatagram,
	}
	for i := range in.headers {
		in.vectors[i].Base = &in.data[i*in.size]
		in.vectors[i].SetLen(in.size)
		h := &in.headers[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&in.names[i]))
		h.Iov = &in.vectors[i]
		h.SetIovlen(1)
		h.Control = &in.control[i][0]
	}
	in.reset(c.Batch)
	return in
}

// reset makes the first n headers ready for the next call, which has written
// lengths into them.
func (in *inbound) reset(n int) {
	for i := range n {
		h := &in.headers[i].Hdr
		h.Namelen = unix.SizeofSockaddrInet6
		h.SetControllen(controlSize)
		h.Flags = 0
	}
}

// outbound collects what one sendmmsg sends from one socket.
type outbound struct {
	headers []unix.Mmsghdr
	vectors []unix.Iovec
	names   []name
	data    []byte // never grows: the vectors point into it
	n       int
}

func newOutbound(c Config) *outbound {
	// Room for a whole batch of usual messages, and for one of any length.
	const usual = 2048
	out := &outbound{
		headers: make([]unix.Mmsghdr, c.Batch),
		vectors: make([]unix.Iovec, c.Batch),
		names:   make([]name, c.Batch),
		data:    make([]byte, 0, c.Batch*usual+maxUDP),
	}
	for i := range out.headers {
		h := &out.headers[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&out.names[i]))
		h.Iov = &out.vectors[i]
		h.SetIovlen(1)
	}
	return out
}

// socket is one listen address in one loop.
type socket struct {
	engine   *epollLoop
	listener int
	fd       int
	family   uint16
	out      *outbound
	// overflowed is the system's count of lost datagrams as last seen.
	overflowed uint32
}

func newSocket(c Config, e *epollLoop, listener, fd int, addr netip.AddrPort) *socket {
	s := &socket{engine: e, listener: listener, fd: fd, family: unix.AF_INET6, out: newOutbound(c)}
	if addr.Addr().Is4() {
		s.family = unix.AF_INET
	}
	return s
}

// read hands the handler what waits in the socket, some batches at most.
func (s *socket) read(h Handler, in *inbound) {
	for range rounds {
		r, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd),
			uintptr(unsafe.Pointer(&in.headers[0])), uintptr(len(in.headers)), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			// EAGAIN: empty. Anything else is an error of the network that was
			// waiting on the socket; epoll comes back for its details and for
			// what else there is to read.
			return
		}
		n := int(r)
		s.hand(h, in, n)
		in.reset(n)
		if n < len(in.headers) {
			return
		}
	}
}

func (s *socket) hand(h Handler, in *inbound, n int) {
	counts := &s.engine.loop.counts
	counts.reads.Add(1)
	counts.received.Add(uint64(n))
	if last := &in.headers[n-1].Hdr; last.Controllen > 0 {
		s.countOverflow(in.control[n-1][:last.Controllen])
	}
	for i := range n {
		m := &in.headers[i]
		if m.Hdr.Flags&unix.MSG_TRUNC != 0 {
			counts.truncated.Add(1)
			continue
		}
		at := i * in.size
		in.packet = Packet{
			Data:     in.data[at : at+int(m.Len) : at+int(m.Len)],
			Remote:   get(&in.names[i]),
			Listener: s.listener,
		}
		h.Packet(&in.packet)
	}
}

// countOverflow reads SO_RXQ_OVFL, the number of datagrams lost since the
// socket was opened, modulo 2^32.
func (s *socket) countOverflow(control []byte) {
	hdr, data, _, err := unix.ParseOneSocketControlMessage(control)
	if err != nil || hdr.Level != unix.SOL_SOCKET || hdr.Type != unix.SO_RXQ_OVFL || len(data) < 4 {
		return
	}
	now := binary.NativeEndian.Uint32(data)
	s.engine.loop.counts.overflowed.Add(uint64(now - s.overflowed))
	s.overflowed = now
}

// send puts a datagram into the batch.
func (s *socket) send(to netip.AddrPort, b []byte) {
	out := s.out
	if len(b) > maxUDP {
		s.engine.loop.counts.dropped.Add(1)
		return
	}
	if out.n == len(out.headers) || len(out.data)+len(b) > cap(out.data) {
		s.flush()
	}
	length := put(&out.names[out.n], s.family, to)
	if length == 0 {
		s.lost(to)
		return
	}
	at := len(out.data)
	out.data = append(out.data, b...)
	out.headers[out.n].Hdr.Namelen = length
	// One byte past the end is inside the array unless it is full, and an empty
	// datagram's base is not read.
	v := &out.vectors[out.n]
	v.Base = unsafe.SliceData(out.data[at:])
	v.SetLen(len(b))
	out.n++
}

// flush sends the batch. A datagram that the system does not take is dropped;
// SIP sends again what matters.
func (s *socket) flush() {
	out, counts := s.out, &s.engine.loop.counts
	at, tries := 0, 0
	for at < out.n {
		r, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd),
			uintptr(unsafe.Pointer(&out.headers[at])), uintptr(out.n-at), unix.MSG_DONTWAIT, 0, 0)
		if errno == 0 {
			counts.writes.Add(1)
			counts.sent.Add(uint64(r))
			at, tries = at+int(r), 0
			continue
		}
		if tries++; tries == 1 {
			// Either there is no room, or this is the error of an earlier
			// datagram, which the call has now cleared: once more.
			if errno == unix.EAGAIN || errno == unix.ENOBUFS {
				s.awaitRoom()
			}
			continue
		}
		if errno == unix.EAGAIN || errno == unix.ENOBUFS {
			// No room for the first is none for the rest.
			counts.dropped.Add(uint64(out.n - at))
			break
		}
		s.lost(get(&out.names[at]))
		at, tries = at+1, 0
	}
	out.n, out.data = 0, out.data[:0]
}

// lost counts a datagram that cannot be sent and remembers to report it.
func (s *socket) lost(to netip.AddrPort) {
	e := s.engine
	e.loop.counts.dropped.Add(1)
	e.loop.counts.unreachable.Add(1)
	if len(e.failed) < maxNotices {
		e.failed = append(e.failed, unreachable{s.listener, to})
	}
}

// awaitRoom waits for the socket to take datagrams again, some milliseconds at
// most: the timers and the other calls are waiting too.
func (s *socket) awaitRoom() {
	const patience = 5 // ms
	fds := [1]unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLOUT}}
	_, _ = unix.Poll(fds[:], patience)
}
