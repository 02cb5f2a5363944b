package wire

import "bytes"

// NameAddr is a name-addr or addr-spec with its header parameters: a value of
// From, To, Contact, Route, Record-Route, Refer-To and the identity headers
// (RFC 3261 §20.10). The slices alias what was parsed.
type NameAddr struct {
	Display []byte // as written, quotes included; nil = none
	URI     []byte // without the <>
	Params  []byte // header parameters after the first ";", without it; nil = none
	Bare    bool   // an addr-spec without <>

	uriAt int    // where URI is in what was parsed
	tag   []byte // the first tag parameter's value
	tagAt int    // where it is in what was parsed
	tags  int    // how many there are
}

const (
	errDisplay    = syntaxError("malformed display name")
	errAngle      = syntaxError("URI without its <>")
	errAddress    = syntaxError("malformed address")
	errAddrParam  = syntaxError("malformed header parameter")
	errAddrSpaces = syntaxError("white space in a URI")
)

// ParseNameAddr reads one value. The URI itself is not looked into beyond what
// finds its end; ParseURI does that.
func ParseNameAddr(b []byte) (NameAddr, error) {
	var n NameAddr
	if err := n.parse(b); err != nil {
		return n, err
	}
	for _, c := range n.URI {
		if c <= ' ' || c == 0x7f || c == '<' || c == '"' {
			return n, errAddrSpaces
		}
	}
	return n, nil
}

// parse is ParseNameAddr for those who look into the URI themselves: what stands
// between < and > may hold any octet.
func (n *NameAddr) parse(b []byte) error {
	*n = NameAddr{}
	start := skipLWS(b, 0)
	i, err := n.parseDisplay(b, start)
	if err != nil {
		return err
	}
	if i < 0 { // no "<"
		return n.parseAddrSpec(b, start)
	}
	close := bytes.IndexByte(b[i:], '>')
	if close < 0 {
		return errAngle
	}
	n.URI, n.uriAt = b[i+1:i+close], i+1
	if len(n.URI) == 0 {
		return errAddress
	}
	return n.parseParams(b, skipLWS(b, i+close+1))
}

// parseDisplay reads [ display-name ] and returns the index of the "<" after
// it, or -1 when this is an addr-spec.
func (n *NameAddr) parseDisplay(b []byte, start int) (int, error) {
	i := start
	if i < len(b) && b[i] == '"' {
		end := quoted(b, i)
		if end < 0 {
			return 0, errDisplay
		}
		n.Display = b[i:end]
		if i = skipLWS(b, end); i == len(b) || b[i] != '<' {
			return 0, errAngle
		}
		return i, nil
	}
	for i < len(b) && (classes[b[i]]&classDisplay != 0 || isLWS(b[i])) {
		i++
	}
	if i == len(b) || b[i] != '<' {
		return -1, nil
	}
	if end := trimEnd(b, start, i); end > start {
		n.Display = b[start:end]
	}
	return i, nil
}

// parseAddrSpec reads a URI without <>. It ends at the first ";": a URI with
// parameters, headers or a comma must be in <> (RFC 3261 §20).
func (n *NameAddr) parseAddrSpec(b []byte, i int) error {
	end := i
	for end < len(b) && b[end] != ';' && !isLWS(b[end]) {
		if c := b[end]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"' || c == ',' || c == '?' {
			return errAddress
		}
		end++
	}
	if end == i {
		return errAddress
	}
	n.URI, n.uriAt, n.Bare = b[i:end], i, true
	return n.parseParams(b, skipLWS(b, end))
}

// parseParams checks *( SEMI generic-param ) to the end of b.
func (n *NameAddr) parseParams(b []byte, i int) error {
	if i == len(b) {
		return nil
	}
	if b[i] == ';' {
		n.Params = b[i+1:]
	}
	var p param
	for i < len(b) {
		next := p.next(b, i)
		if next < 0 {
			return errAddrParam
		}
		if equalFold(p.name, "tag") {
			if n.tags++; n.tags == 1 {
				n.tag, n.tagAt = p.value, p.end-len(p.value)
			}
		}
		i = next
	}
	return nil
}

// Param returns a header parameter, the first of that name; ok with a nil
// value when it has none. Names are compared without case; a quoted value
// keeps its quotes.
func (n *NameAddr) Param(name string) (value []byte, ok bool) {
	b := n.Params
	var p param
	for i := 0; i < len(b); i++ {
		next := p.at(b, i)
		if next < 0 || next < len(b) && b[next] != ';' {
			break
		}
		if equalFold(p.name, name) {
			return p.value, true
		}
		i = next
	}
	return nil, false
}
