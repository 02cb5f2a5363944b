package wire

import "bytes"

// scanHeaders cuts the header section into headers and sets body. A line ends
// with CRLF and goes on in the next one when that starts with SP or HT
// (RFC 3261 §7.3.1). It reads to the end of the section whatever it meets, and
// returns the first thing wrong.
func (m *Message) scanHeaders(lim *Limits) *Invalid {
	b, pos, lines, problem := m.Raw, int(m.startEnd), 1, ""
	note := func(p string) {
		if problem == "" {
			problem = p
		}
	}
	if pos < len(b) && (b[pos] == ' ' || b[pos] == '\t') {
		note("folded start line")
	}
	for {
		if pos+1 < len(b) && b[pos] == '\r' && b[pos+1] == '\n' {
			m.body = uint32(pos + 2)
			lines++
			break
		}
		end, n, p := headerEnd(b, pos)
		note(p)
		if end < 0 {
			m.body = uint32(len(b))
			break
		}
		lines += n
		kept := len(m.Headers)
		note(m.addHeader(pos, end, lim))
		if p != "" && len(m.Headers) > kept {
			m.viaLost = m.viaLost || m.Headers[kept].ID == Via
			m.Headers = m.Headers[:kept]
		}
		pos = end
	}
	note(m.expelStray(lines))
	if problem != "" {
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
	b := m.Raw
	nameEnd := span(b, pos, classToken)
	if nameEnd == pos {
		return "header line without a name"
	}
	colon := nameEnd
	for b[colon] == ' ' || b[colon] == '\t' { // ends at the CR, if not before
		colon++
	}
	if b[colon] != ':' {
		return "malformed header name"
	}
	id := LookUp(b[pos:nameEnd])
	if len(m.Headers) >= lim.Headers {
		m.viaLost = m.viaLost || id == Via
		return "too many headers"
	}
	value := skipLWS(b[:end], colon+1)
	m.Headers = append(m.Headers, Header{
		ID: id, Start: uint32(pos), NameEnd: uint32(nameEnd),
		Value: uint32(value), ValueEnd: uint32(trimEnd(b, value, end)), End: uint32(end),
	})
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
	head := m.Raw[:m.body]
	if bytes.Count(head, []byte{'\r'}) != lines || bytes.Count(head, []byte{'\n'}) != lines {
		problem = "stray CR or LF"
	} else if bytes.IndexByte(head, 0) < 0 {
		return ""
	}
	if bytes.IndexByte(head[:m.startEnd], 0) >= 0 {
		problem = "NUL in the start line"
	}
	kept := m.Headers[:0]
	for _, h := range m.Headers {
		if isStray(m.Raw[h.Start:h.End]) {
			problem = "stray CR, LF or NUL"
			m.viaLost = m.viaLost || h.ID == Via
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

// index notes where the first header of each id is.
func (m *Message) index() {
	for i := range m.Headers {
		if f := &m.first[m.Headers[i].ID]; *f == 0 {
			*f = uint8(i + 1)
		}
	}
}

// checkCounts refuses second copies of headers that have one value, of which
// two readers would see different ones, and values with too many parameters.
func (m *Message) checkCounts(lim *Limits) *Invalid {
	for i := range m.Headers {
		if id := m.Headers[i].ID; isSingle(id) && m.First(id) != i {
			return bad(id.String(), "more than one "+id.String())
		}
	}
	if bytes.Count(m.Raw[m.startEnd:m.body], []byte{';'}) <= lim.Params {
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
