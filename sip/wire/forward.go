package wire

import (
	"bytes"
	"net/netip"
	"strconv"
)

// RequestEdit says what AppendForward changes in a request (RFC 3261 §16.6).
// Values are written on one line: folds in them become spaces, and a CR, LF or
// NUL is left out.
type RequestEdit struct {
	// URI is the new Request-URI; nil keeps the old one and its octets.
	URI []byte
	// Via is our own Via value, put first as a line of its own; nil = none.
	Via []byte
	// Received is where the request came from, the zero value leaves the Via
	// alone. `received` is added to the request's top Via where its sent-by
	// differs or `rport` is there, and `rport` gets the port (§18.2.1, RFC 3581
	// §4). What the sender wrote into either is replaced.
	Received netip.AddrPort
	// RecordRoute is a value put before every Record-Route there is; nil = none.
	RecordRoute []byte
	// DropRoutes is the number of Route values taken off the front, across
	// lines and comma lists.
	DropRoutes int
	// AppendRoute is a value put at the end of the Route set (§16.6 step 6);
	// nil = none.
	AppendRoute []byte
	// MaxForwards is written in place of the old one, or added; 0–255.
	MaxForwards int
	// Drop has the headers left out, every copy under every name. It may have
	// any but Content-Length, which is always there and right.
	Drop Set
	// Extra has complete header lines, each with its CRLF; AppendHeader makes
	// them.
	Extra []byte
}

// AppendForward appends the request as changed by e. Headers that e does not
// touch are copied octet for octet, folds included. The request has passed
// Validate; for one that Parse refused the answer is nil.
func (m *Message) AppendForward(dst []byte, e *RequestEdit) []byte {
	if m.layout.refused || !m.Request {
		return nil
	}
	if e.URI == nil {
		dst = append(dst, m.Raw[:m.layout.startEnd]...)
	} else {
		dst = append(append(dst, m.MethodText()...), ' ')
		dst = append(appendFlat(dst, e.URI), " SIP/2.0\r\n"...)
	}
	if e.Via != nil {
		dst = appendLine(dst, "Via: ", e.Via)
	}
	if e.RecordRoute != nil {
		dst = appendLine(dst, "Record-Route: ", e.RecordRoute)
	}
	topVia, routes := m.First(Via), e.DropRoutes
	var c copier
	for i := range m.Headers {
		h := &m.Headers[i]
		switch {
		case e.Drop.Has(h.ID) && h.ID != ContentLength:
			dst = c.skip(m, dst, h)
		case h.ID == MaxForwards:
			dst = c.skip(m, dst, h)
			dst = append(append(dst, m.Name(i)...), ": "...)
			dst = append(strconv.AppendInt(dst, int64(e.MaxForwards), 10), "\r\n"...)
		case h.ID == Route && routes > 0:
			dst = c.skip(m, dst, h)
			dst, routes = m.appendRest(dst, i, routes)
		case i == topVia && e.Received.IsValid():
			dst = c.skip(m, dst, h)
			dst = m.appendTopVia(dst, e.Received)
		}
	}
	dst = c.flush(m, dst)
	if m.First(MaxForwards) < 0 || e.Drop.Has(MaxForwards) {
		dst = append(strconv.AppendInt(append(dst, "Max-Forwards: "...), int64(e.MaxForwards), 10), "\r\n"...)
	}
	if e.AppendRoute != nil {
		dst = appendLine(dst, "Route: ", e.AppendRoute)
	}
	return m.appendEnd(append(dst, e.Extra...))
}

// ResponseEdit says what AppendForwardResponse changes in a response besides
// its top Via.
type ResponseEdit struct {
	Drop  Set    // as in RequestEdit
	Extra []byte // as in RequestEdit
}

// AppendForwardResponse appends the response without its top Via value (RFC
// 3261 §16.7 step 3). It returns nil when there is no other Via: the response
// is for us. The response has passed Validate.
func (m *Message) AppendForwardResponse(dst []byte, e *ResponseEdit) []byte {
	if m.layout.refused || m.Request || m.views.viaCount < 2 {
		return nil
	}
	dst = append(dst, m.Raw[:m.layout.startEnd]...)
	topVia := m.First(Via)
	var c copier
	for i := range m.Headers {
		h := &m.Headers[i]
		switch {
		case e.Drop.Has(h.ID) && h.ID != ContentLength:
			dst = c.skip(m, dst, h)
		case i == topVia:
			dst = c.skip(m, dst, h)
			dst, _ = m.appendRest(dst, i, 1)
		}
	}
	dst = c.flush(m, dst)
	return m.appendEnd(append(dst, e.Extra...))
}

// copier copies headers in runs: neighbours that stay go in one append. All
// headers lie side by side from startEnd to body-2.
type copier struct{ from uint32 }

// skip copies what comes before h and has not been copied, and passes over h.
func (c *copier) skip(m *Message, dst []byte, h *Header) []byte {
	if c.from == 0 {
		c.from = m.layout.startEnd
	}
	dst = append(dst, m.Raw[c.from:h.Start]...)
	c.from = h.End
	return dst
}

// flush copies what is left.
func (c *copier) flush(m *Message, dst []byte) []byte {
	if c.from == 0 {
		c.from = m.layout.startEnd
	}
	return append(dst, m.Raw[c.from:m.layout.body-2]...)
}

// appendLine appends a header line; name has its colon and space.
func appendLine(dst []byte, name string, value []byte) []byte {
	return append(appendFlat(append(dst, name...), value), "\r\n"...)
}

// AppendHeader appends one header line that stays one line whatever value
// holds: folds become spaces, a CR, LF or NUL is left out.
func AppendHeader(dst []byte, name string, value []byte) []byte {
	return appendLine(append(dst, name...), ": ", value)
}

// appendRest appends header i without its first n values and returns how many
// of the n are left for the next header.
func (m *Message) appendRest(dst []byte, i, n int) ([]byte, int) {
	h, b, at := &m.Headers[i], m.Value(i), 0
	for at < len(b) {
		start, end, next := m.element(b, at, h.ID)
		if end > start {
			if n == 0 {
				dst = append(append(dst, m.Name(i)...), ": "...)
				return append(dst, m.Raw[h.Value+uint32(start):h.End]...), 0
			}
			n--
		}
		at = next
	}
	return dst, n
}

// appendTopVia appends the header with the topmost Via, that value with the
// address the request came from (RFC 3261 §18.2.1, RFC 3581 §4).
func (m *Message) appendTopVia(dst []byte, from netip.AddrPort) []byte {
	h := &m.Headers[m.First(Via)]
	v := m.TopVia()
	if v == nil {
		return append(dst, m.Raw[h.Start:h.End]...)
	}
	addr := from.Addr().Unmap().WithZone("")
	add := v.RPort >= 0 || !sameHost(v.Host, addr)
	if !add && v.receivedAt.start == 0 {
		return append(dst, m.Raw[h.Start:h.End]...)
	}
	value := m.Raw[m.views.viaStart:h.ValueEnd]
	dst = append(dst, m.Raw[h.Start:m.views.viaStart]...)
	a, b := v.receivedAt, v.rportAt
	if a.start > b.start {
		a, b = b, a
	}
	at := 0
	for _, cut := range [...]extent{a, b} {
		if cut.start == 0 {
			continue
		}
		dst = append(dst, value[at:cut.start]...)
		at = cut.end
	}
	end := trimEnd(value, at, nextValue(value, at, false))
	dst = append(dst, value[at:end]...)
	if add {
		dst = addr.AppendTo(append(dst, ";received="...))
	}
	if v.RPort >= 0 {
		dst = strconv.AppendUint(append(dst, ";rport="...), uint64(from.Port()), 10)
	}
	return append(dst, m.Raw[int(m.views.viaStart)+end:h.End]...)
}

// sameHost says whether a sent-by's host is addr as text. An address spelled
// otherwise counts as another one, which costs a superfluous `received`.
func sameHost(host []byte, addr netip.Addr) bool {
	var buf [64]byte
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	}
	return bytes.Equal(host, addr.AppendTo(buf[:0]))
}

// appendEnd appends Content-Length where the message has none (RFC 3261
// §20.14), the empty line and the body. One that is there is right: it is what
// cut the body.
func (m *Message) appendEnd(dst []byte) []byte {
	if m.First(ContentLength) < 0 {
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(m.Body())), 10)
		dst = append(dst, "\r\n"...)
	}
	return append(append(dst, "\r\n"...), m.Body()...)
}
