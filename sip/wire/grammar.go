package wire

import "bytes"

// Classes of octets, from the ABNF of RFC 3261 §25.1.
const (
	classToken    = 1 << iota // token
	classHost                 // hostname, and "_", which is common in the field
	classIPv6                 // inside the brackets of an IPv6reference
	classUser                 // user, without escapes; and "#[]^|{}", as phones dial "#" unescaped
	classPassword             // password, without escapes
	classURI                  // the rest of a URI, without escapes: visible ASCII but <>"@%
	classValue                // gen-value of a parameter: token, host, and what taggers use besides
	classDisplay              // unquoted display name: token and UTF-8
)

// classes is read only.
var classes = classify()

func classify() [256]uint8 {
	var t [256]uint8
	add := func(set string, class uint8) {
		for i := range len(set) {
			t[set[i]] |= class
		}
	}
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	const mark = "-_.!~*'()"
	add(alnum+"-.!%*_+`'~", classToken|classValue|classDisplay)
	add(alnum+"-._", classHost)
	add("0123456789abcdefABCDEF:.", classIPv6)
	add(alnum+mark+"&=+$,;?/"+"#[]^|{}", classUser)
	add(alnum+mark+"&=+$,", classPassword)
	add("[]:/=&$#(){}|^", classValue)
	for c := 0x21; c < 0x7f; c++ {
		if bytes.IndexByte([]byte(`<>"@%`), byte(c)) < 0 {
			t[c] |= classURI
		}
	}
	for c := 0x80; c < 0x100; c++ {
		t[c] |= classDisplay
	}
	return t
}

// syntaxError is a short phrase, safe in a reason phrase or a Warning.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

func isDigit(c byte) bool { return c-'0' < 10 }
func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isLWS(c byte) bool   { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// skipLWS returns the first index from i on that is not linear white space.
// The guard has seen to it that every CR and LF here is part of a fold.
func skipLWS(b []byte, i int) int {
	for i < len(b) && isLWS(b[i]) {
		i++
	}
	return i
}

// trimEnd returns the end of b[start:end] without trailing white space.
func trimEnd(b []byte, start, end int) int {
	for end > start && isLWS(b[end-1]) {
		end--
	}
	return end
}

// span returns the first index from i on whose octet is not of class.
func span(b []byte, i int, class uint8) int {
	for i < len(b) && classes[b[i]]&class != 0 {
		i++
	}
	return i
}

// isAll says whether b is not empty and all of class.
func isAll(b []byte, class uint8) bool { return len(b) > 0 && span(b, 0, class) == len(b) }

// quoted returns the index after the quoted-string that starts at b[i], or -1
// when it has no end.
func quoted(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

// equalFold compares b with s, ASCII letters in any case.
func equalFold[S string | []byte](b []byte, s S) bool {
	if len(b) != len(s) {
		return false
	}
	if string(b) == string(s) {
		return true
	}
	for i := range b {
		c, d := b[i], s[i]
		if c != d && (c^d != 0x20 || !isAlpha(c)) {
			return false
		}
	}
	return true
}

// number reads 1*DIGIT; values over limit are reported as limit+1.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if !isDigit(c) {
			return 0, false
		}
		if n = n*10 + uint64(c-'0'); n > limit {
			n = limit + 1
		}
	}
	return n, true
}

// param is one generic-param (RFC 3261 §25.1).
type param struct {
	name  []byte
	value []byte // nil without "="; a quoted-string keeps its quotes
	end   int    // index after the parameter, white space after it not included
}

// next reads the SEMI and the generic-param at b[i] into p. It returns the index
// of what follows, white space skipped, or -1 when the syntax is wrong.
func (p *param) next(b []byte, i int) int {
	if b[i] != ';' {
		return -1
	}
	return p.at(b, i+1)
}

// at is next after the semicolon.
func (p *param) at(b []byte, i int) int {
	i = skipLWS(b, i)
	p.end = span(b, i, classToken)
	if p.end == i {
		return -1
	}
	p.name, p.value = b[i:p.end], nil
	next := skipLWS(b, p.end)
	if next >= len(b) || b[next] != '=' {
		return next
	}
	i = skipLWS(b, next+1)
	if i < len(b) && b[i] == '"' {
		if p.end = quoted(b, i); p.end < 0 {
			return -1
		}
	} else if p.end = span(b, i, classValue); p.end == i {
		p.end = next + 1 // empty value: the white space is not part of it
		p.value = b[p.end:p.end]
		return i
	}
	p.value = b[i:p.end]
	return skipLWS(b, p.end)
}

// nextValue finds the end of the first value of a comma list at b[i:]: the
// index of its comma or len(b). Commas in quoted strings and in <> do not
// count, nor those in comments where the header may have comments.
func nextValue(b []byte, i int, comments bool) int {
	comma := bytes.IndexByte(b[i:], ',')
	if comma < 0 {
		comma = len(b) - i
	}
	if first := b[i : i+comma]; !comments && bytes.IndexByte(first, '"') < 0 && bytes.IndexByte(first, '<') < 0 {
		return i + comma // usual
	}
	for ; i < len(b); i++ {
		switch b[i] {
		case ',':
			return i
		case '"':
			if i = quoted(b, i); i < 0 {
				return len(b)
			}
			i--
		case '<':
			n := bytes.IndexByte(b[i:], '>')
			if n < 0 {
				return len(b)
			}
			i += n
		case '(':
			if comments {
				i = skipComment(b, i)
			}
		}
	}
	return len(b)
}

// skipComment returns the index of the parenthesis that closes the comment at
// b[i] (RFC 3261 §25.1: comments nest), or the last index.
func skipComment(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(b) - 1
}

// appendFlat appends a header value so that it stays on its line: a fold
// becomes one space, and a CR, LF or NUL elsewhere is left out.
func appendFlat(dst, value []byte) []byte {
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 && bytes.IndexByte(value, 0) < 0 {
		return append(dst, value...)
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; c {
		case '\r', '\n', 0:
		case ' ', '\t':
			if i > 0 && value[i-1] == '\n' {
				i = skipLWS(value, i) - 1
			}
			dst = append(dst, ' ')
		default:
			dst = append(dst, c)
		}
	}
	return dst
}
