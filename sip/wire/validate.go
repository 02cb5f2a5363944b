package wire

// Validate checks the syntax of what a proxy acts on (RFC 3261 §16.3 step 1,
// §8.2; the list is that of Kamailio's sanity module) and leaves the typed
// views behind. nil is good. Otherwise a request is answered with the status
// and a response is discarded:
//
//	505  another SIP version (§21.5.6)
//	416  a Request-URI scheme other than sip and sips (§16.3 step 2); also tel,
//	     which the gateway does not route
//	501  a method we do not know that differs from the CSeq's (RFC 4475
//	     §3.1.2.18)
//	400  the rest
//
// Loops, Max-Forwards of 0 and Proxy-Require are for the proxy, which has the
// views. A missing tag and a branch without the magic cookie are legal here:
// RFC 2543 peers send them.
func (m *Message) Validate() *Invalid {
	if !m.layout.version {
		return &Invalid{Status: 505, Detail: "SIP version not supported"}
	}
	for _, id := range [...]HeaderID{Via, From, To, CallID, CSeq} {
		if m.First(id) < 0 {
			return bad(id.String(), "missing "+id.String())
		}
	}
	e := m.checkVia()
	if e == nil {
		e = m.checkCSeq()
	}
	if e == nil {
		m.views.fromTag, m.views.fromUser, e = m.checkAddress(From)
	}
	if e == nil {
		m.views.toTag, _, e = m.checkAddress(To)
	}
	if e == nil {
		e = m.checkCallID()
	}
	if e == nil {
		e = m.checkNumbers()
	}
	if e == nil && m.Request {
		e = m.checkRoutes()
	}
	if e == nil && m.Request {
		e = m.checkRequestURI()
	}
	return e
}

// checkVia reads the topmost value and counts the others, which may have any
// form that a list can hold.
func (m *Message) checkVia() *Invalid {
	v := m.TopVia()
	if v == nil || !equalFold(v.Protocol, "SIP") || string(v.Version) != "2.0" {
		return bad("Via", "malformed Via")
	}
	top := m.First(Via)
	n, at := 1, int(m.views.viaEnd-m.Headers[top].Value) // after the topmost value
	for i := top; i < len(m.Headers); i++ {
		if m.Headers[i].ID != Via {
			continue
		}
		b := m.Value(i)
		if i == top {
			if at = skipLWS(b, at); at == len(b) {
				continue
			}
			at++ // the comma
		} else {
			at = 0
		}
		for ; at <= len(b); n++ {
			start, end, next := m.element(b, at, Via)
			if start >= end {
				return bad("Via", "empty Via")
			}
			at = next
		}
	}
	m.views.viaCount = n
	return nil
}

// checkCSeq reads 1*DIGIT LWS Method; the number is below 2^31 and the method
// that of the request (RFC 3261 §8.1.1.5).
func (m *Message) checkCSeq() *Invalid {
	digits, at, ok := splitCSeq(m.Get(CSeq))
	method := m.Get(CSeq)[at:]
	n, numeric := number(digits, 1<<31)
	if !ok || !numeric || !isAll(method, classToken) {
		return bad("CSeq", "malformed CSeq")
	}
	if n >= 1<<31 {
		return bad("CSeq", "CSeq number too large")
	}
	m.views.cseq = uint32(n)
	m.views.cseqMethod = partOf(method, m.Headers[m.First(CSeq)].Value+uint32(at))
	if m.Request && string(method) != string(m.MethodText()) {
		if m.Method == MethodOther {
			return &Invalid{Status: 501, Field: "CSeq", Detail: "unknown method, and another in CSeq"}
		}
		return bad("CSeq", "CSeq method is not the request's")
	}
	return nil
}

// splitCSeq cuts a CSeq value at its white space; method is where the method
// begins.
func splitCSeq(b []byte) (digits []byte, method int, ok bool) {
	i := 0
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	method = skipLWS(b, i)
	return b[:i], method, i > 0 && method > i && method < len(b)
}

// checkAddress reads From or To and returns its tag and its URI's user. Two tags,
// or one that is no token, would identify different dialogs to different readers.
func (m *Message) checkAddress(id HeaderID) (tag, user part, e *Invalid) {
	var a NameAddr
	if err := a.parse(m.Get(id)); err != nil {
		return tag, user, bad(id.String(), err.Error())
	}
	var u URI
	if err := u.parse(a.URI); err != nil {
		return tag, user, bad(id.String(), err.Error())
	}
	switch {
	case a.tags > 1:
		return tag, user, bad(id.String(), "more than one tag")
	case a.tags == 1 && (len(a.tag) == 0 || a.tag[0] == '"'):
		return tag, user, bad(id.String(), "malformed tag")
	}
	at := m.Headers[m.First(id)].Value
	return partOf(a.tag, at+uint32(a.tagAt)), partOf(u.User, at+uint32(a.uriAt)+u.userAt()), nil
}

// checkCallID accepts visible octets. The grammar (word [ "@" word ]) has fewer,
// but nothing hangs on those.
func (m *Message) checkCallID() *Invalid {
	b := m.CallID()
	for _, c := range b {
		if c <= ' ' || c == 0x7f {
			return bad("Call-ID", "malformed Call-ID")
		}
	}
	if len(b) == 0 {
		return bad("Call-ID", "empty Call-ID")
	}
	return nil
}

// checkNumbers reads Max-Forwards (RFC 3261 §20.22: 0–255; more counts as 255)
// and the form of Expires (§20.19: delta-seconds up to 2^32-1).
func (m *Message) checkNumbers() *Invalid {
	m.views.maxForwards = -1
	if i := m.First(MaxForwards); i >= 0 {
		n, ok := number(m.Value(i), 255)
		if !ok {
			return bad("Max-Forwards", "malformed Max-Forwards")
		}
		m.views.maxForwards = int(min(n, 255))
	}
	if i := m.First(Expires); i >= 0 {
		if n, ok := number(m.Value(i), 1<<32-1); !ok || n > 1<<32-1 {
			return bad("Expires", "malformed Expires")
		}
	}
	return nil
}

// checkRoutes looks at every Route value, because the proxy acts on them: each
// is a name-addr (RFC 3261 §20.34) whose URI, when SIP, has the right form.
func (m *Message) checkRoutes() *Invalid {
	for i := m.First(Route); i >= 0 && i < len(m.Headers); i++ {
		if m.Headers[i].ID != Route {
			continue
		}
		b := m.Value(i)
		for at := 0; at <= len(b); {
			start, end, next := m.element(b, at, Route)
			var a NameAddr
			if a.parse(b[start:max(start, end)]) != nil || a.Bare {
				return bad("Route", "malformed Route")
			}
			var u URI
			if err := u.parse(a.URI); err != nil {
				return bad("Route", err.Error())
			}
			if m.views.topRoute == (part{}) {
				m.views.topRoute = partOf(a.URI, m.Headers[i].Value+uint32(start+a.uriAt))
			}
			at = next
		}
	}
	return nil
}

// checkRequestURI wants a sip or sips URI without headers (RFC 3261 §19.1.1).
func (m *Message) checkRequestURI() *Invalid {
	var u URI
	if err := u.parse(m.RequestURI()); err != nil {
		return bad("Request-URI", err.Error())
	}
	if !u.IsSIP() {
		return &Invalid{Status: 416, Field: "Request-URI", Detail: "unsupported URI scheme"}
	}
	if u.Headers != nil {
		return bad("Request-URI", "headers in the Request-URI")
	}
	m.views.user = partOf(u.User, m.layout.uriStart+u.userAt())
	return nil
}
