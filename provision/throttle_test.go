package provision

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// An attempt that is refused costs nothing, one that succeeds is given back, and
// neither accounts nor sources share what they have.
func TestThrottleCountsAccountsAndSources(t *testing.T) {
	th := newThrottle(2, time.Hour)
	for range 100 {
		if th.begin("brown", "a") > 0 {
			t.Fatal("a success cost something")
		}
		th.succeed("brown", "a")
	}
	for i := range 5 {
		if wait := th.begin("brown", fmt.Sprint("source ", i)); (wait > 0) != (i >= 2) {
			t.Errorf("failure %d of one account: wait %v", i, wait)
		}
	}
	for i := range 30 {
		if wait := th.begin("smith", "source 3"); (wait > 0) != (i >= 2) {
			t.Errorf("failure %d of another account: wait %v", i, wait)
		}
	}
	th = newThrottle(2, time.Hour)
	failed := 0
	for i := range 100 {
		if wait := th.begin(directory.AccountID(fmt.Sprint(i)), "office"); wait == 0 {
			failed++
		}
	}
	if failed != 2*sourceTimes {
		t.Errorf("%d failures from one source", failed)
	}
	// The accounts that the source was refused for have lost nothing.
	for range 2 {
		if th.begin("99", "elsewhere") > 0 {
			t.Error("an account paid for a refused attempt")
		}
	}
}

// go test -run Guessing -guesses 1000000 makes a million of each sort.
var guesses = flag.Int("guesses", 3000, "how many keys and codes TestIL3Guessing… tries in each of its ways")

// Guesses of keys and codes, well-formed and with the right checksum: none hits,
// and who has the key goes on redeeming. They come from one source by one
// account, from many sources by many accounts, and with nothing to throttle them.
func TestIL3GuessingIsHopelessAndHurtsNobody(t *testing.T) {
	for name, c := range map[string]struct{ accounts, sources, burst int }{
		"one source":   {1, 1, 10},
		"many sources": {50, 10_000, 10},
		"unthrottled":  {1, 1, 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, func(cfg *Config) { cfg.RedeemBurst, cfg.Rate = c.burst, 1_000_000 })
			f := s.federate(s.reseller)
			var guessers []string
			for i := range c.accounts {
				guessers = append(guessers, s.account(fmt.Sprint("Guesser ", i)))
			}
			seen := map[int]int{}
			for i := range *guesses {
				n := i % c.sources
				source := fmt.Sprintf("203.0.%d.%d:%d", n/250, n%250, 1024+i%60_000)
				seen[s.guess(guessers[i%c.accounts], source, i%2 == 1)]++
				if i%(*guesses/10) == 5 {
					s.redeemAndJoin(f)
				}
			}
			t.Logf("%d guesses were answered %v", *guesses, seen)
			if seen[404]+seen[429] != *guesses || seen[404] == 0 {
				t.Error("a guess was answered with something else")
			}
			if throttled := c.burst == 10; throttled != (seen[429] > 0) {
				t.Error("throttled where it should not be, or the other way round")
			}
		})
	}
}

// guess tries a random key, or a code, and returns the status.
func (w *world) guess(account, source string, code bool) int {
	a := post(account+"/interlinks/redeem", obj{"name": "x", "authorization_key": newSecret(authorizationKey)})
	if code {
		a = post(account+"/federation/join", obj{"access_code": newSecret(accessCode)})
	}
	return w.do(a.from(source)).status
}

// redeemAndJoin is what honest people do meanwhile.
func (s *shop) redeemAndJoin(f ring) {
	s.t.Helper()
	path, key := s.offer(s.brown, s.brownAdmin)
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key}).as(s.smithAdmin)).want(201)
	s.do(del(path)).want(204)
	s.do(del(f.asks(s.smith))).want(204)
}

// BenchmarkGuess is what a guess costs behind the API's door, a key and a code
// each, among a thousand that are there: -benchtime 1000000x tries a million of
// each. "unthrottled" looks every one of them up.
func BenchmarkGuess(b *testing.B) {
	for name, c := range map[string]struct{ sources, burst int }{"one source": {1, 10}, "10000 sources": {10_000, 10}, "unthrottled": {1, 1 << 40}} {
		b.Run(name, func(b *testing.B) {
			w := newWorldFor(b, func(cfg *Config) { cfg.RedeemBurst = c.burst })
			brown := w.account("Brown")
			for range 1000 {
				w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
			}
			f := w.federate(brown)
			looked := 0
			for i := 0; b.Loop(); i++ {
				guesser, source := directory.AccountID(fmt.Sprint(i%c.sources)), fmt.Sprint("source ", i%c.sources)
				if w.server.redeems.begin(guesser, source) > 0 {
					continue
				}
				looked++
				hash := w.server.secrets.keyHash(normalizeSecret(authorizationKey, newSecret(authorizationKey)))
				if w.server.view.InterlinkByKey(hash) != nil || w.server.federationByCode(newSecret(accessCode)) != nil {
					b.Fatal("a hit")
				}
			}
			b.ReportMetric(float64(looked), "looked-up")
			if w.server.federationByCode(f.code) == nil || w.server.redeems.begin("an honest account", "its source") > 0 {
				b.Fatal("an honest account is kept out")
			}
		})
	}
}

// No two secrets are alike, a slip is noticed, and a key is no code.
func TestSecretsAreRandomAndChecked(t *testing.T) {
	for _, use := range []secretUse{authorizationKey, accessCode} {
		seen := []string{}
		for range 500 {
			secret := newSecret(use)
			if slices.Contains(seen, secret) {
				t.Fatalf("%s twice", use)
			}
			seen = append(seen, secret)
		}
	}
	key, code := newSecret(authorizationKey), newSecret(accessCode)
	if MistypedKey(key) || MistypedCode(code) || !MistypedKey(code) || !MistypedCode(key) || !MistypedKey(key[1:]) || !MistypedCode("") {
		t.Errorf("key %q, code %q", key, code)
	}
}
