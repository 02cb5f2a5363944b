package provision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// offer generates a key as a principal, and returns the interlink's path and the
// key.
func (w *world) offer(account, token string) (path, key string) {
	w.t.Helper()
	made := w.do(post(account+"/interlinks", obj{"name": "to the other"}).as(token)).want(201)
	return made.header.Get("Location"), made.str("authorization_key")
}

func TestIL1KeyIsItsCreatorsWhilePending(t *testing.T) {
	s := newShop(t)
	path, key := s.offer(s.brown, s.brownAdmin)
	s.do(post(s.brown+"/interlinks", obj{}).as(s.brownAdmin)).want(422, "required", "/name")
	s.do(get(path).as(s.brownAdmin)).want(200).is("status", "pending").is("authorization_key", key).is("expired", false)
	// Who may not write does not read the key; who is not Brown reads nothing.
	read := s.do(post(s.brown+"/tokens", obj{"name": "r", "scopes": []string{"interlinks.read"}})).want(201).str("token")
	if r := s.do(get(path).as(read)).want(200); contains(r.text, "authorization_key") {
		t.Errorf("a reader reads the key: %s", r.text)
	}
	s.do(get(path).as(s.plain(s.brown))).want(403, "forbidden")
	s.do(get(path).as(s.smithAdmin)).want(404, "not_found")
	s.do(get(s.smith+"/interlinks/"+idIn(path)).as(s.smithAdmin)).want(404, "not_found")
	// Linked, nobody reads it any more.
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "Brown", "authorization_key": key}).as(s.smithAdmin)).want(201)
	for _, a := range []asked{get(path).as(s.brownAdmin), get(s.smith + "/interlinks/" + idIn(path)).as(s.smithAdmin), get(path)} {
		if r := s.do(a).want(200); contains(r.text, "authorization_key") || contains(r.text, key) {
			t.Errorf("the key can still be read: %s", r.text)
		}
	}
	// A key can carry an expiry, which the list shows.
	made := s.do(post(s.brown+"/interlinks", obj{"name": "x", "expires_at": time.Now().Add(time.Hour)}).as(s.brownAdmin)).want(201).is("expired", false)
	s.expire(t, directory.InterlinkID(made.str("id")))
	list := s.do(get(s.brown + "/interlinks").as(s.brownAdmin)).want(200)
	list.is("items.1.status", "pending").is("items.1.expired", true).is("items.0.expired", false)
	if r := s.do(get(made.header.Get("Location")).as(s.brownAdmin)).want(200).is("expired", true); contains(r.text, "authorization_key") {
		t.Error("an expired key is shown")
	}
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": made.str("authorization_key")}).as(s.smithAdmin)).want(404, "key_unknown")
}

// Both administrators see the link become active at once, on whatever node they
// ask: two servers follow one store.
func TestIL2ActiveOnBothSidesAtOnce(t *testing.T) {
	s := newShop(t)
	other := *s.world
	other.server = s.another()
	path, key := s.offer(s.brown, s.brownAdmin)
	other.do(get(path).as(s.brownAdmin)).want(200).is("status", "pending").is("authorization_key", key)
	other.do(post(s.smith+"/interlinks/redeem", obj{"name": "Brown's", "authorization_key": key}).as(s.smithAdmin)).want(201).is("status", "active").is("peer.name", "Brown")
	for _, node := range []*world{s.world, &other} {
		node.do(get(path).as(s.brownAdmin)).want(200).is("status", "active").is("name", "to the other").is("peer.name", "Smith")
		node.do(get(s.smith+"/interlinks").as(s.smithAdmin)).want(200).is("items.0.status", "active").is("items.0.name", "Brown's")
		node.dials(s.brown, "2001", "Smith", "")
		node.dials(s.smith, "1001", "Brown", "")
	}
	// So with suspending and the end.
	s.do(change(path, obj{"suspended": true}).as(s.brownAdmin)).want(200)
	other.do(get(s.smith+"/interlinks").as(s.smithAdmin)).want(200).is("items.0.status", "suspended").is("items.0.suspended", false)
	other.do(del(s.smith + "/interlinks/" + idIn(path)).as(s.smithAdmin)).want(204)
	s.do(get(path).as(s.brownAdmin)).want(404, "not_found")
}

// another is a second server on the same store.
func (w *world) another() *Server {
	w.t.Helper()
	cfg := w.server.cfg
	server, err := New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return server
}

func TestIL4IL5EachSideItsOwnName(t *testing.T) {
	s := newShop(t)
	path, key := s.offer(s.brown, s.brownAdmin)
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "Brown's", "authorization_key": key}).as(s.smithAdmin)).want(201)
	mine := s.smith + "/interlinks/" + idIn(path)
	before := s.do(get(mine).as(s.smithAdmin)).want(200)
	s.do(change(path, obj{"name": "renamed", "priority": 4}).as(s.brownAdmin)).want(200)
	if after := s.do(get(mine).as(s.smithAdmin)).want(200); after.text != before.text || after.etag() != before.etag() {
		t.Errorf("Smith sees Brown's edit: %s", after.text)
	}
	// Neither reaches the other's side of it.
	s.do(change(mine, obj{"name": "x"}).as(s.brownAdmin)).want(404, "not_found")
	s.do(del(mine).as(s.brownAdmin)).want(404, "not_found")
	s.do(del(mine).as(s.smithAdmin)).want(204)
	s.do(get(path).as(s.brownAdmin)).want(404, "not_found")
	s.dials(s.brown, "2001", "", "number_not_found")
	// A pending one's key dies with it.
	path, key = s.offer(s.brown, s.brownAdmin)
	s.do(del(path).as(s.brownAdmin)).want(204)
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key}).as(s.smithAdmin)).want(404, "key_unknown")
}

// Brown–Smith and Brown–Andrews give Smith and Andrews nothing: no calls, no
// listing, no way to learn that the other exists.
func TestIL6NotTransitive(t *testing.T) {
	s := newShop(t)
	onBrown, _ := s.link(s.brown, s.smith)
	toAndrews, _ := s.link(s.brown, s.andrews)
	s.dials(s.smith, "3001", "", "number_not_found")
	s.dials(s.andrews, "2001", "", "number_not_found")
	s.dials(s.brown, "3001", "Andrews", "")
	secret := []string{"Andrews", idIn(s.andrews), idIn(toAndrews)}
	for _, path := range []string{"", "/interlinks", "/numbers", "/calls", "/call-log", "/capacity", "/federation", "/interlinks/" + idIn(onBrown)} {
		r := s.do(get(s.smith + path).as(s.smithAdmin)).want(200)
		if i := slices.IndexFunc(secret, func(x string) bool { return strings.Contains(r.text, x) }); i >= 0 {
			t.Errorf("Smith reads %s in %s: %s", secret[i], path, r.text)
		}
	}
	// The foreign link and one that does not exist answer alike.
	real := s.do(get(s.smith+"/interlinks/"+idIn(toAndrews)).as(s.smithAdmin).with(requestIDHeader, "same")).want(404)
	none := s.do(get(s.smith+"/interlinks/lnk_nobody").as(s.smithAdmin).with(requestIDHeader, "same")).want(404)
	if real.text != none.text {
		t.Errorf("%s\n%s", real.text, none.text)
	}
	steps := s.do(post("/v1/explain", obj{"account": idIn(s.smith), "dialled": "3001"}).as(s.smithAdmin)).want(200)
	if contains(steps.text, "Andrews") {
		t.Errorf("explain tells: %s", steps.text)
	}
	// Dialling Brown's prefix for Andrews from Smith leads nowhere.
	s.do(change(toAndrews, obj{"prefix": "8"})).want(200)
	s.dials(s.smith, "83001", "", "number_not_found")
}

func TestIL7ManyInterlinksNoneTwice(t *testing.T) {
	s := newShop(t)
	keys := map[string]bool{}
	for range 20 {
		_, key := s.offer(s.brown, s.brownAdmin)
		keys[key] = true
	}
	if len(keys) != 20 {
		t.Errorf("%d keys", len(keys))
	}
	_, key := s.offer(s.brown, s.brownAdmin)
	s.do(post(s.brown+"/interlinks/redeem", obj{"name": "x", "authorization_key": key}).as(s.brownAdmin)).want(409, "link_to_self")
	s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key}).as(s.smithAdmin)).want(201)
	for key := range keys {
		s.do(post(s.smith+"/interlinks/redeem", obj{"name": "x", "authorization_key": key}).as(s.smithAdmin)).want(409, "already_linked")
		break
	}
	_, back := s.offer(s.smith, s.smithAdmin)
	s.do(post(s.brown+"/interlinks/redeem", obj{"name": "x", "authorization_key": back}).as(s.brownAdmin)).want(409, "already_linked")
}

func TestIL8SuspendResumePrefix(t *testing.T) {
	s := newShop(t)
	onBrown, onSmith := s.link(s.brown, s.smith)
	for _, side := range []struct{ path, token string }{{onBrown, s.brownAdmin}, {onSmith, s.smithAdmin}} {
		s.do(change(side.path, obj{"suspended": true}).as(side.token)).want(200).is("status", "suspended").is("suspended", true)
		s.dials(s.brown, "2001", "", "number_not_found")
		s.dials(s.smith, "1001", "", "number_not_found")
		s.do(get(onBrown).as(s.brownAdmin)).want(200).is("status", "suspended")
		s.do(change(side.path, obj{"suspended": false}).as(side.token)).want(200).is("status", "active")
		s.dials(s.brown, "2001", "Smith", "")
	}
	// Brown's own 2001 shadows Smith's; the prefix reaches it, on Brown's side only.
	s.number(s.brown, s.trunk(s.brown, "192.0.2.11"), "2001", nil)
	s.dials(s.brown, "2001", "Brown", "")
	s.do(change(onBrown, obj{"prefix": "9"}).as(s.brownAdmin)).want(200)
	s.dials(s.brown, "92001", "Smith", "")
	s.dials(s.smith, "91001", "", "number_not_found")
	s.do(get(onSmith).as(s.smithAdmin)).want(200).is("prefix", nil)
}

func TestIL9CollisionsBeforeRedeeming(t *testing.T) {
	s := newShop(t)
	trunk := s.trunk(s.smith, "192.0.2.12")
	s.number(s.smith, trunk, "10xx", nil)
	s.number(s.brown, s.trunk(s.brown, "192.0.2.11"), "1002", obj{"private": true})
	_, key := s.offer(s.brown, s.brownAdmin)
	body := obj{"name": "x", "authorization_key": key}
	seq := s.store.seq
	r := s.do(post(s.smith+"/interlinks/redeem?dry_run=true", body).as(s.smithAdmin)).want(200).is("peer.name", "Brown")
	r.is("collisions.0.number", "1001").is("collisions.0.ours", "10xx").is("collisions.0.theirs", "1001")
	if contains(r.text, "1002") || len(r.field("collisions").([]any)) != 1 {
		t.Errorf("Smith learns of Brown's private number: %s", r.text)
	}
	if s.store.seq != seq {
		t.Error("the report wrote something")
	}
	s.do(post(s.smith+"/interlinks/redeem", body).as(s.smithAdmin)).want(201)
}

// An applicant learns nothing of the members' numbers; the owner who decides
// learns how many collide, not which.
func TestFE2CollisionsAreTheOwnersToWeigh(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown)
	s.number(s.smith, s.trunk(s.smith, "192.0.2.12"), "10xx", nil)
	dry := s.do(post(s.smith+"/federation/join?dry_run=true", obj{"access_code": f.code}).as(s.smithAdmin)).want(200).is("federation.name", "Ring")
	if contains(dry.text, "collisions") || contains(dry.text, "Brown") || contains(dry.text, "1001") {
		t.Errorf("the applicant learns: %s", dry.text)
	}
	request := f.asks(s.smith)
	r := s.do(post(request+"/accept?dry_run=true", nil).as(s.partner)).want(200).is("collisions.0.member.name", "Brown").is("collisions.0.count", 1)
	if contains(r.text, "1001") || contains(r.text, "10xx") {
		t.Errorf("the report names numbers: %s", r.text)
	}
	s.do(get(request)).is("status", "pending")
	if r := s.do(post(request+"/accept", nil).as(s.partner)).want(200); contains(r.text, "collisions") {
		t.Errorf("accepted: %s", r.text)
	}
}
