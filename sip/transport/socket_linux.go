package transport

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bind opens a non-blocking UDP socket on an address.
//
// The first socket of a group binds alone and only then allows others to share
// its port: with SO_REUSEPORT set before, the system would let two gateways
// take half of each other's datagrams, and could pick a port in use for port 0.
func bind(c Config, addr netip.AddrPort, first, dual bool) (_ int, bound netip.AddrPort, err error) {
	family := unix.AF_INET6
	if addr.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_UDP)
	if err != nil {
		return -1, bound, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err = options(c, fd, family, dual); err != nil {
		return -1, bound, err
	}
	if !first {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return -1, bound, os.NewSyscallError("setsockopt SO_REUSEPORT", err)
		}
	}
	if err = unix.Bind(fd, sockaddr(addr)); err != nil {
		return -1, bound, fmt.Errorf("transport: bind udp %s: %w", addr, err)
	}
	if first && c.Loops > 1 {
		if err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return -1, bound, os.NewSyscallError("setsockopt SO_REUSEPORT", err)
		}
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return -1, bound, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		bound = netip.AddrPortFrom(addr.Addr(), uint16(sa.Port))
	case *unix.SockaddrInet6:
		bound = netip.AddrPortFrom(addr.Addr(), uint16(sa.Port))
	}
	return fd, bound, nil
}

// options sets what every socket has: errors of the network are queued
// (RFC 3261 §18.4), losses are counted, buffers are large.
func options(c Config, fd, family int, dual bool) error {
	set := func(level, name, v int) error {
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(fd, level, name, v))
	}
	if family == unix.AF_INET6 {
		only := 1
		if dual {
			only = 0
		}
		if err := set(unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
			return err
		}
		if err := set(unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1); err != nil {
			return err
		}
	}
	if family == unix.AF_INET || dual {
		if err := set(unix.IPPROTO_IP, unix.IP_RECVERR, 1); err != nil {
			return err
		}
	}
	if err := set(unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return err
	}
	buffer(c, fd, "receive", unix.SO_RCVBUF, unix.SO_RCVBUFFORCE, c.ReceiveBuffer)
	buffer(c, fd, "send", unix.SO_SNDBUF, unix.SO_SNDBUFFORCE, c.SendBuffer)
	return nil
}

// buffer asks for a socket buffer, over the system's limit if that is allowed
// (CAP_NET_ADMIN), and says so when it got less.
func buffer(c Config, fd int, name string, option, force, size int) {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, size) == nil {
		return
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, size); err != nil {
		c.Log.Warn("transport: cannot set a socket buffer", "buffer", name, "bytes", size, "error", err)
		return
	}
	// The system reports twice what it was asked for (socket(7)).
	if got, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option); err == nil && got/2 < size {
		c.Log.Warn("transport: a socket buffer is smaller than asked for; raise net.core.rmem_max and wmem_max",
			"buffer", name, "asked", size, "got", got/2)
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16(), ZoneId: zoneID(a.Addr())}
}

// zoneID reads the scope of a link-local address; the transport writes it as a
// number and so takes numbers only.
func zoneID(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	n, err := strconv.ParseUint(a.Zone(), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// name is a socket address as the system calls have it; the longer of the two
// families.
type name = unix.RawSockaddrInet6

// put writes an address for a socket of the family given and returns its
// length; 0 means that the socket cannot reach such an address.
func put(n *name, family uint16, to netip.AddrPort) uint32 {
	a := to.Addr()
	if family == unix.AF_INET {
		if a = a.Unmap(); !a.Is4() {
			return 0
		}
		n4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		n4.Family, n4.Addr = family, a.As4()
		setPort(&n4.Port, to.Port())
		return unix.SizeofSockaddrInet4
	}
	if !a.IsValid() {
		return 0
	}
	n.Family, n.Flowinfo, n.Addr, n.Scope_id = family, 0, a.As16(), zoneID(a)
	setPort(&n.Port, to.Port())
	return unix.SizeofSockaddrInet6
}

// get reads an address back; the zero AddrPort for a family it does not know.
func get(n *name) netip.AddrPort {
	switch n.Family {
	case unix.AF_INET:
		n4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(n))
		return netip.AddrPortFrom(netip.AddrFrom4(n4.Addr), port(&n4.Port))
	case unix.AF_INET6:
		a := netip.AddrFrom16(n.Addr).Unmap()
		if n.Scope_id != 0 && a.Is6() && a.IsLinkLocalUnicast() {
			a = a.WithZone(strconv.FormatUint(uint64(n.Scope_id), 10))
		}
		return netip.AddrPortFrom(a, port(&n.Port))
	}
	return netip.AddrPort{}
}

// Ports stand in network byte order, whatever the machine's is.
func setPort(p *uint16, v uint16) { binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(p))[:], v) }
func port(p *uint16) uint16       { return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(p))[:]) }
