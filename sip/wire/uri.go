package wire

import (
	"bytes"
	"net/netip"
)

// URI is a SIP or SIPS URI (RFC 3261 §19.1), or one of another scheme, of
// which only Scheme and Opaque are filled. The slices alias what was parsed;
// escapes are left as they are.
type URI struct {
	Scheme   []byte // as written
	User     []byte // nil without userinfo; its user parameters included
	Password []byte
	Host     []byte // an IPv6 reference keeps its brackets
	Port     int    // 0 = none
	Params   []byte // after the first ";", without it; nil = none
	Headers  []byte // after the "?"; nil = none
	Opaque   []byte // after the colon, for other schemes
}

const (
	errScheme   = syntaxError("malformed URI scheme")
	errOpaque   = syntaxError("malformed URI")
	errUser     = syntaxError("malformed user in URI")
	errURIParam = syntaxError("malformed URI parameter")
	errEscape   = syntaxError("malformed escape in URI")
)

// ParseURI reads a URI without anything around it. An unescaped "@" is legal
// in one place only, after the userinfo (RFC 3261 §25.1), so a second one is an
// error and a ";" before it belongs to the user.
func ParseURI(b []byte) (URI, error) {
	var u URI
	err := u.parse(b)
	return u, err
}

func (u *URI) parse(b []byte) error {
	colon := schemeEnd(b)
	if colon < 0 {
		return errScheme
	}
	*u = URI{Scheme: b[:colon]}
	rest := b[colon+1:]
	if !u.IsSIP() {
		for _, c := range rest {
			if classes[c]&classURI == 0 && c != '@' && c != '%' {
				return errOpaque
			}
		}
		if len(rest) == 0 {
			return errOpaque
		}
		u.Opaque = rest
		return nil
	}
	if at := bytes.IndexByte(rest, '@'); at >= 0 {
		if err := u.parseUserInfo(rest[:at:at]); err != nil {
			return err
		}
		rest = rest[at+1:]
	}
	return u.parseHostPort(rest)
}

// IsSIP says whether the scheme is sip or sips, in any case.
func (u *URI) IsSIP() bool {
	b := u.Scheme
	return len(b) == 3 && b[0]|0x20 == 's' && b[1]|0x20 == 'i' && b[2]|0x20 == 'p' || u.IsSIPS()
}

// IsSIPS says whether the scheme is sips.
func (u *URI) IsSIPS() bool {
	b := u.Scheme
	return len(b) == 4 && b[0]|0x20 == 's' && b[1]|0x20 == 'i' && b[2]|0x20 == 'p' && b[3]|0x20 == 's'
}

// userAt is where User is in what was parsed, if there is one.
func (u *URI) userAt() uint32 { return uint32(len(u.Scheme) + 1) }

// schemeEnd returns the index of the colon after
// ALPHA *( ALPHA / DIGIT / "+" / "-" / "." ), or -1.
func schemeEnd(b []byte) int {
	for i, c := range b {
		switch {
		case isAlpha(c):
		case i > 0 && c == ':':
			return i
		case i > 0 && (isDigit(c) || c == '+' || c == '-' || c == '.'):
		default:
			return -1
		}
	}
	return -1
}

// parseUserInfo reads user [ ":" password ]. An empty user is let pass, as
// anonymous callers write it.
func (u *URI) parseUserInfo(b []byte) error {
	end := escapedSpan(b, 0, classUser)
	if end < 0 {
		return errEscape
	}
	u.User = b[:end:end]
	if end == len(b) {
		return nil
	}
	if b[end] != ':' {
		return errUser
	}
	last := escapedSpan(b, end+1, classPassword)
	if last < 0 {
		return errEscape
	}
	if last != len(b) {
		return errUser
	}
	u.Password = b[end+1:]
	return nil
}

// parseHostPort reads hostport *( ";" uri-parameter ) [ "?" headers ].
func (u *URI) parseHostPort(b []byte) error {
	i := hostEnd(b, 0)
	if i < 0 {
		return errHost
	}
	u.Host = b[:i:i]
	if i < len(b) && b[i] == ':' {
		start := i + 1
		for i = start; i < len(b) && isDigit(b[i]); {
			i++
		}
		n, ok := number(b[start:i], 65535)
		if !ok || n == 0 || n > 65535 {
			return errPort
		}
		u.Port = int(n)
	}
	rest := b[i:]
	if escapedSpan(rest, 0, classURI) != len(rest) {
		return errURIParam
	}
	if q := bytes.IndexByte(rest, '?'); q >= 0 {
		u.Headers = rest[q+1:]
		rest = rest[:q:q]
	}
	if len(rest) == 0 {
		return nil
	}
	if rest[0] != ';' {
		return errHost
	}
	u.Params = rest[1:]
	return nil
}

// escapedSpan is span with %HH allowed; -1 when an escape is malformed.
func escapedSpan(b []byte, i int, class uint8) int {
	for {
		if i = span(b, i, class); i == len(b) || b[i] != '%' {
			return i
		}
		if i+2 >= len(b) || !isHex(b[i+1]) || !isHex(b[i+2]) {
			return -1
		}
		i += 3
	}
}

func isHex(c byte) bool { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }

func unhex(c byte) byte {
	if isDigit(c) {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}

// Param returns a URI parameter, the first of that name; ok with an empty
// value when it has none. Names are compared without case and with escapes
// undone (RFC 3261 §19.1.4); name is in lower case.
func (u *URI) Param(name string) (value []byte, ok bool) {
	for rest := u.Params; len(rest) > 0; {
		var p []byte
		if i := bytes.IndexByte(rest, ';'); i >= 0 {
			p, rest = rest[:i], rest[i+1:]
		} else {
			p, rest = rest, nil
		}
		key := p
		if i := bytes.IndexByte(p, '='); i >= 0 {
			key, value = p[:i], p[i+1:]
		} else {
			value = nil
		}
		if equalEscaped(key, name) {
			return value, true
		}
	}
	return nil, false
}

// equalEscaped compares b, its escapes undone and in any case, with s.
func equalEscaped(b []byte, s string) bool {
	n := 0
	for i := 0; i < len(b); i++ {
		c := b[i]
		if c == '%' && i+2 < len(b) {
			c = unhex(b[i+1])<<4 | unhex(b[i+2])
			i += 2
		}
		if isAlpha(c) {
			c |= 0x20
		}
		if n == len(s) || c != s[n] {
			return false
		}
		n++
	}
	return n == len(s)
}

// Addr returns the address a host of a URI or Via stands for, false when it is
// a name.
func Addr(host []byte) (netip.Addr, bool) {
	if len(host) > 2 && host[0] == '[' {
		host = host[1 : len(host)-1]
	} else if len(host) == 0 || len(host) > 15 || !isDigit(host[len(host)-1]) {
		return netip.Addr{}, false
	}
	if a, ok := addr4(host); ok {
		return a, true
	}
	a, err := netip.ParseAddr(string(host))
	return a, err == nil
}

// addr4 reads four decimal octets without allocating.
func addr4(b []byte) (netip.Addr, bool) {
	var a [4]byte
	n := 0
	for len(b) > 0 && n < 4 {
		end := bytes.IndexByte(b, '.')
		if end < 0 {
			end = len(b)
		}
		octet, ok := number(b[:end], 255)
		if !ok || octet > 255 || end > 3 || (end > 1 && b[0] == '0') {
			return netip.Addr{}, false
		}
		a[n] = byte(octet)
		n++
		if end == len(b) {
			return netip.AddrFrom4(a), n == 4
		}
		b = b[end+1:]
	}
	return netip.Addr{}, false
}

// UnescapeUser appends a user part to dst, cut at its first ";" (the user
// parameters of RFC 3261 §19.1.6) and with its %HH undone. It is false when an
// escape is malformed. The result may hold any octet; AppendUser is the way
// back into a URI.
func UnescapeUser(dst, user []byte) ([]byte, bool) {
	if i := bytes.IndexByte(user, ';'); i >= 0 {
		user = user[:i]
	}
	for i := 0; i < len(user); i++ {
		c := user[i]
		if c == '%' {
			if i+2 >= len(user) || !isHex(user[i+1]) || !isHex(user[i+2]) {
				return dst, false
			}
			c = unhex(user[i+1])<<4 | unhex(user[i+2])
			i += 2
		}
		dst = append(dst, c)
	}
	return dst, true
}

// AppendUser appends user as the user part of a URI: what is not unreserved or
// one of "&=+$," is escaped (RFC 3261 §25.1), and so are ";", "?" and "/",
// which some read as the end of it.
func AppendUser(dst []byte, user string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(user) {
		if c := user[i]; classes[c]&classPassword != 0 {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', hex[c>>4], hex[c&15])
		}
	}
	return dst
}
