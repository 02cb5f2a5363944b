package transport

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readErrors empties the socket's error queue: ICMP errors that came back for
// datagrams it had sent.
func (s *socket) readErrors() {
	var (
		control [256]byte
		n       name
		data    [1]byte
	)
	vector := unix.Iovec{Base: &data[0]}
	vector.SetLen(len(data))
	for range maxNotices {
		msg := unix.Msghdr{Name: (*byte)(unsafe.Pointer(&n)), Namelen: unix.SizeofSockaddrInet6, Iov: &vector, Control: &control[0]}
		msg.SetIovlen(1)
		msg.SetControllen(len(control))
		_, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&msg)), unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
		if errno != 0 {
			break
		}
		if !reportsUnreachable(control[:msg.Controllen]) {
			continue
		}
		if to := get(&n); to.IsValid() {
			s.engine.loop.counts.unreachable.Add(1)
			s.engine.loop.group.unreachable(s.listener, to)
		}
	}
	// The socket also keeps the last error apart from the queue, and would
	// answer the next call with it.
	_, _ = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
}

// reportsUnreachable tells whether an entry of the error queue is one of the
// errors that RFC 3261 §18.4 has the transport user hear of: host, network,
// port or protocol unreachable, or a parameter problem. Time exceeded, source
// quench and too big a datagram are not.
func reportsUnreachable(control []byte) bool {
	for len(control) > 0 {
		hdr, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return false
		}
		control = rest
		v4 := hdr.Level == unix.IPPROTO_IP && hdr.Type == unix.IP_RECVERR
		v6 := hdr.Level == unix.IPPROTO_IPV6 && hdr.Type == unix.IPV6_RECVERR
		if !v4 && !v6 || len(data) < int(unsafe.Sizeof(unix.SockExtendedErr{})) {
			continue
		}
		switch e := (*unix.SockExtendedErr)(unsafe.Pointer(&data[0])); e.Origin {
		case unix.SO_EE_ORIGIN_ICMP:
			return e.Type == icmpUnreachable && e.Code != icmpFragmentationNeeded || e.Type == icmpParameterProblem
		case unix.SO_EE_ORIGIN_ICMP6:
			return e.Type == icmp6Unreachable || e.Type == icmp6ParameterProblem
		}
	}
	return false
}

// RFC 792 and RFC 4443 §3.
const (
	icmpUnreachable         = 3
	icmpFragmentationNeeded = 4 // a code of icmpUnreachable
	icmpParameterProblem    = 12
	icmp6Unreachable        = 1
	icmp6ParameterProblem   = 4
)
