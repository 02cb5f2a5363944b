package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// probeRate is how many calls a second the probe places.
const probeRate = 50

// probeRings is how long a probe's call rings, probeTalks how long it is up: a
// proxy of several processes may let messages that follow at once overtake.
const (
	probeRings = 20 * time.Millisecond
	probeTalks = 20 * time.Millisecond
)

// probe is a caller and a callee in one, beside the load. Since both ends have
// one clock it can tell how long the proxy had a message: the time from the
// INVITE's sending to its arrival, plus the same for the 180. SIPp cannot: its
// clock here goes by four milliseconds.
type probe struct {
	caller, callee net.PacketConn
	proxy          net.Addr

	mu    sync.Mutex
	calls map[string]*probeCall
	done  sync.WaitGroup
}

// probeCall has the four moments of a call's set-up.
type probeCall struct{ sent, arrived, ringing, rang time.Time }

// startProbe opens the probe's two ends.
func startProbe(s site) (*probe, error) {
	p := &probe{proxy: net.UDPAddrFromAddrPort(s.probed), calls: map[string]*probeCall{}}
	var err error
	if p.caller, err = net.ListenPacket("udp", s.probeCaller.String()); err != nil {
		return nil, err
	}
	if p.callee, err = net.ListenPacket("udp", s.probeCallee.String()); err != nil {
		_ = p.caller.Close()
		return nil, err
	}
	p.done.Go(func() { p.serve(p.caller, p.heardByCaller) })
	p.done.Go(func() { p.serve(p.callee, p.heardByCallee) })
	return p, nil
}

// run places calls until ctx is done.
func (p *probe) run(ctx context.Context) {
	tick := time.NewTicker(time.Second / probeRate)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			p.call(n)
		}
	}
}

func (p *probe) call(n int) {
	id, me := fmt.Sprintf("probe-%d-%d", time.Now().UnixNano(), n), p.caller.LocalAddr()
	sdp := "v=0\r\no=probe 1 1 IN IP4 127.0.0.1\r\ns=probe\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8\r\n"
	text := fmt.Sprintf("INVITE sip:2002@%v SIP/2.0\r\nVia: SIP/2.0/UDP %v;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\n"+
		"From: <sip:1002@%v>;tag=%s\r\nTo: <sip:2002@%v>\r\nCall-ID: %s\r\nCSeq: 1 INVITE\r\nContact: <sip:1002@%v>\r\n"+
		"Content-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", p.proxy, me, id, me, id, p.proxy, id, me, len(sdp), sdp)
	p.mu.Lock()
	p.calls[id] = &probeCall{sent: time.Now()}
	p.mu.Unlock()
	p.send(p.caller, text, p.proxy)
}

// finish closes the probe and returns how long, in ms, each call's set-up was
// held up, and how many calls were placed.
func (p *probe) finish() (setUp []float64, placed int) {
	_ = p.caller.Close()
	_ = p.callee.Close()
	p.done.Wait()
	for _, c := range p.calls {
		if !c.rang.IsZero() {
			setUp = append(setUp, (c.arrived.Sub(c.sent)+c.rang.Sub(c.ringing)).Seconds()*1000)
		}
	}
	return setUp, len(p.calls)
}

func (p *probe) serve(c net.PacketConn, heard func(sipText, time.Time, net.Addr)) {
	b := make([]byte, 65536)
	for {
		n, from, err := c.ReadFrom(b)
		at := time.Now()
		if err != nil {
			return // closed
		}
		head, _, _ := bytes.Cut(b[:n], []byte("\r\n\r\n"))
		heard(strings.Split(string(head), "\r\n"), at, from)
	}
}

func (p *probe) heardByCallee(m sipText, at time.Time, from net.Addr) {
	me := p.callee.LocalAddr()
	switch m.method() {
	case "INVITE":
		ok := m.reply("200 OK", me)
		time.AfterFunc(probeRings, func() { p.send(p.callee, ok, from) })
		ringing := m.reply("180 Ringing", me)
		p.at(m, func(c *probeCall) { c.arrived, c.ringing = at, time.Now() })
		p.send(p.callee, ringing, from)
	case "BYE":
		p.send(p.callee, m.reply("200 OK", me), from)
	}
}

func (p *probe) heardByCaller(m sipText, at time.Time, _ net.Addr) {
	if m.first("CSeq") != "1 INVITE" {
		return
	}
	switch m.status() {
	case "180":
		p.at(m, func(c *probeCall) { c.rang = at })
	case "200":
		to, ack := m.request("ACK", 1, p.caller.LocalAddr())
		_, bye := m.request("BYE", 2, p.caller.LocalAddr())
		addr, err := netip.ParseAddrPort(to)
		if err != nil {
			return // the call then has no end, which the proxy's count shows
		}
		p.send(p.caller, ack, net.UDPAddrFromAddrPort(addr))
		time.AfterFunc(probeTalks, func() { p.send(p.caller, bye, net.UDPAddrFromAddrPort(addr)) })
	}
}

func (p *probe) at(m sipText, set func(*probeCall)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c := p.calls[m.first("Call-ID")]; c != nil {
		set(c)
	}
}

// send does not look at errors: what is lost is missing from the figures.
func (p *probe) send(c net.PacketConn, text string, to net.Addr) { _, _ = c.WriteTo([]byte(text), to) }
