package directory

import (
	"cmp"
	"unicode"
	"unicode/utf8"
)

// CompareNames is strings.Compare of both names in lower case. It makes no copy
// of either.
func CompareNames(a, b string) int {
	for a != "" && b != "" {
		x, n := lower(a)
		y, m := lower(b)
		if x != y {
			return cmp.Compare(x, y)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// NameContains reports whether a name has a part, which is in lower case already.
// It makes no copy of the name.
func NameContains(name, part string) bool {
	for {
		if nameBegins(name, part) {
			return true
		}
		if name == "" {
			return false
		}
		_, n := lower(name)
		name = name[n:]
	}
}

func nameBegins(name, part string) bool {
	for part != "" {
		if name == "" {
			return false
		}
		x, n := lower(name)
		y, m := utf8.DecodeRuneInString(part)
		if x != y {
			return false
		}
		name, part = name[n:], part[m:]
	}
	return true
}

// lower returns the first character of a text in lower case, as strings.ToLower
// has it, and how many octets it takes in the text.
func lower(s string) (rune, int) {
	if c := s[0]; c < utf8.RuneSelf {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return rune(c), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return unicode.ToLower(r), n
}
