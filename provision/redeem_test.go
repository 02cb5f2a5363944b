package provision

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Wrong, spent, expired and deleted keys answer alike, to the octet but for the
// request's id.
func TestKeysThatLinkNothingLookAlike(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.RedeemBurst = 100 })
	brown, smith, andrews := w.account("Brown"), w.account("Smith"), w.account("Andrews")
	w.link(brown, smith)
	spent := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201).str("authorization_key")
	w.do(post(andrews+"/interlinks/redeem", obj{"name": "x", "authorization_key": spent})).want(201)
	deleted := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
	w.do(del(deleted.header.Get("Location"))).want(204)
	expired := w.do(post(brown+"/interlinks", obj{"name": "x", "expires_at": time.Now().Add(time.Hour)})).want(201)
	w.expire(t, directory.InterlinkID(expired.str("id")))
	w.do(get(expired.header.Get("Location"))).want(200).is("status", "pending")
	if contains(w.do(get(expired.header.Get("Location"))).text, "authorization_key") {
		t.Error("an expired key is still shown")
	}
	var first *reply
	for _, key := range []string{
		spent, deleted.str("authorization_key"), expired.str("authorization_key"), newSecret(authorizationKey),
		"", "nonsense", strings.Repeat("A", 128), strings.Repeat("0", 32), "ÄÖÜ-\u0000", "7M3K-Q9XW-2ZPA-R5TN-0HJC-8VBD-6YEF-4GSM",
	} {
		for _, query := range []string{"", "?dry_run=true"} {
			r := w.do(post(andrews+"/interlinks/redeem"+query, obj{"name": "x", "authorization_key": key}).with(requestIDHeader, "same")).
				want(404, "key_unknown", "/authorization_key")
			if first == nil {
				first = r
			}
			if r.text != first.text || len(r.header) != len(first.header) {
				t.Errorf("%q looks different:\n%s\n%s", key, r.text, first.text)
			}
		}
	}
}

// expire lets a pending key's time run out.
func (w *world) expire(t *testing.T, id directory.InterlinkID) {
	t.Helper()
	before := w.store.view.Interlink(id)
	after := *before
	after.ExpiresAt = time.Now().Add(-time.Second)
	if err := w.store.Apply(t.Context(), directory.Actor{}, directory.Replace(before, &after)); err != nil {
		t.Fatal(err)
	}
}

func TestKeysAreForgivingToTypists(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	for i, typed := range []func(string) string{
		strings.ToLower,
		func(k string) string { return strings.ReplaceAll(k, "-", " ") },
		func(k string) string { return " " + strings.ReplaceAll(k, "-", "") + "\n" },
		func(k string) string { return strings.NewReplacer("0", "O", "1", "l").Replace(k) },
	} {
		key := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201).str("authorization_key")
		other := w.account("Other " + string(rune('a'+i)))
		w.do(post(other+"/interlinks/redeem", obj{"name": "x", "authorization_key": typed(key)})).want(201)
	}
}

func TestAuthorizationKeysAreRandomAndChecked(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		key := newSecret(authorizationKey)
		if seen[key] || normalizeSecret(authorizationKey, key) != strings.ReplaceAll(key, "-", "") {
			t.Fatalf("key %q", key)
		}
		seen[key] = true
	}
	// One wrong symbol is noticed, but for one case in about a million.
	key, missed := []byte(strings.ReplaceAll(newSecret(authorizationKey), "-", "")), 0
	for i := range key {
		for _, c := range []byte(keySymbols) {
			old := key[i]
			if key[i] = c; c != old && normalizeSecret(authorizationKey, string(key)) != "" {
				missed++
			}
			key[i] = old
		}
	}
	if missed > 1 {
		t.Errorf("%d slips unnoticed", missed)
	}
}

func TestLinkToSelfAndTwice(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	own := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
	for _, query := range []string{"?dry_run=true", ""} {
		w.do(post(brown+"/interlinks/redeem"+query, obj{"name": "x", "authorization_key": own.str("authorization_key")})).want(409, "link_to_self")
	}
	w.do(get(own.header.Get("Location"))).is("status", "pending")
	w.link(smith, brown)
	for _, query := range []string{"?dry_run=true", ""} {
		w.do(post(smith+"/interlinks/redeem"+query, obj{"name": "x", "authorization_key": own.str("authorization_key")})).want(409, "already_linked")
	}
	// The pair may form at the last moment, by another key.
	andrews := w.account("Andrews")
	w.store.before = func() { w.link(andrews, brown) }
	w.do(post(andrews+"/interlinks/redeem", obj{"name": "x", "authorization_key": own.str("authorization_key")})).want(409, "already_linked")
}

func TestSimultaneousRedeemsLinkOne(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	const rivals = 12
	var others []string
	for i := range rivals {
		others = append(others, w.account("Rival "+string(rune('a'+i))))
	}
	made := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
	replies := make([]*reply, rivals)
	var all sync.WaitGroup
	for i, other := range others {
		all.Go(func() {
			replies[i] = w.do(post(other+"/interlinks/redeem", obj{"name": "x", "authorization_key": made.str("authorization_key")}).with(requestIDHeader, "same"))
		})
	}
	all.Wait()
	won := 0
	var lost *reply
	for _, r := range replies {
		if r.status == 201 {
			won++
			continue
		}
		r.want(404, "key_unknown")
		if lost != nil && lost.text != r.text {
			t.Error("the losers' answers differ")
		}
		lost = r
	}
	if won != 1 {
		t.Fatalf("%d won", won)
	}
	w.do(get(made.header.Get("Location"))).want(200).is("status", "active")
}

// A rename while the key is redeemed is no reason to lose it.
func TestRedeemWhileTheCreatorRenames(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	made := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201)
	w.store.before = func() { w.do(change(made.header.Get("Location"), obj{"name": "renamed"})).want(200) }
	w.do(post(smith+"/interlinks/redeem", obj{"name": "y", "authorization_key": made.str("authorization_key")})).want(201)
	w.do(get(made.header.Get("Location"))).is("name", "renamed").is("status", "active")
}

func TestRedeemIsThrottled(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.RedeemBurst, c.RedeemEvery = 3, time.Hour })
	brown, smith, andrews := w.account("Brown"), w.account("Smith"), w.account("Andrews")
	guess := func(account string) *reply {
		return w.do(post(account+"/interlinks/redeem", obj{"name": "x", "authorization_key": newSecret(authorizationKey)}))
	}
	// Successes cost nothing.
	for i := range 5 {
		w.link(w.account("Peer "+string(rune('a'+i))), smith)
	}
	var all sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		all.Go(func() { statuses[i] = guess(smith).status })
	}
	all.Wait()
	slices.Sort(statuses)
	if statuses[2] != 404 || statuses[3] != 429 {
		t.Fatalf("statuses %v", statuses)
	}
	key := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201).str("authorization_key")
	r := w.do(post(smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key})).want(429, "redeem_throttled")
	if r.header.Get("Retry-After") == "" || r.header.Get("Retry-After") == "0" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	w.do(post(andrews+"/interlinks/redeem", obj{"name": "x", "authorization_key": key})).want(201)
}

func TestCollisionReport(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	bt, st := w.trunk(brown, "192.0.2.1"), w.trunk(smith, "192.0.2.2")
	for n, more := range map[string]obj{"2001": nil, "2002": {"private": true}, "2003": {"enabled": false}, "3000-3099": nil, "4001": nil, "51xx": nil} {
		w.number(brown, bt, n, more)
	}
	for n, more := range map[string]obj{"2001": {"private": true}, "2002": nil, "2003": nil, "30x5": nil, "40xx": nil, "5150": nil, "9": nil} {
		w.number(smith, st, n, more)
	}
	key := w.do(post(brown+"/interlinks", obj{"name": "x"})).want(201).str("authorization_key")
	r := w.do(post(smith+"/interlinks/redeem?dry_run=true", obj{"name": "y", "authorization_key": key})).want(200).is("peer.name", "Brown")
	var got []string
	for _, c := range r.field("collisions").([]any) {
		o := c.(obj)
		got = append(got, o["number"].(string)+"="+o["ours"].(string)+"/"+o["theirs"].(string))
	}
	slices.Sort(got)
	// Brown's 2002 is private and 2003 disabled: Smith learns of neither.
	want := []string{"2001=2001/2001", "30x5=30x5/3000-3099", "4001=40xx/4001", "5150=5150/51xx"}
	if !slices.Equal(got, want) {
		t.Errorf("collisions %v, want %v", got, want)
	}
	w.do(get(brown+"/interlinks")).is("items.0.status", "pending")
}
