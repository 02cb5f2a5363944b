package sip

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/routing"
)

// expect reads the peer's next message and compares it.
func (f *flow) expect(p *peer, s step) error {
	what, a := s.words[2], readArgs(s.words[3:])
	again := what == "again"
	if again {
		what, a.rest = a.first(), a.rest[1:]
	}
	m, err := f.next(p, func(m *message, repeated bool) bool {
		return repeated == again && (what == "100" || m.what() != "100")
	})
	if err != nil {
		return fmt.Errorf("%s < %s: %w", p.name, what, err)
	}
	if m.what() != what || a.first() != "" && m.method() != a.first() {
		return fmt.Errorf("%s got %s, not %s %s", p.name, describe(m), what, a.first())
	}
	if got := m.get("Call-ID"); got != a.call+"@flow" {
		return fmt.Errorf("%s got a message of call %s", p.name, got)
	}
	l := p.leg(m.get("Call-ID"))
	p.learn(l, m)
	if m.status() == 0 && m.what() != "ACK" {
		l.requests["newest"] = m
	}
	if got := param(m.get("To"), "tag"); a.tag != "" && got != a.tag {
		return fmt.Errorf("the To tag is %q, not %q", got, a.tag)
	}
	for _, line := range s.extras {
		if err := f.check(m, f.fill(line)); err != nil {
			return err
		}
	}
	return nil
}

// next returns the peer's next message that is wanted; the others are passed
// over only if they are repetitions or a 100, which comes when it likes.
func (f *flow) next(p *peer, wanted func(m *message, repeated bool) bool) (*message, error) {
	timeout := time.NewTimer(2 * patience)
	defer timeout.Stop()
	for {
		select {
		case b := <-p.in:
			m, err := readMessage(b)
			if err != nil {
				return nil, err
			}
			repeated := p.seen[string(b)]
			p.seen[string(b)] = true
			f.last = m
			f.note(p, "-->", describe(m))
			if wanted(m, repeated) {
				return m, nil
			}
			if !repeated && m.what() != "100" {
				return nil, fmt.Errorf("got %s for the first time", describe(m))
			}
		case <-timeout.C:
			return nil, errors.New("nothing came")
		}
	}
}

// check holds a message to one line below it: "Name: value" equals, "Name ~
// text" contains, "-Name" is absent, "#Name n" stands n times, "uri VALUE",
// "body same" is what was sent last.
func (f *flow) check(m *message, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	name, value, isHeader := strings.Cut(line, ": ")
	switch {
	case word == "uri":
		if m.uri() != rest {
			return fmt.Errorf("the Request-URI is %s, not %s", m.uri(), rest)
		}
	case line == "body same":
		if m.body != f.lastSent.body {
			return fmt.Errorf("the body is %q, not %q", m.body, f.lastSent.body)
		}
	case word[0] == '-':
		if v := m.all(word[1:]); len(v) > 0 {
			return fmt.Errorf("there is a %s: %v", word[1:], v)
		}
	case word[0] == '#':
		if n := len(m.all(word[1:])); strconv.Itoa(n) != rest {
			return fmt.Errorf("%d values of %s, not %s", n, word[1:], rest)
		}
	case strings.HasPrefix(rest, "~ "):
		if v := strings.Join(m.all(word), ", "); !strings.Contains(v, rest[2:]) {
			return fmt.Errorf("%s is %q, without %q", word, v, rest[2:])
		}
	case isHeader:
		if v := m.get(name); v != value {
			return fmt.Errorf("%s is %q, not %q", name, v, value)
		}
	default:
		return fmt.Errorf("cannot check %q", line)
	}
	return nil
}

func describe(m *message) string {
	d := m.start
	if m.status() != 0 {
		d = fmt.Sprintf("%s (%s)", strings.TrimPrefix(m.start, "SIP/2.0 "), m.method())
	}
	return fmt.Sprintf("%s  [%s, %s]", d, m.get("Call-ID"), m.get("CSeq"))
}

// silence shows that the gateway has nothing more to say to some peers: the
// next thing each gets is the answer to a probe of its own.
func (f *flow) silence(peers []*peer) error {
	for _, p := range peers {
		f.branches++
		probe := p.initial(&leg{callID: fmt.Sprintf("probe-%d", f.branches)}, "OPTIONS", "sip:"+f.gateway.String(), fmt.Sprintf("z9hG4bK-probe-%d", f.branches))
		if _, err := p.conn.WriteToUDPAddrPort(probe.bytes(), f.gateway); err != nil {
			return err
		}
		_, err := f.next(p, func(m *message, _ bool) bool {
			return m.get("Call-ID") == probe.get("Call-ID") && m.status() >= 200
		})
		if err != nil {
			return fmt.Errorf("no silence at %s: %w", p.name, err)
		}
	}
	return nil
}

// hangUp ends the one call there is, as an administrator does.
func (f *flow) hangUp() error {
	f.ledger.mu.Lock()
	var held []routing.LeaseID
	for id := range f.ledger.held {
		held = append(held, id)
	}
	f.ledger.mu.Unlock()
	if len(held) != 1 {
		return fmt.Errorf("%d lines are held, not one", len(held))
	}
	f.srv.End(held[0])
	return nil
}

func (f *flow) compareLedger(words []string) error {
	matches := func() error {
		c := f.ledger.counts()
		have := map[string]int{"asked": c.asked, "admitted": c.admitted, "confirmed": c.confirmed, "released": c.released, "held": c.held}
		for _, w := range words {
			k, v, _ := strings.Cut(w, "=")
			n, known := have[k]
			if !known || strconv.Itoa(n) != v {
				return fmt.Errorf("ledger: %s is %d, not %s", k, n, v)
			}
		}
		return nil
	}
	eventually(func() bool { return matches() == nil })
	return matches()
}

// compareCDR holds the next call record to key=value words.
func (f *flow) compareCDR(words []string) error {
	if !eventually(func() bool { return len(f.journal.written()) > f.cdrs }) {
		return errors.New("no further call record")
	}
	c := f.journal.written()[f.cdrs]
	f.cdrs++
	have := map[string]string{
		"result": string(c.Result), "reason": c.Reason.String(), "status": strconv.Itoa(c.SIPStatus),
		"from": c.From, "to": c.To, "caller": string(c.Caller), "callee": string(c.Callee),
		"hidden": c.Hidden.String(), "owner": string(c.Owner), "answered": strconv.FormatBool(!c.Answered.IsZero()),
		"caller_method": c.CallerMethod.String(), "callee_method": c.CalleeMethod.String(),
	}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		if got, known := have[k]; !known || got != v {
			return fmt.Errorf("call record: %s is %q, not %q", k, got, v)
		}
	}
	return nil
}

// alike compares, octet for octet, the final responses that a peer got in two
// calls, but for what each request brought along and the To tag.
func (f *flow) alike(words []string) error {
	var plain [2][]byte
	for i, call := range words[1:3] {
		l := f.peers[words[0]].leg(call + "@flow")
		final, inv := l.got["final"], l.sent["INVITE"]
		if final == nil || inv == nil {
			return fmt.Errorf("no final response in call %s", call)
		}
		number, _, _ := strings.Cut(strings.TrimPrefix(inv.uri(), "sip:"), "@")
		b := final.raw
		for _, own := range []string{l.callID, param(inv.get("Via"), "branch"), param(final.get("To"), "tag"), number} {
			b = bytes.ReplaceAll(b, []byte(own), []byte("*"))
		}
		plain[i] = b
	}
	if !bytes.Equal(plain[0], plain[1]) {
		return fmt.Errorf("the answers differ:\n%s\n%s", plain[0], plain[1])
	}
	return nil
}
