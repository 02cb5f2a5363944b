package sip

import (
	"math"
	"strings"
	"testing"
)

// TestBranchParam: what is written is read again, in either case, and nothing
// else is.
func TestBranchParam(t *testing.T) {
	for _, want := range [][2]uint64{{0, math.MaxUint64}, {0x0123456789abcdef, 0xfedcba9876543210}} {
		text := string(appendBranch(nil, want[0], want[1]))
		upper := branchPrefix + strings.ToUpper(text[len(branchPrefix):])
		for _, b := range []string{text, upper} {
			if id, hops, ok := branchID([]byte(b)); !ok || id != want[0] || hops != want[1] {
				t.Errorf("%s: %x %x %v, not %x", b, id, hops, ok, want)
			}
		}
		for i := range text {
			for _, c := range []string{"g", "/", ":", "`", "@", "_", "\x00"} {
				if bad := text[:i] + c + text[i+1:]; bad != text {
					if _, _, ok := branchID([]byte(bad)); ok {
						t.Errorf("%q was taken", bad)
					}
				}
			}
		}
		if _, _, ok := branchID([]byte(text[:len(text)-1])); ok {
			t.Error("a short one was taken")
		}
	}
}
