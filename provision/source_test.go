package provision

import (
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"
)

func TestSource(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	w := newWorld(t, func(c *Config) { c.TrustedProxies = proxies })
	for _, c := range []struct {
		remote    string
		forwarded []string
		want      string
	}{
		{"198.51.100.7:1234", nil, "198.51.100.7"},
		{"[2001:db8:1:2:3::4]:1", nil, "2001:db8:1:2::/64"},
		{"198.51.100.7:1234", []string{"203.0.113.9"}, "198.51.100.7"}, // nobody's proxy
		{"10.0.0.1:80", []string{"203.0.113.9"}, "203.0.113.9"},
		{"[::ffff:10.0.0.1]:80", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1:80", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"}, // the first may be a lie
		{"10.0.0.1:80", []string{"1.1.1.1", "203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		{"10.0.0.1:80", []string{"203.0.113.9, nonsense"}, "10.0.0.1"},
		{"[fd00::1]:80", []string{"2001:db8:1:2:3::4"}, "2001:db8:1:2::/64"},
		{"10.0.0.1:80", nil, "10.0.0.1"},
		{"10.0.0.1:80", []string{"10.0.0.2"}, "10.0.0.1"},
		{"nonsense", []string{"203.0.113.9"}, "nonsense"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		for _, f := range c.forwarded {
			r.Header.Add("X-Forwarded-For", f)
		}
		if got := w.server.source(r); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.remote, c.forwarded, got, c.want)
		}
	}
}

// Without a trusted proxy, X-Forwarded-For buys nobody another attempt; behind
// one, its clients are told apart.
func TestIL3SourcesBehindAProxy(t *testing.T) {
	guess := func(w *world, account, remote, forwarded string) int {
		a := post(account+"/interlinks/redeem", obj{"name": "x", "authorization_key": newSecret(authorizationKey)})
		return w.do(a.from(remote).with("X-Forwarded-For", forwarded)).status
	}
	for _, trusted := range []bool{false, true} {
		w := newWorld(t, func(c *Config) {
			c.RedeemBurst, c.RedeemEvery = 1, time.Hour
			if trusted {
				c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("192.0.2.80/32")}
			}
		})
		let := 0
		for i := range 2 * sourceTimes {
			account := w.account("Account " + string(rune('a'+i)))
			if guess(w, account, "192.0.2.80:1", netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}).String()) == 404 {
				let++
			}
		}
		if want := map[bool]int{false: sourceTimes, true: 2 * sourceTimes}[trusted]; let != want {
			t.Errorf("trusted %v: %d guesses, want %d", trusted, let, want)
		}
	}
}
