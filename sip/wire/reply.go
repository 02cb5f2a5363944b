package wire

import (
	"net/netip"
	"strconv"
)

// Reply is a response of our own to a request (RFC 3261 §8.2.6).
type Reply struct {
	Status int    // 100–699
	Phrase string // empty: the one RFC 3261 §21 gives
	// ToTag is added to a To without a tag when Status is over 100; nil = none.
	ToTag []byte
	// Received is where the request came from, as in RequestEdit.
	Received netip.AddrPort
	Extra    []byte // complete header lines, each with its CRLF
	Body     []byte // its Content-Type goes into Extra
}

// AppendReply appends the response r to the request m: Via, From, To, Call-ID
// and CSeq as they came, Record-Route into what may create a dialog (§12.1.1),
// Timestamp into a 100 (§8.2.6.1). It works on a request that Parse or Validate
// refused, as far as the headers are there. Without a Via to send it to, dst
// comes back unchanged.
func (m *Message) AppendReply(dst []byte, r *Reply) []byte {
	if !m.Request || m.layout.viaLost || m.First(Via) < 0 {
		return dst
	}
	dst = append(dst, "SIP/2.0 "...)
	dst = append(strconv.AppendInt(dst, int64(r.Status), 10), ' ')
	phrase := r.Phrase
	if phrase == "" {
		phrase = StatusPhrase(r.Status)
	}
	for i := range len(phrase) {
		if c := phrase[i]; c != '\r' && c != '\n' && c != 0 {
			dst = append(dst, c)
		}
	}
	dst = append(dst, "\r\n"...)
	topVia := m.First(Via)
	for i := range m.Headers {
		h := &m.Headers[i]
		switch {
		case i == topVia && r.Received.IsValid():
			dst = m.appendTopVia(dst, r.Received)
		case h.ID == Via,
			h.ID == RecordRoute && r.Status > 100 && r.Status < 300,
			h.ID == Timestamp && r.Status == 100,
			(h.ID == From || h.ID == CallID || h.ID == CSeq) && m.First(h.ID) == i:
			dst = append(dst, m.Raw[h.Start:h.End]...)
		case h.ID == To && m.First(To) == i:
			dst = m.appendTo(dst, h, r)
		}
	}
	dst = append(append(dst, r.Extra...), "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(r.Body)), 10)
	return append(append(dst, "\r\n\r\n"...), r.Body...)
}

// appendTo appends the To header, with our tag where it is due (§8.2.6.2). A To
// whose syntax is wrong is echoed as it came.
func (m *Message) appendTo(dst []byte, h *Header, r *Reply) []byte {
	if r.Status == 100 || r.ToTag == nil {
		return append(dst, m.Raw[h.Start:h.End]...)
	}
	if a, err := ParseNameAddr(m.Raw[h.Value:h.ValueEnd]); err != nil || a.tags > 0 {
		return append(dst, m.Raw[h.Start:h.End]...)
	}
	dst = append(dst, m.Raw[h.Start:h.ValueEnd]...)
	return append(appendFlat(append(dst, ";tag="...), r.ToTag), "\r\n"...)
}

// AppendAck appends the ACK to a non-2xx final response (RFC 3261 §17.1.1.3).
// sent is the INVITE as it left, read with ParseSent, so that its top Via is
// ours; resp is the response, of which only To is used.
func AppendAck(dst []byte, sent, resp *Message) []byte {
	return appendHop(dst, "ACK", sent, resp)
}

// AppendCancel appends the CANCEL of sent, an INVITE as it left, read with
// ParseSent (RFC 3261 §9.1).
func AppendCancel(dst []byte, sent *Message) []byte {
	return appendHop(dst, "CANCEL", sent, sent)
}

// appendHop appends a request that ends at the next hop: Request-URI, top Via,
// Route, From, Call-ID and CSeq number of sent, To of to.
func appendHop(dst []byte, method string, sent, to *Message) []byte {
	dst = append(append(dst, method...), ' ')
	dst = append(append(dst, sent.RequestURI()...), " SIP/2.0\r\n"...)
	topVia := sent.First(Via)
	for i := range sent.Headers {
		h := &sent.Headers[i]
		switch h.ID {
		case Via:
			if i == topVia {
				b := sent.Value(i)
				start, end, _ := sent.element(b, 0, Via)
				dst = appendLine(dst, "Via: ", b[start:end])
			}
		case From, CallID, Route:
			dst = append(dst, sent.Raw[h.Start:h.End]...)
		case To:
			if j := to.First(To); j >= 0 {
				h := &to.Headers[j]
				dst = append(dst, to.Raw[h.Start:h.End]...)
			}
		case CSeq:
			digits, _, _ := splitCSeq(sent.Value(i))
			dst = append(append(dst, "CSeq: "...), digits...)
			dst = append(append(append(dst, ' '), method...), "\r\n"...)
		}
	}
	return append(dst, "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"...)
}
