package sip

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// TestParseIPv4 compares with the standard library.
func TestParseIPv4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[0-9]{0,4}(\.[0-9a]{0,4}){2,4}`).Draw(t, "text")
		want, err := netip.ParseAddr(text)
		got, ok := parseIPv4([]byte(text))
		if ok != (err == nil) || ok && got != want {
			t.Fatalf("%q: %v %v, not %v %v", text, got, ok, want, err)
		}
	})
	for _, text := range []string{"0.0.0.0", "255.255.255.255", "192.0.2.9"} {
		if got, ok := parseIPv4([]byte(text)); !ok || got != netip.MustParseAddr(text) {
			t.Errorf("%s: %v %v", text, got, ok)
		}
	}
}
