package directory

import (
	"cmp"
	"unicode"
	"unicode/utf8"
)

// CompareNames is strings.Compare of both names in lower case. It makes no copy
// of either.
func CompareNames(a, b string) int {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		if x >= utf8.RuneSelf || y >= utf8.RuneSelf {
			return compareRunes(a[i:], b[i:])
		}
		if x != y && lowerASCII(x) != lowerASCII(y) {
			return cmp.Compare(lowerASCII(x), lowerASCII(y))
		}
	}
	return cmp.Compare(len(a), len(b))
}

// compareRunes is CompareNames for whatever stands in the names.
func compareRunes(a, b string) int {
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
	if part == "" {
		return true
	}
	for i, r := range name {
		// What is not ASCII may become so (the Kelvin sign a k).
		if (r >= utf8.RuneSelf || lowerASCII(byte(r)) == part[0]) && nameBegins(name[i:], part) {
			return true
		}
	}
	return false
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
		return rune(lowerASCII(c)), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	return unicode.ToLower(r), n
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}
