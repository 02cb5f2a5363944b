package directory

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

// Names compare and are searched as if they had been copied into lower case.
func TestNamesAgreeWithLowerCase(t *testing.T) {
	name := rapid.StringOf(rapid.SampledFrom([]rune("aAbBzZ0 ._ÄäÖöẞßİıſΣσςԱա\u13a0\uab70\U00010400\U00010428\uffff\ufffd")))
	anything := rapid.Custom(func(t *rapid.T) string {
		if rapid.Bool().Draw(t, "broken") {
			return string(rapid.SliceOfN(rapid.SampledFrom([]byte("aA\xc3\x84\xff\x80")), 0, 6).Draw(t, "octets"))
		}
		return name.Draw(t, "text")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anything.Draw(t, "a"), anything.Draw(t, "b")
		if got, want := CompareNames(a, b), strings.Compare(strings.ToLower(a), strings.ToLower(b)); got != want {
			t.Fatalf("%q and %q: %d, want %d", a, b, got, want)
		}
		part := strings.ToLower(b)
		if len(part) > 2 && rapid.Bool().Draw(t, "short") {
			part = strings.ToLower(string([]rune(b)[:1]))
		}
		if got, want := NameContains(a, part), strings.Contains(strings.ToLower(a), part); got != want {
			t.Fatalf("%q in %q: %v, want %v", part, a, got, want)
		}
	})
}

// A name in lower case, as a cursor holds it, is in its own place: no letter has
// two steps to its lower case.
func TestLowerCaseIsFinal(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		if once := unicode.ToLower(r); unicode.ToLower(once) != once {
			t.Errorf("%U becomes %U and %U", r, once, unicode.ToLower(once))
		}
	}
}

func TestNamesAreNotCopied(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { NameContains("Bäckerei GROẞ & Söhne", "söhne"); CompareNames("ÄB", "äb") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
