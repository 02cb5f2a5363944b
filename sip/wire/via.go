package wire

// ViaValue is one via-parm (RFC 3261 §20.42). The slices alias the header.
type ViaValue struct {
	// Protocol and Version are "SIP" and "2.0" in what Validate accepts.
	Protocol, Version []byte
	Transport         []byte // as written, for example "UDP"
	SentBy            []byte // host[:port] as written, without white space
	Host              []byte // an IPv6 reference keeps its brackets
	Port              int    // of SentBy; 0 = none
	Branch            []byte // nil = none (RFC 2543)
	Received          []byte // nil = none
	MAddr             []byte // nil = none
	RPort             int    // RFC 3581: -1 = absent, 0 = without a value

	// Where the parameters we replace stand in the parsed text, from their
	// semicolon on; zero = absent.
	receivedAt, rportAt extent
}

// extent is a range of indices; start 0 means there is none.
type extent struct{ start, end int }

const (
	errVia      = syntaxError("malformed Via")
	errViaParam = syntaxError("malformed Via parameter")
	errViaTwice = syntaxError("Via parameter given twice")
	errHost     = syntaxError("malformed host")
	errPort     = syntaxError("malformed port")
)

// ParseVia reads one via-parm. Folds in it count as white space.
func ParseVia(b []byte) (ViaValue, error) {
	var v ViaValue
	err := v.parse(b)
	return v, err
}

// parse reads
// sent-protocol LWS sent-by *( SEMI via-params ), RFC 3261 §25.1.
func (v *ViaValue) parse(b []byte) error {
	*v = ViaValue{RPort: -1}
	i, ok := skipLWS(b, 0), true
	if v.Protocol, i, ok = slashed(b, i); !ok {
		return errVia
	}
	if v.Version, i, ok = slashed(b, i); !ok {
		return errVia
	}
	end := span(b, i, classToken)
	v.Transport = b[i:end]
	start := skipLWS(b, end)
	if end == i || start == end {
		return errVia
	}
	i, err := v.parseSentBy(b, start)
	if err != nil {
		return err
	}
	var p param
	for i < len(b) {
		next := p.next(b, i)
		if next < 0 {
			return errViaParam
		}
		if err := v.setParam(&p, extent{i, p.end}); err != nil {
			return err
		}
		i = next
	}
	return nil
}

// slashed reads a token and the SLASH after it.
func slashed(b []byte, i int) (token []byte, next int, ok bool) {
	end := span(b, i, classToken)
	slash := skipLWS(b, end)
	if end == i || slash == len(b) || b[slash] != '/' {
		return nil, i, false
	}
	return b[i:end], skipLWS(b, slash+1), true
}

// parseSentBy reads host [ COLON port ] and returns the index of what follows.
func (v *ViaValue) parseSentBy(b []byte, i int) (int, error) {
	end := hostEnd(b, i)
	if end < 0 {
		return 0, errHost
	}
	v.Host, v.SentBy = b[i:end], b[i:end]
	colon := skipLWS(b, end)
	if colon == len(b) || b[colon] != ':' {
		return colon, nil
	}
	digits := skipLWS(b, colon+1)
	last := digits
	for last < len(b) && isDigit(b[last]) {
		last++
	}
	n, ok := number(b[digits:last], 65535)
	if !ok || n == 0 || n > 65535 {
		return 0, errPort
	}
	v.Port = int(n)
	if colon == end && digits == colon+1 {
		v.SentBy = b[i:last]
	} else { // white space around the colon: rare enough to allocate
		v.SentBy = append(append(append([]byte(nil), v.Host...), ':'), b[digits:last]...)
	}
	return skipLWS(b, last), nil
}

// setParam notes a parameter. A second one of those that decide where a
// response goes or which transaction it is for is refused.
func (v *ViaValue) setParam(p *param, at extent) error {
	switch {
	case equalFold(p.name, "branch"):
		if v.Branch != nil {
			return errViaTwice
		}
		if len(p.value) == 0 {
			return errViaParam
		}
		v.Branch = p.value
	case equalFold(p.name, "received"):
		if v.receivedAt.start != 0 {
			return errViaTwice
		}
		v.Received, v.receivedAt = p.value, at
	case equalFold(p.name, "rport"):
		if v.rportAt.start != 0 {
			return errViaTwice
		}
		n, ok := number(p.value, 65535)
		if len(p.value) > 0 && (!ok || n > 65535) {
			return errViaParam
		}
		v.RPort, v.rportAt = int(n), at
	case equalFold(p.name, "maddr"):
		if v.MAddr != nil {
			return errViaTwice
		}
		if len(p.value) == 0 {
			return errViaParam
		}
		v.MAddr = p.value
	}
	return nil
}

// hostEnd returns the index after the host at b[i] (hostname, IPv4address or
// IPv6reference, RFC 3261 §25.1), or -1. The form inside the brackets is not
// looked into: RFC 5118 §4.10 asks to tolerate three colons.
func hostEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '[' {
		end := span(b, i+1, classIPv6)
		if end == i+1 || end == len(b) || b[end] != ']' {
			return -1
		}
		return end + 1
	}
	end := span(b, i, classHost)
	if end == i {
		return -1
	}
	return end
}
