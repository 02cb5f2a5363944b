package provision

import (
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
	if th.begin("99", "elsewhere") > 0 || th.begin("99", "elsewhere") > 0 {
		t.Error("an account paid for a refused attempt")
	}
}

// Guesses of keys and codes, well-formed and with the right checksum, from one
// source and from many: none hits, and who has the key redeems it meanwhile.
func TestIL3GuessingIsHopelessAndHurtsNobody(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller)
	const guesses, sources = 4000, 400
	for _, many := range []bool{false, true} {
		hits, let := 0, 0
		for i := range guesses {
			source := "198.51.100.7:1000"
			if many {
				n := i % sources
				source = fmt.Sprintf("203.0.%d.%d:%d", n/200, n%200, 1024+i)
			}
			a := post(s.foreign+"/interlinks/redeem", obj{"name": "x", "authorization_key": newSecret(authorizationKey)})
			if i%2 == 1 {
				a = post(s.foreign+"/federation/join", obj{"access_code": newSecret(accessCode)})
			}
			switch s.do(a.from(source)).status {
			case 404:
				let++
			case 429:
			default:
				hits++
			}
			if i%1000 == 500 {
				key := s.do(post(s.brown+"/interlinks", obj{"name": "x"})).want(201)
				s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key.str("authorization_key")})).want(201)
				s.do(del(key.header.Get("Location"))).want(204)
				request := f.asks(s.smith)
				s.do(del(request)).want(204)
			}
		}
		if hits > 0 || let > guesses/10 || !many && let < 10 {
			t.Errorf("many sources %v: %d hits, %d of %d guesses were looked at", many, hits, let, guesses)
		}
	}
}

// BenchmarkGuess is what one guess of a key costs where nothing throttles it.
func BenchmarkGuess(b *testing.B) {
	w := newWorldFor(b)
	brown := w.account("Brown")
	for range 1000 {
		w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
	}
	key := newSecret(authorizationKey)
	for b.Loop() {
		if w.server.view.InterlinkByKey(w.server.secrets.keyHash(normalizeSecret(authorizationKey, key))) != nil {
			b.Fatal("a hit")
		}
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
