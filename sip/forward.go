package sip

import (
	"bytes"
	"net"
	"net/netip"
	"strconv"

	"github.com/pbx-interlink/interlink/sip/wire"
)

// hop is where a request goes next.
type hop struct {
	listener int
	target   netip.AddrPort
}

// forwardTo builds a copy of a request for one target (§16.6) in scratch.out:
// what s.edit already says (Request-URI, Route, Record-Route), and our Via, one
// hop less, the sender's address in its own Via. The copy is made from the
// bytes as received; what we do not own goes on octet for octet.
func (s *shard) forwardTo(m *wire.Message, from netip.AddrPort, h hop, id, hops uint64) []byte {
	e := &s.edit
	e.MaxForwards = m.MaxForwards() - 1 // step 3
	if m.MaxForwards() < 0 {
		e.MaxForwards = 70
	}
	// Step 8.
	via := append(s.scratch.via[:0], "SIP/2.0/UDP "...)
	via = append(via, s.srv.sentBy[h.listener]...)
	via = append(via, ";branch="...)
	s.scratch.via = appendBranch(via, id, hops)
	e.Via = s.scratch.via
	e.Received = from
	e.Drop = e.Drop.Union(identityHeaders)
	s.scratch.out = m.AppendForward(s.scratch.out[:0], e)
	return s.scratch.out
}

// appendRecordRoute writes our Record-Route value (§16.6 step 4): this cluster, as
// a loose router, with the call's pass.
func (s *shard) appendRecordRoute(dst []byte, listener int, p *pass) []byte {
	dst = append(dst, "<sip:"...)
	dst = append(dst, s.srv.sentBy[listener]...)
	dst = append(dst, ";lr;"+sealParam+"="...)
	dst, s.scratch.pass = s.srv.secrets.appendPass(dst, p, s.scratch.pass)
	return append(dst, '>')
}

// passIn returns the pass a URI carries, if it is one of our Record-Route URIs.
func (s *shard) passIn(uri []byte) (p pass, ok bool) {
	i := bytes.Index(uri, []byte(";"+sealParam+"="))
	if i < 0 {
		return p, false
	}
	text := uri[i+len(sealParam)+2:]
	for _, after := range [...]byte{';', '?', '>'} {
		if end := bytes.IndexByte(text, after); end >= 0 {
			text = text[:end]
		}
	}
	return p, s.srv.secrets.openPass(&p, text, &s.scratch.opened) == nil
}

// listenerFor returns the listener to reach an address from: the one a request
// came in on where its family fits, else the first that does.
func (s *shard) listenerFor(preferred int, target netip.AddrPort) (int, bool) {
	addrs := s.srv.addrs
	fits := func(a netip.AddrPort) bool { return a.Addr().Is4() == target.Addr().Is4() }
	if fits(addrs[preferred]) {
		return preferred, true
	}
	for i, a := range addrs {
		if fits(a) {
			return i, true
		}
	}
	return 0, false
}

// addressOf reads the address a SIP URI names. Names are not resolved on the
// call path: ok is false for them.
func addressOf(uri []byte) (a netip.AddrPort, ok bool) {
	u, err := wire.ParseURI(uri)
	if err != nil {
		return a, false
	}
	addr, ok := parseIPv4(u.Host)
	if !ok {
		addr, err = netip.ParseAddr(string(bytes.Trim(u.Host, "[]")))
	}
	if err != nil || addr.IsUnspecified() || addr.IsMulticast() || addr.Zone() != "" {
		return a, false
	}
	port := u.Port
	if port == 0 {
		port = 5060
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(port)), true
}

// parseIPv4 reads a dotted quad as netip.ParseAddr does, without making a
// string of it.
func parseIPv4(b []byte) (addr netip.Addr, ok bool) {
	var a [4]byte
	for i := range a {
		end := len(b)
		if i < 3 {
			end = bytes.IndexByte(b, '.')
		}
		if end < 1 || end > 3 || end > 1 && b[0] == '0' {
			return addr, false
		}
		n := 0
		for _, c := range b[:end] {
			if c < '0' || c > '9' {
				return addr, false
			}
			n = n*10 + int(c-'0')
		}
		if n > 255 {
			return addr, false
		}
		a[i] = byte(n)
		if i < 3 {
			b = b[end+1:]
		}
	}
	return netip.AddrFrom4(a), true
}

// appendTargetURI writes the Request-URI for a number at a trunk's address.
func appendTargetURI(dst []byte, user string, a netip.AddrPort) []byte {
	dst = append(dst, "sip:"...)
	dst = wire.AppendUser(dst, user)
	dst = append(dst, '@')
	return a.AppendTo(dst)
}

func splitSentBy(s string) (host string, port int) {
	h, p, err := net.SplitHostPort(s)
	if err != nil {
		return s, 5060
	}
	port, _ = strconv.Atoi(p)
	return h, port
}
