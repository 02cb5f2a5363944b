package sip

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// asked is a phone's client transaction (RFC 3261 §17.1).
type asked struct {
	phone *chaosPhone
	req   *message
	// proceeding: something came back; done: something final did, or the time is up.
	proceeding, done bool
	answered         func(m *message) // every response; nil when time is up
}

// ask sends a request until it is answered.
func (p *chaosPhone) ask(req *message, answered func(*message)) *asked {
	a := &asked{phone: p, req: req, answered: answered}
	key := param(req.get("Via"), "branch")
	if req.what() == "CANCEL" {
		key += " CANCEL"
	}
	p.asked[key] = a
	p.send(req)
	a.repeat(chaosT1)
	p.world.after(64*chaosT1, func() {
		if !a.done && (!a.proceeding || req.what() != "INVITE") {
			a.done = true
			answered(nil)
		}
	})
	return a
}

// repeat is Timer A or E.
func (a *asked) repeat(gap time.Duration) {
	a.phone.world.after(gap, func() {
		if a.done || a.proceeding && a.req.what() == "INVITE" {
			return
		}
		a.phone.send(a.req)
		a.repeat(min(2*gap, 8*chaosT1))
	})
}

func (a *asked) response(m *message) {
	a.proceeding = true
	status := m.status()
	if a.req.what() == "INVITE" && status >= 300 { // §17.1.1.3
		ack := a.hop("ACK")
		ack.set("To", m.get("To"))
		a.phone.send(ack)
	}
	if a.done && (a.req.what() != "INVITE" || status/100 != 2) {
		return
	}
	a.done = a.done || status >= 200
	a.answered(m)
}

// hop makes the CANCEL or the ACK that ends at the next hop.
func (a *asked) hop(method string) *message {
	m := &message{start: method + " " + a.req.uri() + " SIP/2.0"}
	m.add("Via", a.req.get("Via"))
	m.copyFrom(a.req, "Route", "Max-Forwards", "From", "To", "Call-ID")
	seq, _, _ := strings.Cut(a.req.get("CSeq"), " ")
	m.add("CSeq", seq+" "+method)
	return m
}

// heard is a phone's server transaction (§17.2).
type heard struct {
	phone *chaosPhone
	req   *message
	last  *message // last response, for copies of the request
	// acked holds the To tags whose ACK came; "" is the ACK to a non-2xx.
	acked map[string]bool
	final bool
	leg   *chaosLeg // of a first INVITE
}

func (p *chaosPhone) request(m *message, branch string) {
	switch m.what() {
	case "ACK":
		tag := param(m.get("To"), "tag")
		for _, h := range p.heard {
			if h.req.get("Call-ID") == m.get("Call-ID") && cseq(h.req) == cseq(m) && h.req.what() == "INVITE" {
				h.acked[tag] = true
			}
		}
		return
	case "CANCEL":
		inv := p.heard[branch+"INVITE"]
		if inv == nil {
			p.send(p.reply(m, 481, "x"))
			return
		}
		if inv.leg != nil && inv.leg.plan.deaf {
			return
		}
		p.send(p.reply(m, 200, "x"))
		inv.cancelled()
		return
	}
	if h := p.heard[branch+m.what()]; h != nil {
		if h.last != nil {
			p.send(h.last)
		}
		return
	}
	h := &heard{phone: p, req: m, acked: map[string]bool{}}
	p.heard[branch+m.what()] = h
	p.world.asks(h)
}

func cseq(m *message) string {
	n, _, _ := strings.Cut(m.get("CSeq"), " ")
	return n
}

// respond answers; finals of an INVITE are repeated until their ACK comes.
func (h *heard) respond(status int, tag string) {
	m := h.phone.reply(h.req, status, tag)
	if h.leg != nil && h.leg.plan.strips {
		for len(m.all("Via")) > 1 {
			m.headers = slices.Delete(m.headers, 1, 2)
		}
	}
	h.phone.send(m)
	if status/100 != 2 || h.req.what() != "INVITE" {
		h.last = m
	}
	if status < 200 {
		return
	}
	h.final = true
	if h.req.what() == "INVITE" {
		h.repeat(m, param(m.get("To"), "tag"), chaosT1, time.Now().Add(64*chaosT1))
	}
}

// repeat is Timer G and §13.3.1.4.
func (h *heard) repeat(m *message, tag string, gap time.Duration, until time.Time) {
	h.phone.world.after(gap, func() {
		if h.acked[tag] {
			return
		}
		if time.Now().After(until) {
			if m.status() < 300 && h.leg != nil {
				h.leg.unacknowledged(tag)
			}
			return
		}
		h.phone.send(m)
		h.repeat(m, tag, min(2*gap, 8*chaosT1), until)
	})
}

func (p *chaosPhone) reply(req *message, status int, tag string) *message {
	m := &message{start: fmt.Sprintf("SIP/2.0 %d Said", status)}
	m.copyFrom(req, "Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
	if param(m.get("To"), "tag") == "" && status > 100 {
		m.set("To", m.get("To")+";tag="+tag)
	}
	m.add("Contact", p.contact())
	if req.what() == "INVITE" && status/100 == 2 {
		m.body = offer
		m.add("Content-Type", "application/sdp")
	}
	return m
}

func (p *chaosPhone) contact() string { return fmt.Sprintf("<sip:%s@%s>", p.name, p.addr) }
