package wire

import "bytes"

// Header is one header field of a message, folded or not, as offsets into Raw:
// name in [Start, NameEnd), value without the white space around it in
// [Value, ValueEnd), and End after the CRLF that ends it.
type Header struct {
	ID                                   HeaderID
	Start, NameEnd, Value, ValueEnd, End uint32
}

// Message is one SIP message. The zero value is ready for Parse.
type Message struct {
	// Limits bounds what Parse accepts; its zero values are the defaults.
	Limits Limits

	// Raw is the message from its start line to the end of its body.
	Raw []byte
	// Headers are the header fields in order. The next Parse reuses it.
	Headers []Header
	Request bool
	Method  Method // of a request
	Status  int    // of a response, 100–699

	layout layout
	views  views
	// topVia holds what views says it does.
	topVia ViaValue
}

// layout is what Parse finds: where things are in Raw. The start line is method
// SP uri SP version of a request, version SP status SP phrase of a response.
type layout struct {
	startEnd         uint32 // after the start line's CRLF
	methodEnd        uint32
	uriStart, uriEnd uint32
	phrase           uint32
	phraseEnd        uint32
	body             uint32
	version          bool // it says SIP/2.0
	refused          bool // by Parse
	viaLost          bool // a Via could not be kept: nobody to answer
	twice            bool // a header of one value has come again

	first [headerCount]uint8 // index into Headers + 1; 0 = absent
}

// views are the typed readings that Validate leaves behind.
type views struct {
	viaRead     bool   // topVia has been tried
	viaOK       bool   // and holds the value in [viaStart, viaEnd)
	viaStart    uint32 // in Raw
	viaEnd      uint32
	viaCount    int
	fromTag     part
	fromUser    part
	toTag       part
	user        part // of the Request-URI
	topRoute    part // the URI of the topmost Route
	cseq        uint32
	cseqMethod  part
	maxForwards int
}

// part is a range of Raw; the zero value is no range at all.
type part struct{ start, end uint32 }

// partOf makes a part of what begins at start and is b, nil for none.
func partOf(b []byte, start uint32) part {
	if b == nil {
		return part{}
	}
	return part{start, start + uint32(len(b))}
}

// of returns the part's octets in raw, nil for none.
func (p part) of(raw []byte) []byte {
	if p == (part{}) {
		return nil
	}
	return raw[p.start:p.end]
}

// Copy makes m a copy of from, a message that has passed Parse and Validate;
// raw holds the same octets as from.Raw, and stays. It costs a fraction of reading
// them again.
func (m *Message) Copy(from *Message, raw []byte) {
	m.Limits, m.Request, m.Method, m.Status = from.Limits, from.Request, from.Method, from.Status
	m.Raw, m.Headers = raw, append(m.Headers[:0], from.Headers...)
	m.layout, m.views = from.layout, from.views
	m.views.viaRead = false // topVia is of from.Raw
}

// MethodText returns a request's method as written, a response's as nil.
func (m *Message) MethodText() []byte {
	if !m.Request {
		return nil
	}
	return m.Raw[:m.layout.methodEnd]
}

// RequestURI returns the Request-URI as written.
func (m *Message) RequestURI() []byte { return m.Raw[m.layout.uriStart:m.layout.uriEnd] }

// Phrase returns a response's reason phrase.
func (m *Message) Phrase() []byte { return m.Raw[m.layout.phrase:m.layout.phraseEnd] }

// Body returns the body, empty when there is none.
func (m *Message) Body() []byte { return m.Raw[m.layout.body:] }

// Count returns the number of header fields with the id, not of values.
func (m *Message) Count(id HeaderID) int {
	n := 0
	for i := m.First(id); i >= 0 && i < len(m.Headers); i++ {
		if m.Headers[i].ID == id {
			n++
		}
	}
	return n
}

// First returns the index of the first header with the id, -1 when absent.
func (m *Message) First(id HeaderID) int { return int(m.layout.first[id]) - 1 }

// Name returns header i's name as written.
func (m *Message) Name(i int) []byte {
	h := &m.Headers[i]
	return m.Raw[h.Start:h.NameEnd]
}

// Value returns header i's value as written, without the white space around
// it. It may hold folds. An i below 0 gives nil.
func (m *Message) Value(i int) []byte {
	if i < 0 {
		return nil
	}
	h := &m.Headers[i]
	return m.Raw[h.Value:h.ValueEnd]
}

// Get returns the value of the first header with the id, nil when absent.
func (m *Message) Get(id HeaderID) []byte { return m.Value(m.First(id)) }

// Each calls yield with every value of every header with the id, in order,
// until it returns false. Comma lists are split (RFC 3261 §7.3.1) outside
// quoted strings, <> and, where the header can have them, comments; empty
// elements are passed over. Do not use it on headers whose grammar is no list
// but has commas: Date and the challenges and credentials of digest.
func (m *Message) Each(id HeaderID, yield func(value []byte) bool) {
	for i := m.First(id); i >= 0 && i < len(m.Headers); i++ {
		if m.Headers[i].ID != id {
			continue
		}
		b := m.Value(i)
		for at := 0; at < len(b); {
			start, end, next := m.element(b, at, id)
			if end > start && !yield(b[start:end]) {
				return
			}
			at = next
		}
	}
}

// element returns the bounds of the list element at b[at:], trimmed, and where
// the next one starts.
func (m *Message) element(b []byte, at int, id HeaderID) (start, end, next int) {
	comma := len(b)
	if bytes.IndexByte(b[at:], ',') >= 0 { // seldom
		comma = nextValue(b, at, hasComments(id))
	}
	start = skipLWS(b[:comma], at)
	return start, trimEnd(b, start, comma), comma + 1
}

// hasComments says whether a header's grammar knows comments (RFC 3261 §25.1).
// In the others a parenthesis is an ordinary character of a URI or a word.
func hasComments(id HeaderID) bool {
	return id == Other || id == UserAgent || id == Server || id == RetryAfter
}

// TopVia returns the topmost Via value (RFC 3261 §18). It is nil when there is
// none or its syntax is wrong, which Validate refuses. It works before
// Validate, too.
func (m *Message) TopVia() *ViaValue {
	v := &m.views
	if !v.viaRead {
		v.viaRead, v.viaOK = true, false
		if i := m.First(Via); i >= 0 {
			b, from := m.Value(i), m.Headers[i].Value
			start, end, _ := m.element(b, 0, Via)
			v.viaStart, v.viaEnd = from+uint32(start), from+uint32(end)
			v.viaOK = m.topVia.parse(b[start:end]) == nil
		}
	}
	if !v.viaOK {
		return nil
	}
	return &m.topVia
}

// ViaCount returns the number of Via values over all Via headers.
func (m *Message) ViaCount() int { return m.views.viaCount }

// CallID returns the Call-ID.
func (m *Message) CallID() []byte { return m.Get(CallID) }

// FromTag returns the From tag, nil when there is none (RFC 2543 peers).
func (m *Message) FromTag() []byte { return m.views.fromTag.of(m.Raw) }

// FromUser returns the userinfo's user in the From URI as written, nil when there
// is none.
func (m *Message) FromUser() []byte { return m.views.fromUser.of(m.Raw) }

// User returns the user in a request's Request-URI as written, nil when there is
// none.
func (m *Message) User() []byte { return m.views.user.of(m.Raw) }

// TopRoute returns the URI of a request's topmost Route value, nil when there is
// none.
func (m *Message) TopRoute() []byte { return m.views.topRoute.of(m.Raw) }

// ToTag returns the To tag, nil when there is none.
func (m *Message) ToTag() []byte { return m.views.toTag.of(m.Raw) }

// CSeq returns the CSeq's number, below 2^31.
func (m *Message) CSeq() uint32 { return m.views.cseq }

// CSeqMethod returns the CSeq's method as written.
func (m *Message) CSeqMethod() []byte { return m.views.cseqMethod.of(m.Raw) }

// MaxForwards returns Max-Forwards, 0–255 (larger values count as 255), -1 when
// absent.
func (m *Message) MaxForwards() int { return m.views.maxForwards }
