package sip

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// chaosLeg is a call at one callee: an INVITE with a branch of its own.
type chaosLeg struct {
	call    *chaosCall
	phone   *chaosPhone
	inv     *heard
	plan    legPlan
	seq     int
	dialogs map[string]*chaosDialog
}

// legPlan is what a callee does with an INVITE.
type legPlan struct {
	steps []legStep
	// deaf: a CANCEL is not heard; stubborn: it is answered, and the call too.
	deaf, stubborn bool
	// strips: its responses come back without the caller's Via.
	strips bool
}

type legStep struct {
	after  time.Duration
	status int
	tag    string
}

// legPlan draws a callee's plan.
func (w *chaos) legPlan() legPlan {
	p := legPlan{deaf: w.chance(5), stubborn: w.chance(25), strips: w.chance(3)}
	at := time.Duration(0)
	step := func(status int, tag string) {
		at += w.upTo(12 * chaosT1)
		p.steps = append(p.steps, legStep{at, status, tag})
	}
	if w.chance(10) {
		at = 20 * chaosT1 // so late that the next address has its turn
	}
	for range w.rng.IntN(3) {
		step([]int{100, 180, 183}[w.rng.IntN(3)], string(rune('a'+w.rng.IntN(2))))
	}
	switch k := w.rng.IntN(20); {
	case k < 10:
		step(200, "a")
	case k < 13: // a forking PBX
		step(200, "a")
		step(200, "b")
	case k < 18:
		step([]int{302, 404, 486, 487, 500, 503, 503, 600}[w.rng.IntN(8)], "a")
	}
	return p
}

// asks treats a request that a phone received for the first time.
func (w *chaos) asks(h *heard) {
	c := w.calls[h.req.get("Call-ID")]
	if c == nil {
		w.fault(h.req.get("Call-ID"), "%s: a request of an unknown call: %s", h.phone.name, h.req.start)
		return
	}
	if param(h.req.get("To"), "tag") == "" {
		l := &chaosLeg{call: c, phone: h.phone, inv: h, plan: w.legPlan(), dialogs: map[string]*chaosDialog{}}
		h.leg = l
		c.legs = append(c.legs, l)
		for _, s := range l.plan.steps {
			w.after(s.after, func() { l.say(s) })
		}
		return
	}
	if h.req.what() == "BYE" {
		tag := param(h.req.get("To"), "tag")
		if h.phone == c.caller {
			tag = param(h.req.get("From"), "tag")
		}
		// Whoever sent it: the dialog has ended for this phone too.
		for _, l := range c.legs {
			if d := l.dialogs[tag]; d != nil && d.bye.IsZero() {
				d.bye = time.Now()
			}
			if l.phone == h.phone && l.has(tag) && l.dialogs[tag] == nil && w.chance(60) {
				l.inv.cancelled() // §15.1.2; the others are answering just now
			}
		}
	}
	status := 200
	if w.chance(5) {
		status = []int{481, 500, 401}[w.rng.IntN(3)]
	}
	if w.chance(95) {
		h.respond(status, "z")
	}
}

func (l *chaosLeg) say(s legStep) {
	h := l.inv
	if h.final && (s.status/100 != 2 || h.last != nil && h.last.status() >= 300) {
		return
	}
	tag := s.tag + l.suffix()
	if s.status/100 == 2 && l.call.said200.IsZero() {
		l.call.said200 = time.Now()
	}
	if s.status/100 == 2 {
		l.up(tag)
	}
	h.respond(s.status, tag)
}

// suffix is what the tags of a leg have in common.
func (l *chaosLeg) suffix() string {
	return fmt.Sprintf("-%s-%d", l.call.id, slices.Index(l.call.legs, l))
}

func (l *chaosLeg) has(tag string) bool { return strings.HasSuffix(tag, l.suffix()) }

// up: this callee has answered.
func (l *chaosLeg) up(tag string) {
	w, c := l.call.world, l.call
	if l.dialogs[tag] != nil {
		return
	}
	l.dialogs[tag] = &chaosDialog{call: c, tag: tag, said: time.Now()}
	switch {
	case w.chance(8): // at once, so that it may overtake the 2xx
		w.after(w.upTo(2*chaosT1), func() { l.bye(tag) })
	case w.chance(40):
		w.after(w.upTo(120*chaosT1), func() { l.bye(tag) })
	}
	if w.chance(20) {
		w.after(w.upTo(80*chaosT1), func() { l.within(tag, []string{"INFO", "UPDATE", "INVITE"}[w.rng.IntN(3)]) })
	}
}

// cancelled takes a CANCEL of the INVITE.
func (h *heard) cancelled() {
	if h.final || h.leg == nil {
		return
	}
	if h.leg.plan.stubborn {
		h.leg.say(legStep{status: 200, tag: "a"})
		return
	}
	h.respond(487, "a")
}

// unacknowledged ends a dialog whose ACK never came (§13.3.1.4), mostly.
func (l *chaosLeg) unacknowledged(tag string) {
	if l.call.world.chance(70) {
		l.bye(tag)
	}
}

func (l *chaosLeg) bye(tag string) {
	if d := l.dialogs[tag]; d.bye.IsZero() {
		d.bye = time.Now()
	}
	l.within(tag, "BYE")
}

// within sends a request inside a dialog, from the callee.
func (l *chaosLeg) within(tag, method string) {
	l.seq++
	inv := l.inv.req
	m := &message{start: method + " " + addrOfValue(inv.get("Contact")) + " SIP/2.0"}
	m.add("Via", l.call.world.via(l.phone))
	m.add("Max-Forwards", "70")
	for _, r := range inv.all("Record-Route") {
		m.add("Route", r)
	}
	m.add("From", inv.get("To")+";tag="+tag)
	m.add("To", inv.get("From"))
	m.add("Call-ID", l.call.id)
	m.add("CSeq", fmt.Sprintf("%d %s", l.seq, method))
	m.add("Contact", l.phone.contact())
	l.phone.ask(m, func(r *message) {
		if method == "BYE" {
			l.dialogs[tag].byeAnswered(r)
		}
		if r == nil || method != "INVITE" || r.status()/100 != 2 {
			return
		}
		ack := *m
		ack.headers = slices.Clone(m.headers)
		ack.start = strings.Replace(m.start, "INVITE", "ACK", 1)
		ack.set("CSeq", cseq(m)+" ACK")
		ack.set("Via", l.call.world.via(l.phone))
		l.phone.send(&ack)
	})
}
