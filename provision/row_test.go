package provision

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// IN1: 1 to 8 digits, * and # allowed, unique in its account, with a label, a
// destination, an enabled flag and private, which is false.
func TestIN1Numbers(t *testing.T) {
	s := newShop(t)
	trunk := s.do(get(s.brown + "/trunks")).want(200).ids("id")[0]
	made := s.number(s.brown, trunk, "2", nil).is("private", false).is("enabled", true).is("label", "")
	s.number(s.brown, trunk, "12345678", obj{"label": "Long", "user": "100", "private": true, "enabled": false}).
		is("label", "Long").is("user", "100").is("private", true).is("enabled", false)
	s.number(s.brown, trunk, "*2#3", nil).is("number", "*2#3")
	for _, bad := range []string{"123456789", "", "12a", "+4930", "2 1", "x2y"} {
		s.do(post(s.brown+"/numbers", obj{"number": bad, "trunk": trunk})).want(422)
	}
	s.do(post(s.brown+"/numbers", obj{"number": "2", "trunk": trunk})).want(409, "number_taken", "/number")
	s.do(post(s.brown+"/numbers", obj{"number": "3"})).want(422, "required", "/trunk")
	others := s.do(get(s.smith + "/trunks")).want(200).ids("id")[0]
	s.do(post(s.brown+"/numbers", obj{"number": "3", "trunk": others})).want(422, "trunk_unknown", "/trunk")
	// Another account can have the same one.
	s.number(s.smith, others, "2", nil)
	s.do(get(made.header.Get("Location"))).want(200).is("number", "2")
}

// IN5: blocks and ranges; the most specific match wins; overlaps are allowed and
// reported.
func TestIN5Ranges(t *testing.T) {
	s := newShop(t)
	trunk := s.do(get(s.brown + "/trunks")).want(200).ids("id")[0]
	goesTo := func(number, user string) {
		t.Helper()
		r := s.do(post("/v1/explain", obj{"account": idIn(s.brown), "dialled": number})).want(200).is("verdict", "route")
		if uri := r.str("target.uri"); !strings.HasPrefix(uri, "sip:"+user+"@") {
			t.Errorf("%s goes to %s, want %s", number, uri, user)
		}
	}
	s.number(s.brown, trunk, "2xxx", obj{"user": "thousand"})
	s.number(s.brown, trunk, "20xx", obj{"user": "hundred"})
	made := s.number(s.brown, trunk, "2040-2059", obj{"user": "twenty"})
	s.number(s.brown, trunk, "2045", obj{"user": "one"})
	goesTo("2999", "thousand")
	goesTo("2001", "hundred")
	goesTo("2040", "twenty")
	goesTo("2059", "twenty")
	goesTo("2060", "hundred")
	goesTo("2045", "one")
	if overlaps, _ := made.field("overlaps").([]any); len(overlaps) != 2 {
		t.Errorf("the answer names %v", made.field("overlaps"))
	}
	s.dials(s.brown, "20011", "", "number_not_found")
}

// IL3: one key links one pair; a spent, expired, deleted or wrong key links
// nothing, and the four look alike; two uses at once link exactly one.
func TestIL3OneKeyOnePair(t *testing.T) {
	synctest.Test(t, oneKeyOnePair) // a key's expiry is waited for
}

func oneKeyOnePair(t *testing.T) {
	s := newShop(t, func(c *Config) { c.RedeemBurst = 1000 })
	key := func(more obj) (path, key string) {
		body := obj{"name": "N"}
		for k, v := range more {
			body[k] = v
		}
		r := s.do(post(s.brown+"/interlinks", body)).want(201)
		return r.header.Get("Location"), r.str("authorization_key")
	}
	use := func(account, key string) asked {
		return post(account+"/interlinks/redeem", obj{"name": "N", "authorization_key": key}).with(requestIDHeader, "same")
	}
	_, spent := key(nil)
	deletedPath, deleted := key(nil)
	_, expired := key(obj{"expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
	s.do(use(s.smith, spent)).want(201).is("status", "active")
	s.do(del(deletedPath)).want(204)
	time.Sleep(2 * time.Hour) // on the bubble's clock: the key expires
	seq := s.store.seq
	first := s.do(use(s.andrews, "0000-0000-0000-0000-0000-0000-0000-0000")).want(404, "key_unknown")
	for _, k := range []string{spent, deleted, expired, "nonsense", spent[:len(spent)-1]} {
		alike(t, "a dead key", s.do(use(s.andrews, k)), first)
	}
	if s.store.seq != seq {
		t.Error("a dead key wrote something")
	}
	_, open := key(nil)
	statuses := make([]int, 12)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.do(use([]string{s.andrews, s.foreign}[i%2], open)).status })
	}
	all.Wait()
	slices.Sort(statuses)
	if want := append([]int{201}, slices.Repeat([]int{404}, 11)...); !slices.Equal(statuses, want) {
		t.Errorf("statuses %v", statuses)
	}
}

// AC4: the list shows per account what a portal's table needs, and filters, sorts
// and pages.
func TestAC4ListView(t *testing.T) {
	s := newShop(t)
	provider := s.provider("Carrier", 10)
	s.do(put(s.brown+"/provider", obj{"provider": idIn(provider)})).want(200)
	s.do(put(s.brown+"/limits", obj{"inbound_trunks": 1, "outbound_trunks": 2, "twoway_trunks": 3, "burst_trunks": 0})).want(200)
	s.call(1, s.brown, s.smith)
	s.do(change(s.andrews, obj{"enabled": false})).want(200)
	items := s.do(get("/v1/accounts?parent=" + idIn(s.reseller) + "&sort=name").as(s.partner)).want(200).field("items").([]any)
	if len(items) != 3 {
		t.Fatalf("%d accounts", len(items))
	}
	andrews, brown := items[0].(obj), items[1].(obj)
	if andrews["status"] != "inactive" || brown["status"] != "active" || brown["name"] != "Brown" || !strings.HasSuffix(brown["realm"].(string), ".interlink.invalid") {
		t.Errorf("%v\n%v", andrews, brown)
	}
	if brown["provider"] != "Carrier" {
		t.Errorf("provider %v", brown["provider"])
	}
	if lines := brown["lines"].(obj); lines["used"] != 1.0 || lines["allowed"] != 6.0 {
		t.Errorf("lines %v", lines)
	}
	for _, column := range []string{"last_login", "last_call", "last_sync"} {
		if v, there := brown[column]; !there || v != nil {
			t.Errorf("%s is %v, there %v", column, v, there)
		}
	}
	for query, want := range map[string]string{
		"status=inactive": "[Andrews]", "q=bro": "[Brown]", "sort=-name&parent=" + idIn(s.reseller): "[Smith Brown Andrews]",
	} {
		if got := s.do(get("/v1/accounts?" + query).as(s.partner)).want(200).ids("name"); fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
	var paged []string
	for next := ""; ; {
		r := s.do(get("/v1/accounts?limit=1&sort=name" + next).as(s.partner)).want(200)
		paged = append(paged, r.ids("name")...)
		if r.body["next"] == nil {
			break
		}
		next = "&cursor=" + r.str("next")
	}
	if fmt.Sprint(paged) != "[Andrews Brown Reseller Smith]" {
		t.Errorf("pages %v", paged)
	}
}
