package sip

import (
	"fmt"
	"strconv"
	"strings"
)

func (f *flow) step(s step) error {
	w := s.words
	if p := f.peers[w[0]]; p != nil && len(w) > 2 {
		switch w[1] {
		case ">":
			return f.send(p, s)
		case "<":
			return f.expect(p, s)
		}
	}
	switch w[0] {
	case "silence":
		return f.silence(f.order)
	case "now":
		return f.plan.line(w[1:])
	case "drain":
		f.srv.Drain()
		return nil
	case "answer":
		if v, ok := verdicts[w[1]]; !ok || !f.ledger.answer(v) {
			return fmt.Errorf("no admission waits for %q", w[1])
		}
		return nil
	case "hang-up":
		return f.hangUp()
	case "ledger":
		return f.compareLedger(w[1:])
	case "cdr":
		return f.compareCDR(w[1:])
	case "alike":
		return f.alike(w[1:])
	}
	return fmt.Errorf("%q means nothing", strings.Join(w, " "))
}

// args are the words behind a message: key=value, flags, and what is left.
type args struct {
	call, tag    string
	strict, bare bool
	rest         []string
}

func readArgs(words []string) args {
	a := args{call: "call"}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		switch {
		case k == "call":
			a.call = v
		case k == "tag":
			a.tag = v
		case w == "strict":
			a.strict = true
		case w == "bare":
			a.bare = true
		default:
			a.rest = append(a.rest, w)
		}
	}
	return a
}

func (a args) first() string {
	if len(a.rest) == 0 {
		return ""
	}
	return a.rest[0]
}

// send builds what the line says and sends it to the gateway.
func (f *flow) send(p *peer, s step) error {
	a := readArgs(s.words[3:])
	l := p.leg(a.call + "@flow")
	m, err := f.build(p, l, s.words[2], a)
	if err != nil {
		return err
	}
	if s.words[2] != "again" {
		if err := f.edit(m, s.extras); err != nil {
			return err
		}
	}
	if m.what() == "INVITE" && s.words[2] != "again" {
		delete(l.got, "final")
	}
	l.sent[m.what()] = m
	f.lastSent = m
	f.note(p, "<--", describe(m))
	_, err = p.conn.WriteToUDPAddrPort(m.bytes(), f.gateway)
	return err
}

func (f *flow) build(p *peer, l *leg, what string, a args) (*message, error) {
	f.branches++
	branch := fmt.Sprintf("z9hG4bK-flow-%d", f.branches)
	status, _ := strconv.Atoi(what)
	switch {
	case what == "again":
		m := l.sent[a.first()]
		if m == nil {
			return nil, fmt.Errorf("%s has sent no %s", p.name, a.first())
		}
		return m, nil
	case what == "forward":
		return f.forward(p, l, branch, a)
	case status != 0:
		return f.respond(p, l, status, a)
	case what == "CANCEL" && a.tag == "":
		return p.hopByHop(l, "CANCEL")
	case what == "ACK" && a.tag == "" && l.got["final"] != nil && l.got["final"].status() >= 300:
		return p.hopByHop(l, "ACK")
	case a.first() == "gateway":
		return p.initial(l, what, "sip:"+f.gateway.String(), branch), nil
	case a.first() != "":
		return p.initial(l, what, fmt.Sprintf("sip:%s@%s", a.first(), f.gateway), branch), nil
	}
	d, err := l.dialog(a.tag)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.name, err)
	}
	m := p.within(l, d, what, branch)
	switch {
	case a.bare:
		m.remove("Route")
	case a.strict:
		// As a strict router leaves it: the Request-URI is the next hop, the
		// target is the last Route (RFC 2543 §6.29).
		routes := m.all("Route")
		m.remove("Route")
		m.start = what + " " + addrOfValue(routes[0]) + " SIP/2.0"
		for _, r := range append(routes[1:], "<"+d.target+">") {
			m.add("Route", r)
		}
	}
	return m, nil
}

// respond answers the request of the method named, or the newest but an ACK.
func (f *flow) respond(p *peer, l *leg, status int, a args) (*message, error) {
	method := a.first()
	if method == "" {
		method = "newest"
	}
	req := l.requests[method]
	if req == nil {
		return nil, fmt.Errorf("%s has got no %s request", p.name, method)
	}
	tag := a.tag
	if tag == "" {
		tag = p.name + "-tag"
	}
	return p.response(l, req, status, tag), nil
}

// forward sends a request received back to the gateway, as a proxy would that
// is set up to send it on to a number.
func (f *flow) forward(p *peer, l *leg, branch string, a args) (*message, error) {
	req := l.requests[a.first()]
	if req == nil || len(a.rest) != 2 {
		return nil, fmt.Errorf("%s cannot forward %v", p.name, a.rest)
	}
	m := &message{start: fmt.Sprintf("%s sip:%s@%s SIP/2.0", req.what(), a.rest[1], f.gateway), body: req.body}
	m.headers = append(m.headers, req.headers...)
	m.remove("Content-Length")
	hops, _ := strconv.Atoi(m.get("Max-Forwards"))
	m.set("Max-Forwards", strconv.Itoa(hops-1))
	m.prepend("Via", p.via(branch))
	return m, nil
}

// fill puts addresses in the place of {gateway} and {peer}.
func (f *flow) fill(s string) string {
	s = strings.ReplaceAll(s, "{gateway}", f.gateway.String())
	for name, p := range f.peers {
		s = strings.ReplaceAll(s, "{"+name+"}", p.addr.String())
	}
	return s
}

// edit applies the lines below a message to be sent: "Name: value" sets, "-Name"
// removes, "+Name: value" puts one more on top, "uri VALUE", "body VALUE".
func (f *flow) edit(m *message, lines []string) error {
	for _, l := range lines {
		l = f.fill(l)
		name, value, isHeader := strings.Cut(l, ": ")
		word, rest, _ := strings.Cut(l, " ")
		switch {
		case word == "uri":
			m.start = m.what() + " " + rest + " SIP/2.0"
		case word == "body":
			m.body = rest
		case l[0] == '-':
			m.remove(l[1:])
		case l[0] == '+' && isHeader:
			m.prepend(name[1:], value)
		case isHeader:
			m.set(name, value)
		default:
			return fmt.Errorf("cannot edit by %q", l)
		}
	}
	return nil
}
