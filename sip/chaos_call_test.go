package sip

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// chaosCall is one attempt: what its phones mean to do, and what they saw.
type chaosCall struct {
	world  *chaos
	id     string
	caller *chaosPhone
	number string
	invite *asked
	// cancelled: the caller has hung up before the answer.
	cancelled, cancelSent bool
	seq                   int
	legs                  []*chaosLeg
	// dialogs by the callee's tag, as the caller knows them; early are those that
	// it ended before they were up.
	dialogs, early map[string]*chaosDialog
	// passed is when the gateway first sent the caller a 2xx, by its To tag;
	// told are the dialogs it sent a BYE for. The network may lose both.
	passed map[string]time.Time
	told   map[string]bool
	// final is the status the caller got, 0 for none.
	final int
	// revived: a 2xx came after another final response.
	revived bool
	// said200 is when a callee first answered 2xx; ended when the administrator
	// ended the call.
	said200, ended time.Time
}

// chaosDialog is one dialog as both phones share it.
type chaosDialog struct {
	call       *chaosCall
	tag        string
	routes     []string // the caller's; the callee's are in the leg
	target     string
	said       time.Time // when the callee first sent its 2xx
	callerSeen time.Time // when the 2xx came
	bye        time.Time // when a phone first said BYE
	over       time.Time // when a BYE was first answered
}

// begin places the call.
func (c *chaosCall) begin() {
	w, p := c.world, c.caller
	c.seq = 1
	m := &message{start: fmt.Sprintf("INVITE sip:%s@%s SIP/2.0", c.number, w.gateway)}
	m.add("Via", w.via(p))
	m.add("Max-Forwards", "70")
	m.add("From", "<sip:"+p.name+"@caller.test>;tag=c-"+c.id)
	m.add("To", fmt.Sprintf("<sip:%s@%s>", c.number, w.gateway))
	m.add("Call-ID", c.id)
	m.add("CSeq", "1 INVITE")
	m.add("Contact", p.contact())
	m.add("Content-Type", "application/sdp")
	m.body = offer
	c.invite = p.ask(m, c.answer)
	if w.chance(30) {
		w.after(w.upTo(40*chaosT1), func() { c.cancelled = true; c.cancel() })
	}
	if w.chance(12) {
		w.after(w.upTo(80*chaosT1), c.end)
	}
}

// cancel sends CANCEL once a provisional response allows it (§9.1).
func (c *chaosCall) cancel() {
	if c.invite.done || !c.invite.proceeding || c.cancelSent || !c.cancelled {
		return
	}
	c.cancelSent = true
	c.caller.ask(c.invite.hop("CANCEL"), func(*message) {})
}

// end has the administrator end the call, whatever its state.
func (c *chaosCall) end() {
	if id, ok := c.world.ledger.leaseOf(c.id); ok {
		c.ended = time.Now()
		c.world.trace.note(c.id, chaosEvent{at: c.ended, who: "operator", what: "ends the call"})
		c.world.srv.End(id)
	}
}

// answer takes a response to the INVITE.
func (c *chaosCall) answer(m *message) {
	if m == nil {
		return
	}
	status := m.status()
	switch {
	case status < 200:
		c.cancel()
		if status > 100 && c.world.chance(10) {
			c.within(c.dialog(m), "UPDATE", nil) // in the early dialog
		}
		if status > 100 && c.world.chance(4) {
			c.endEarly(c.dialog(m))
		}
	case status < 300:
		c.success(m)
	default:
		if c.final == 0 {
			c.final = status
		}
	}
}

// endEarly ends an early dialog (§15), whose callee may be answering just now.
func (c *chaosCall) endEarly(d *chaosDialog) {
	if c.dialogs[d.tag] != nil || c.early[d.tag] != nil {
		return
	}
	c.early[d.tag] = d
	c.bye(d)
}

func (c *chaosCall) dialog(m *message) *chaosDialog {
	routes := m.all("Record-Route")
	slices.Reverse(routes)
	return &chaosDialog{call: c, tag: param(m.get("To"), "tag"), routes: routes, target: addrOfValue(m.get("Contact"))}
}

func (c *chaosCall) success(m *message) {
	w := c.world
	if c.final == 0 {
		c.final = m.status()
	} else if c.final >= 300 {
		c.revived = true
	}
	d := c.dialogs[param(m.get("To"), "tag")]
	first := d == nil
	if first {
		d = c.dialog(m)
		if e := c.early[d.tag]; e != nil {
			d = e
		}
		d.callerSeen = time.Now()
		c.dialogs[d.tag] = d
		for _, l := range c.legs {
			if callees := l.dialogs[d.tag]; callees != nil {
				d.said = callees.said
				d.bye, d.over = earlier(d.bye, callees.bye), earlier(d.over, callees.over)
				l.dialogs[d.tag] = d
			}
		}
	}
	if w.chance(85) { // the others are lost for good, this time
		ack := c.request(d, "ACK")
		ack.set("CSeq", cseq(m)+" ACK")
		c.caller.send(ack)
	}
	if !first {
		return
	}
	switch {
	case c.cancelled || len(c.dialogs) > 1 && w.chance(70):
		c.bye(d)
	case w.chance(70):
		w.after(w.upTo(120*chaosT1), func() { c.bye(d) })
	}
	if w.chance(10) {
		w.after(w.upTo(20*chaosT1), func() { c.forge(d) })
	}
	for range w.rng.IntN(3) {
		method := []string{"INVITE", "UPDATE", "INFO"}[w.rng.IntN(3)]
		w.after(w.upTo(80*chaosT1), func() { c.within(d, method, nil) })
	}
}

func (c *chaosCall) request(d *chaosDialog, method string) *message {
	m := &message{start: method + " " + d.target + " SIP/2.0"}
	m.add("Via", c.world.via(c.caller))
	m.add("Max-Forwards", "70")
	// A phone that forgets its route set. Its re-INVITE to a call that has ended
	// would be an attempt of its own, and only of a dialog that is up does the
	// gateway know without the routes.
	if method != "ACK" && method != "INVITE" && (method != "BYE" || c.dialogs[d.tag] != nil) && c.world.chance(8) {
		m.start = fmt.Sprintf("%s sip:%s@%s SIP/2.0", method, c.number, c.world.gateway)
	} else {
		for _, r := range d.routes {
			m.add("Route", r)
		}
	}
	m.copyFrom(c.invite.req, "From", "To", "Call-ID", "Contact")
	m.set("To", m.get("To")+";tag="+d.tag)
	m.add("CSeq", fmt.Sprintf("%d %s", c.seq, method))
	return m
}

func (c *chaosCall) within(d *chaosDialog, method string, answered func(*message)) {
	c.seq++
	req := c.request(d, method)
	c.caller.ask(req, func(m *message) {
		if m != nil && method == "INVITE" && m.status()/100 == 2 {
			ack := c.request(d, "ACK")
			ack.set("CSeq", cseq(m)+" ACK")
			c.caller.send(ack)
		}
		if answered != nil && (m == nil || m.status() >= 200) {
			answered(m)
		}
	})
	if c.world.chance(10) { // somebody who has seen the routes
		c.world.outsider.send(req)
	}
}

func (c *chaosCall) bye(d *chaosDialog) {
	if d.bye.IsZero() {
		d.bye = time.Now()
	}
	c.within(d, "BYE", d.byeAnswered)
}

// byeAnswered notes that the gateway has had every reason to end the dialog.
func (d *chaosDialog) byeAnswered(m *message) {
	if d.over.IsZero() && m != nil && m.status() >= 200 && m.status() != 401 {
		d.over = time.Now()
	}
}

// earlier is the first of two times, where the zero time is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// forge sends a BYE of another call along this one's route, which must not cost
// this call its lines.
func (c *chaosCall) forge(d *chaosDialog) {
	m := c.request(d, "BYE")
	if m.get("Route") == "" {
		return
	}
	m.set("Call-ID", "forged-"+c.id)
	c.caller.ask(m, func(r *message) {
		if r != nil && r.status() < 300 {
			c.world.fault(c.id, "a BYE of another call was answered %d", r.status())
		}
	})
}

// overdue is the time by which the lines have been given back: each dialog that
// either phone knows came up at the gateway and was ended, with an answer. The
// gateway gives lines back before it sends what shows the phones that it did,
// so no machine is too slow for this. ok is false when a dialog was not ended,
// or never passed the gateway as far as one can see.
func (c *chaosCall) overdue() (at time.Time, ok bool) {
	known := slices.Collect(maps.Values(c.dialogs))
	for _, l := range c.legs {
		known = slices.AppendSeq(known, maps.Values(l.dialogs))
	}
	for _, d := range known {
		up, passed := c.passed[d.tag]
		if d.over.IsZero() || !passed {
			return at, false
		}
		for _, t := range []time.Time{d.over, up} {
			if t.After(at) {
				at = t
			}
		}
	}
	return at, len(known) > 0
}

// lasting is a dialog that the caller had and that neither phone had ended by
// then, or nil.
func (c *chaosCall) lasting(then time.Time) *chaosDialog {
	for _, d := range c.dialogs {
		if !d.callerSeen.After(then) && (d.bye.IsZero() || d.bye.After(then)) {
			return d
		}
	}
	return nil
}
