package wire

import (
	"bytes"
	"cmp"
)

// scanHeaders cuts the header section into headers and sets body. A line ends
// with CRLF and goes on in the next one when that starts with SP or HT
// (RFC 3261 §7.3.1). It reads to the end of the section whatever it meets, and
// returns the first thing wrong.
func (m *Message) scanHeaders(lim *Limits) *Invalid {
	b, pos, lines, problem := m.Raw, int(m.layout.startEnd), 1, ""
	if pos < len(b) && (b[pos] == ' ' || b[pos] == '\t') {
		problem = "folded start line"
	}
	for {
		if pos+1 < len(b) && b[pos] == '\r' && b[pos+1] == '\n' {
			m.layout.body = uint32(pos + 2)
			lines++
			break
		}
		end, n, p := headerEnd(b, pos)
		problem = cmp.Or(problem, p)
		if end < 0 {
			m.layout.body = uint32(len(b))
			break
		}
		lines += n
		kept := len(m.Headers)
		problem = cmp.Or(problem, m.addHeader(pos, end, lim))
		if p != "" && len(m.Headers) > kept {
			m.layout.viaLost = m.layout.viaLost || m.Headers[kept].ID == Via
			m.Headers = m.Headers[:kept]
		}
		pos = end
	}
	problem = cmp.Or(problem, m.expelStray(lines))
	if problem != "" {
		m.index()
		return bad("", problem)
	}
	return nil
}

// headerEnd returns the index after the CRLF that ends the header at pos and
// the number of its lines; -1 when the message ends before. A line of white
// space alone inside a header is refused: some take it for the end of the
// section.
func headerEnd(b []byte, pos int) (end, lines int, problem string) {
	line := pos
	for end = pos; ; {
		n := bytes.IndexByte(b[end:], '\n')
		if n < 0 {
			return -1, lines, "header section without an end"
		}
		end += n + 1
		if b[end-2] != '\r' {
			continue // a bare LF ends no line; expelStray finds it
		}
		lines++
		if line != pos && skipLWS(b[:end], line) == end {
			problem = "continuation line without content"
		}
		if end == len(b) || b[end] != ' ' && b[end] != '\t' {
			return end, lines, problem
		}
		line = end
	}
}

// addHeader reads the header in Raw[pos:end] (RFC 3261 §7.3.1):
// header-name *( SP / HTAB ) ":" SWS header-value CRLF.
func (m *Message) addHeader(pos, end int, lim *Limits) (problem string) {
	b := m.Raw[:end-2]
	colon := bytes.IndexByte(b[pos:], ':') + pos
	nameEnd := max(colon, pos)
	for nameEnd > pos && (b[nameEnd-1] == ' ' || b[nameEnd-1] == '\t') {
		nameEnd--
	}
	id := LookUp(b[pos:nameEnd])
	if id == Other && !isAll(b[pos:nameEnd], classToken) {
		if span(b, pos, classToken) == pos {
			return "header line without a name"
		}
		return "malformed header name"
	}
	n := len(m.Headers) + 1
	if n > lim.Headers {
		m.layout.viaLost = m.layout.viaLost || id == Via
		return "too many headers"
	}
	value := skipLWS(b, colon+1)
	// Written in place: a copy of a Header just made stalls on its small stores.
	m.Headers = append(m.Headers, Header{})
	h := &m.Headers[n-1]
	h.ID, h.Start, h.NameEnd, h.End = id, uint32(pos), uint32(nameEnd), uint32(end)
	h.Value, h.ValueEnd = uint32(value), uint32(trimEnd(b, value, len(b)))
	if f := &m.layout.first[id]; *f == 0 {
		*f = uint8(n)
	} else if isSingle(id) {
		m.layout.twice = true
	}
	if end-pos > lim.Header {
		return "header too long"
	}
	return ""
}

// expelStray looks for octets that end a line for some and not for others: a
// CR or LF outside CRLF, and NUL but in a quoted-pair (RFC 3261 §25.1). Headers
// that hold one are taken out of the list. lines is the number of CRLFs that
// ended a line; when there are as many CRs and LFs and no NUL, all is well.
func (m *Message) expelStray(lines int) (problem string) {
	head := m.Raw[:m.layout.body]
	if bytes.Count(head, []byte{'\r'}) != lines || bytes.Count(head, []byte{'\n'}) != lines {
		problem = "stray CR or LF"
	} else if bytes.IndexByte(head, 0) < 0 {
		return ""
	}
	if bytes.IndexByte(head[:m.layout.startEnd], 0) >= 0 {
		problem = "NUL in the start line"
	}
	kept := m.Headers[:0]
	for _, h := range m.Headers {
		if isStray(m.Raw[h.Start:h.End]) {
			problem = "stray CR, LF or NUL"
			m.layout.viaLost = m.layout.viaLost || h.ID == Via
			continue
		}
		kept = append(kept, h)
	}
	m.Headers = kept
	return problem
}

// isStray says whether the header line b has a CR, LF or NUL where it may not.
func isStray(b []byte) bool {
	inQuotes, nul := false, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\r':
			if i+1 == len(b) || b[i+1] != '\n' {
				return true
			}
			i++
		case '\n', 0:
			return true
		case '"':
			inQuotes = !inQuotes
		case '\\':
			if inQuotes && i+1 < len(b) && b[i+1] != '\r' && b[i+1] != '\n' {
				i++
				nul = nul || b[i] == 0
			}
		}
	}
	return nul && inQuotes
}

// index notes anew where the first header of each id is, after some were taken
// out.
func (m *Message) index() {
	m.layout.first = [headerCount]uint8{}
	for i := range m.Headers {
		if f := &m.layout.first[m.Headers[i].ID]; *f == 0 {
			*f = uint8(i + 1)
		}
	}
}

// checkCounts refuses second copies of headers that have one value, of which
// two readers would see different ones, and values with too many parameters.
func (m *Message) checkCounts(lim *Limits) *Invalid {
	for i := range m.Headers {
		if id := m.Headers[i].ID; m.layout.twice && isSingle(id) && m.First(id) != i {
			return bad(id.String(), "more than one "+id.String())
		}
	}
	if bytes.Count(m.Raw[m.layout.startEnd:m.layout.body], []byte{';'}) <= lim.Params {
		return nil
	}
	for i := range m.Headers {
		if mostParams(m.Value(i)) > lim.Params {
			return bad(m.Headers[i].ID.String(), "too many parameters")
		}
	}
	return nil
}

func isSingle(id HeaderID) bool {
	switch id {
	case From, To, CallID, CSeq, MaxForwards, ContentLength:
		return true
	}
	return false
}

// mostParams counts the semicolons outside quoted strings in each value of a
// list and returns the largest count.
func mostParams(b []byte) (most int) {
	n, inURI := 0, false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case ';':
			n++
			most = max(most, n)
		case ',':
			if !inURI {
				n = 0
			}
		case '<':
			inURI = true
		case '>':
			inURI = false
		case '"':
			if end := quoted(b, i); end > 0 && !inURI {
				i = end - 1
			}
		}
	}
	return most
}
