package testbed

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Address returns a loopback address that nobody else is likely to use now: a
// random one of 127.0.0.0/8 where the system lets that be bound (Linux), else
// 127.0.0.1, on which only FreePort keeps programs apart.
func Address() netip.Addr {
	for range 16 {
		b := [4]byte{127, byte(16 + rand.IntN(200)), byte(rand.IntN(256)), byte(1 + rand.IntN(254))}
		a := netip.AddrFrom4(b)
		if _, err := FreePort("udp", a); err == nil {
			return a
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// FreePort returns a port of the address that was free a moment ago, for a
// program that cannot be told to pick one and say which.
func FreePort(network string, a netip.Addr) (netip.AddrPort, error) {
	at := net.JoinHostPort(a.String(), "0")
	switch network {
	case "udp":
		c, err := net.ListenPacket("udp", at)
		if err != nil {
			return netip.AddrPort{}, err
		}
		defer func() { _ = c.Close() }()
		return c.LocalAddr().(*net.UDPAddr).AddrPort(), nil
	case "tcp":
		l, err := net.Listen("tcp", at)
		if err != nil {
			return netip.AddrPort{}, err
		}
		defer func() { _ = l.Close() }()
		return l.Addr().(*net.TCPAddr).AddrPort(), nil
	}
	return netip.AddrPort{}, fmt.Errorf("no ports of %q", network)
}

// bound reports whether a program holds this UDP address. Linux has a table to
// look at; elsewhere the address is tried, which can get in the program's way
// for a moment.
func bound(a netip.AddrPort) bool {
	table, err := os.ReadFile("/proc/net/udp")
	if err != nil {
		c, err := net.ListenPacket("udp", a.String())
		if err != nil {
			return true
		}
		_ = c.Close()
		return false
	}
	// proc(5): the address is in the machine's byte order, the port is not.
	b := a.Addr().As4()
	local := fmt.Sprintf(" %08X:%04X ", binary.NativeEndian.Uint32(b[:]), a.Port())
	return strings.Contains(string(table), local)
}
