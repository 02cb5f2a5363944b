package sip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// peer is one end of a flow: a socket, and what it remembers of its calls.
type peer struct {
	name    string
	conn    *net.UDPConn
	addr    netip.AddrPort
	account string
	in      chan []byte
	// seen holds every datagram received, to tell repetitions.
	seen map[string]bool
	legs map[string]*leg // by Call-ID
}

// leg is what a peer knows of one call: RFC 3261 §12 as a phone keeps it.
type leg struct {
	callID              string
	localURI, remoteURI string
	localTag            string // as a caller
	seq                 int
	sent                map[string]*message // last sent, by method or status
	got                 map[string]*message // last received, likewise
	requests            map[string]*message // last request received, by method
	// dialogs by the callee's tag; last is the newest.
	dialogs map[string]*dialogState
	last    *dialogState
}

type dialogState struct {
	localTag, remoteTag string
	target              string
	routes              []string
}

func newPeer(t *testing.T, name, account, ip string) *peer {
	t.Helper()
	p := &peer{
		name: name, account: account, in: make(chan []byte, 256), seen: map[string]bool{}, legs: map[string]*leg{},
		conn: listenUDP(t, netip.AddrPortFrom(netip.MustParseAddr(ip), 0)),
	}
	p.addr = addrOf(p.conn)
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 65536)
		for {
			n, err := p.conn.Read(b)
			if err != nil {
				return
			}
			p.in <- slices.Clone(b[:n])
		}
	}()
	t.Cleanup(func() {
		_ = p.conn.Close()
		<-done
	})
	return p
}

func (p *peer) contact() string { return fmt.Sprintf("<sip:%s@%s>", p.name, p.addr) }

func (p *peer) leg(callID string) *leg {
	l := p.legs[callID]
	if l == nil {
		l = &leg{
			callID: callID, sent: map[string]*message{}, got: map[string]*message{},
			requests: map[string]*message{}, dialogs: map[string]*dialogState{},
		}
		p.legs[callID] = l
	}
	return l
}

const offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"

// initial makes a request outside any dialog.
func (p *peer) initial(l *leg, method, uri, branch string) *message {
	l.seq++
	if l.localTag == "" {
		l.localTag = p.name + "-tag"
		l.localURI, l.remoteURI = fmt.Sprintf("<sip:%s@%s.test>", p.name, p.account), "<"+uri+">"
	}
	m := &message{start: method + " " + uri + " SIP/2.0"}
	m.add("Via", p.via(branch))
	m.add("Max-Forwards", "70")
	m.add("From", l.localURI+";tag="+l.localTag)
	m.add("To", l.remoteURI)
	m.add("Call-ID", l.callID)
	m.add("CSeq", fmt.Sprintf("%d %s", l.seq, method))
	m.add("Contact", p.contact())
	if method == "INVITE" {
		m.add("Content-Type", "application/sdp")
		m.body = offer
	}
	return m
}

func (p *peer) via(branch string) string {
	return fmt.Sprintf("SIP/2.0/UDP %s;branch=%s;rport", p.addr, branch)
}

// within makes a request inside a dialog (§12.2.1.1).
func (p *peer) within(l *leg, d *dialogState, method, branch string) *message {
	m := &message{start: method + " " + d.target + " SIP/2.0"}
	seq := l.seq
	switch method {
	case "ACK": // the number of the INVITE (§13.2.2.4)
		if inv := l.sent["INVITE"]; inv != nil {
			_, _ = fmt.Sscan(inv.get("CSeq"), &seq)
		}
	default:
		l.seq++
		seq = l.seq
	}
	m.add("Via", p.via(branch))
	m.add("Max-Forwards", "70")
	for _, r := range d.routes {
		m.add("Route", r)
	}
	m.add("From", l.localURI+";tag="+d.localTag)
	m.add("To", l.remoteURI+";tag="+d.remoteTag)
	m.add("Call-ID", l.callID)
	m.add("CSeq", fmt.Sprintf("%d %s", seq, method))
	if method != "ACK" && method != "BYE" {
		m.add("Contact", p.contact())
	}
	if method == "INVITE" {
		m.add("Content-Type", "application/sdp")
		m.body = offer
	}
	return m
}

// hopByHop makes the CANCEL of the INVITE last sent (§9.1), or the ACK to its
// non-2xx final response (§17.1.1.3).
func (p *peer) hopByHop(l *leg, method string) (*message, error) {
	inv := l.sent["INVITE"]
	if inv == nil {
		return nil, fmt.Errorf("%s has sent no INVITE to %s", p.name, method)
	}
	m := &message{start: method + " " + inv.uri() + " SIP/2.0"}
	m.add("Via", inv.get("Via"))
	m.copyFrom(inv, "Route", "Max-Forwards", "From", "To", "Call-ID")
	if final := l.got["final"]; method == "ACK" && final != nil {
		m.set("To", final.get("To"))
	}
	seq, _, _ := strings.Cut(inv.get("CSeq"), " ")
	m.add("CSeq", seq+" "+method)
	return m, nil
}

// response answers a request received (§8.2.6, §12.1.1).
func (p *peer) response(l *leg, req *message, status int, tag string) *message {
	m := &message{start: fmt.Sprintf("SIP/2.0 %d Said by %s", status, p.name)}
	m.copyFrom(req, "Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
	if param(m.get("To"), "tag") == "" && status > 100 {
		m.set("To", m.get("To")+";tag="+tag)
	}
	method := req.what()
	if method == "INVITE" || method == "UPDATE" {
		m.add("Contact", p.contact())
		if status/100 == 2 {
			m.add("Content-Type", "application/sdp")
			m.body = offer
		}
	}
	if method == "INVITE" && status > 100 && status < 300 && param(req.get("To"), "tag") == "" {
		l.localURI, l.remoteURI = p.bare(req.get("To")), p.bare(req.get("From"))
		l.open(tag, &dialogState{
			localTag: tag, remoteTag: param(req.get("From"), "tag"),
			target: addrOfValue(req.get("Contact")), routes: req.all("Record-Route"),
		})
	}
	return m
}

func (p *peer) bare(nameAddr string) string { return "<" + addrOfValue(nameAddr) + ">" }

func (l *leg) open(tag string, d *dialogState) {
	l.dialogs[tag] = d
	l.last = d
}

// learn keeps what a message received says.
func (p *peer) learn(l *leg, m *message) {
	l.got[m.what()] = m
	if m.status() == 0 {
		l.requests[m.what()] = m
		return
	}
	if m.method() != "INVITE" || m.status() <= 100 {
		return
	}
	if m.status() >= 200 {
		l.got["final"] = m
	}
	tag := param(m.get("To"), "tag")
	inv := l.sent["INVITE"]
	if tag == "" || m.status() >= 300 || inv == nil || param(inv.get("To"), "tag") != "" {
		return
	}
	routes := m.all("Record-Route")
	slices.Reverse(routes) // §12.1.2
	l.open(tag, &dialogState{localTag: l.localTag, remoteTag: tag, target: addrOfValue(m.get("Contact")), routes: routes})
}

// dialog finds one by the callee's tag; "" is the newest.
func (l *leg) dialog(tag string) (*dialogState, error) {
	d := l.last
	if tag != "" {
		d = l.dialogs[tag]
	}
	if d == nil {
		return nil, fmt.Errorf("no dialog %q", tag)
	}
	return d, nil
}
