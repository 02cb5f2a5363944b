package provision

import (
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

func TestInterlinkLife(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	made := w.do(post(brown+"/interlinks", obj{"name": "to Smith"})).want(201).
		is("name", "to Smith").is("status", "pending").is("peer", nil).is("priority", nil).is("prefix", nil).
		is("suspended", false).is("linked_at", nil).is("expires_at", nil).is("version", 1)
	key, onBrown := made.str("authorization_key"), made.header.Get("Location")
	if len(key) != 39 || strings.Count(key, "-") != 7 {
		t.Errorf("key %q", key)
	}
	w.do(get(onBrown)).want(200).is("authorization_key", key)
	if contains(w.do(get(brown+"/interlinks")).want(200).text, "authorization_key") {
		t.Error("the list shows the key")
	}
	redeemed := w.do(post(smith+"/interlinks/redeem", obj{"name": "to Brown", "authorization_key": key})).want(201).
		is("name", "to Brown").is("status", "active").is("peer.name", "Brown").is("id", made.str("id")).is("version", 1)
	onSmith := redeemed.header.Get("Location")
	r := w.do(get(onBrown)).want(200).is("name", "to Smith").is("status", "active").is("peer.name", "Smith").is("version", 2)
	if contains(r.text, "authorization_key") || contains(r.text, string(idOf(smith))) || contains(r.text, "to Brown") {
		t.Errorf("Brown sees too much: %s", r.text)
	}
	if r = w.do(get(onSmith)).want(200); contains(r.text, string(idOf(brown))) || contains(r.text, "to Smith") {
		t.Errorf("Smith sees too much: %s", r.text)
	}
	for _, o := range w.store.objects {
		if l, ok := o.(*directory.Interlink); ok && l.Secret != (directory.InterlinkSecret{}) {
			t.Error("the spent key is still kept")
		}
	}
	w.do(del(onSmith)).want(204)
	w.do(get(onBrown)).want(404, "not_found")
	w.do(get(onSmith)).want(404, "not_found")
	// Linked, deleted and linked again.
	w.link(smith, brown)
}

func TestKeyIsKeptSealed(t *testing.T) {
	w := newWorld(t)
	key := w.do(post(w.account("Brown")+"/interlinks", obj{"name": "x"})).want(201).str("authorization_key")
	for _, o := range w.store.objects {
		l, ok := o.(*directory.Interlink)
		if !ok {
			continue
		}
		if text := l.Secret.KeyHash + l.Secret.KeySealed; contains(text, key) || contains(text, normalizeSecret(authorizationKey, key)) || l.Secret.KeyHash == "" || l.Secret.KeySealed == "" {
			t.Errorf("secret %+v", l.Secret)
		}
	}
}

// A side's view and ETag change by its own hand, and by the other's only where
// the link begins or ceases to work.
func TestSidesAreTheirOwn(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	onBrown, onSmith := w.link(brown, smith)
	before := w.do(get(onSmith)).want(200)
	w.do(change(onBrown, obj{"name": "renamed", "priority": 3, "prefix": "*7"})).want(200).is("name", "renamed").is("priority", 3).is("prefix", "*7")
	after := w.do(get(onSmith)).want(200)
	if before.text != after.text || before.etag() != after.etag() {
		t.Errorf("Smith saw Brown's edit:\n%s %s\n%s %s", before.etag(), before.text, after.etag(), after.text)
	}
	// Smith's ETag from before still works, on top of Brown's write.
	w.do(change(onSmith, obj{"name": "mine"}).match(before.etag())).want(200).is("name", "mine")
	w.do(get(onBrown)).is("name", "renamed").is("priority", 3)

	tag := w.do(get(onSmith)).etag()
	w.do(change(onBrown, obj{"suspended": true})).want(200).is("status", "suspended").is("suspended", true)
	r := w.do(get(onSmith)).want(200).is("status", "suspended").is("suspended", false)
	if r.etag() == tag {
		t.Error("the suspension did not change Smith's ETag")
	}
	w.do(change(onSmith, obj{"suspended": true}).match(tag)).want(412, "stale")
	// Both suspend; one alone resumes: still suspended, and nothing new for Smith.
	w.do(change(onSmith, obj{"suspended": true})).want(200)
	tag = w.do(get(onSmith)).etag()
	w.do(change(onBrown, obj{"suspended": nil})).want(200).is("status", "suspended")
	if w.do(get(onSmith)).etag() != tag {
		t.Error("Smith's ETag changed for nothing")
	}
	w.do(change(onSmith, obj{"suspended": false})).want(200).is("status", "active")
	w.do(change(onBrown, obj{"priority": nil, "prefix": nil})).want(200).is("priority", nil).is("prefix", nil)
}

// The other side's write at the very moment is no conflict.
func TestSidesWriteAtOnce(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	onBrown, onSmith := w.link(brown, smith)
	tag := w.do(get(onBrown)).etag()
	w.store.before = func() { w.do(change(onSmith, obj{"name": "theirs"})).want(200) }
	w.do(change(onBrown, obj{"name": "ours"}).match(tag)).want(200).is("name", "ours")
	w.do(get(onSmith)).is("name", "theirs")
	tag = w.do(get(onBrown)).etag()
	w.store.before = func() { w.do(change(onSmith, obj{"name": "again"})).want(200) }
	w.do(del(onBrown).match(tag)).want(204)
	w.do(get(onSmith)).want(404)
}

func TestInterlinkIsRefused(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	onBrown, _ := w.link(brown, smith)
	for _, c := range []struct {
		member        string
		value         any
		code, pointer string
	}{
		{"name", " ", "name_required", "/name"}, {"name", nil, "name_required", "/name"},
		{"priority", 0, "priority_out_of_range", "/priority"}, {"priority", 101, "priority_out_of_range", "/priority"},
		{"priority", -1, "priority_out_of_range", "/priority"}, {"priority", 1.5, "invalid", "/priority"},
		{"prefix", "12345", "prefix_invalid", "/prefix"}, {"prefix", "7a", "prefix_invalid", "/prefix"},
		{"status", "active", "unknown_field", "/status"}, {"peer", nil, "unknown_field", "/peer"},
	} {
		w.do(change(onBrown, obj{c.member: c.value})).want(422, c.code, c.pointer)
	}
	for _, c := range []struct {
		body          obj
		code, pointer string
	}{
		{obj{}, "required", "/name"},
		{obj{"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "expiry_past", "/expires_at"},
		{obj{"name": "x", "expires_at": "0001-01-01T00:00:00Z"}, "expiry_past", "/expires_at"},
		{obj{"name": "x", "expires_at": "tomorrow"}, "invalid", "/expires_at"},
		{obj{"name": "x", "expires_at": 5}, "invalid", "/expires_at"},
	} {
		w.do(post(brown+"/interlinks", c.body)).want(422, c.code, c.pointer)
	}
}

// Brown–Smith and Brown–Andrews give Smith and Andrews nothing (IL6).
func TestInterlinksAreNotTransitive(t *testing.T) {
	w := newWorld(t)
	brown, smith, andrews := w.account("Brown"), w.account("Smith"), w.account("Andrews")
	onBrown, onSmith := w.link(brown, smith)
	w.link(brown, andrews)
	w.number(andrews, w.trunk(andrews, "192.0.2.3"), "3001", nil)
	r := w.do(get(smith + "/interlinks")).want(200)
	if len(r.ids("id")) != 1 || contains(r.text, "Andrews") || contains(r.text, string(idOf(andrews))) {
		t.Errorf("Smith learns of Andrews: %s", r.text)
	}
	other := strings.Replace(onBrown, string(idOf(brown)), string(idOf(andrews)), 1)
	w.do(get(other)).want(404, "not_found")
	w.do(change(other, obj{"name": "mine"})).want(404, "not_found")
	w.do(del(other)).want(404, "not_found")
	w.do(get(onSmith)).want(200)
	w.do(post("/v1/explain", obj{"account": idOf(smith), "dialled": "3001"})).want(200).is("verdict", "refuse").is("reason", "number_not_found")
	w.do(post("/v1/explain", obj{"account": idOf(brown), "dialled": "3001"})).want(200).is("verdict", "route")
}
