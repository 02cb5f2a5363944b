package wire

import (
	"bytes"
	"math"
)

// Limits bounds a message. A zero value stands for the default.
type Limits struct {
	Message int // octets of the whole message; 65,535. More is a 513.
	Headers int // header fields; 200, at most 255
	Header  int // octets of one header field with its folds; 8,192
	Params  int // parameters of one value; 64
}

const (
	defaultMessage = 65535
	defaultHeaders = 200
	defaultHeader  = 8192
	defaultParams  = 64
	mostHeaders    = 255 // Message.first counts in one octet
)

// withDefaults returns l with the defaults filled in.
func (l Limits) withDefaults() Limits {
	or := func(v, d int) int {
		if v <= 0 {
			return d
		}
		return v
	}
	l.Message = or(l.Message, defaultMessage)
	l.Headers = min(or(l.Headers, defaultHeaders), mostHeaders)
	l.Header = or(l.Header, defaultHeader)
	l.Params = or(l.Params, defaultParams)
	return l
}

// Parse reads one datagram: CRLFs before the start line are passed over
// (RFC 3261 §7.5), the header section is guarded and cut into headers, the
// body is as long as Content-Length says or, without one, the rest (§18.3).
// Raw aliases datagram.
//
// The error is ErrNotSIP or an *Invalid: a 400 for a CR, LF or NUL that is no
// line end, no fold and no quoted-pair, for a header section that does not
// end, a line without a header name, a second From, To, Call-ID, CSeq,
// Max-Forwards or Content-Length, a bad Content-Length or one longer than the
// datagram, and for what exceeds Limits. After an *Invalid the message holds
// the headers that could be read, which is what AppendReply needs; headers
// with stray control characters are not among them.
func (m *Message) Parse(datagram []byte) error {
	b := datagram
	for len(b) > 0 && (b[0] == '\r' || b[0] == '\n') {
		b = b[1:]
	}
	m.reset(b)
	lim := m.Limits.withDefaults()
	invalid, err := m.parseStartLine()
	if err != nil {
		return err
	}
	if headers := m.scanHeaders(&lim); invalid == nil {
		invalid = headers
	}
	if invalid == nil {
		invalid = m.checkCounts(&lim)
	}
	if frame := m.frame(); invalid == nil {
		invalid = frame
	}
	if len(b) > lim.Message {
		invalid = &Invalid{Status: 513, Detail: "message too large"}
	}
	if invalid != nil {
		m.layout.refused = true
		return invalid
	}
	return nil
}

// ParseSent is Parse for a message of our own making, which AppendAck and
// AppendCancel need: forwarding adds headers and parameters, so a message within
// the limits on its way in may be over them on its way out.
func (m *Message) ParseSent(own []byte) error {
	saved := m.Limits
	m.Limits = Limits{Message: math.MaxInt, Headers: mostHeaders, Header: math.MaxInt, Params: math.MaxInt}
	err := m.Parse(own)
	m.Limits = saved
	return err
}

func (m *Message) reset(raw []byte) {
	if m.Headers == nil {
		m.Headers = make([]Header, 0, 32)
	}
	m.Raw, m.Headers = raw, m.Headers[:0]
	m.Request, m.Method, m.Status = false, MethodOther, 0
	m.layout, m.views = layout{}, views{maxForwards: -1}
}

// parseStartLine reads the start line (RFC 3261 §7.1, §7.2). Lines end with
// CRLF only; what else is in the line is looked at by the guard.
func (m *Message) parseStartLine() (*Invalid, error) {
	end := bytes.IndexByte(m.Raw, '\n')
	for end > 0 && m.Raw[end-1] != '\r' {
		n := bytes.IndexByte(m.Raw[end+1:], '\n')
		if n < 0 {
			return nil, ErrNotSIP
		}
		end += n + 1
	}
	if end < 0 {
		return nil, ErrNotSIP
	}
	m.layout.startEnd = uint32(end + 1)
	m.layout.body = m.layout.startEnd
	line := m.Raw[:end-1]
	if len(line) > 4 && equalFold(line[:4], "SIP/") {
		return m.parseStatusLine(line)
	}
	return m.parseRequestLine(line)
}

// parseRequestLine reads Method SP Request-URI SP SIP-Version. What has no
// version at its end is not SIP; what has one is a request and gets an answer.
func (m *Message) parseRequestLine(line []byte) (*Invalid, error) {
	sp := span(line, 0, classToken)
	if sp == 0 || sp == len(line) || line[sp] != ' ' {
		return nil, ErrNotSIP
	}
	end := len(line)
	for end > 0 && (line[end-1] == ' ' || line[end-1] == '\t') {
		end--
	}
	last := bytes.LastIndexByte(line[:end], ' ')
	version := line[last+1 : end]
	if last < 0 || len(version) < 4 || !equalFold(version[:4], "SIP/") {
		return nil, ErrNotSIP
	}
	m.Request = true
	m.layout.methodEnd = uint32(sp)
	m.Method = MethodOf(line[:sp])
	m.layout.version = string(version[4:]) == "2.0"
	m.layout.uriStart, m.layout.uriEnd = uint32(sp+1), uint32(max(last, sp+1))
	uri := m.RequestURI()
	switch {
	case end != len(line):
		return bad("Request-Line", "white space at the end"), nil
	case len(uri) == 0 || bytes.IndexByte(uri, ' ') >= 0 || bytes.IndexByte(uri, '\t') >= 0:
		return bad("Request-Line", "white space in the Request-URI"), nil
	case !isVersion(version[4:]):
		return bad("Request-Line", "malformed SIP version"), nil
	}
	return nil, nil
}

// isVersion says whether b is 1*DIGIT "." 1*DIGIT.
func isVersion(b []byte) bool {
	dot := bytes.IndexByte(b, '.')
	if dot < 0 {
		return false
	}
	_, major := number(b[:dot], 9)
	_, minor := number(b[dot+1:], 9)
	return major && minor
}

// parseStatusLine reads SIP-Version SP Status-Code SP Reason-Phrase. The last
// SP may be missing when the phrase is empty.
func (m *Message) parseStatusLine(line []byte) (*Invalid, error) {
	sp := bytes.IndexByte(line, ' ')
	if sp < 0 || !isVersion(line[4:sp]) {
		return nil, ErrNotSIP
	}
	m.layout.version = string(line[4:sp]) == "2.0"
	code := line[sp+1:]
	if n := bytes.IndexByte(code, ' '); n >= 0 {
		code = code[:n]
	}
	end := sp + 1 + len(code)
	m.layout.phrase, m.layout.phraseEnd = uint32(min(end+1, len(line))), uint32(len(line))
	n, ok := number(code, 699)
	if !ok || len(code) != 3 || n < 100 || n > 699 {
		return bad("Status-Line", "malformed status code"), nil
	}
	m.Status = int(n)
	return nil, nil
}

// frame finds the body's end by Content-Length (RFC 3261 §18.3, §20.14).
func (m *Message) frame() *Invalid {
	i := m.First(ContentLength)
	if i < 0 {
		return nil
	}
	rest := uint64(len(m.Raw)) - uint64(m.layout.body)
	n, ok := number(m.Value(i), rest)
	if !ok {
		return bad("Content-Length", "malformed Content-Length")
	}
	if n > rest {
		return bad("Content-Length", "body shorter than Content-Length")
	}
	m.Raw = m.Raw[:uint64(m.layout.body)+n]
	return nil
}
