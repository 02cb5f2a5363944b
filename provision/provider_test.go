package provision

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// provider creates a voice provider and returns its path.
func (w *world) provider(name string, capacity int) string {
	w.t.Helper()
	return "/v1/providers/" + w.do(post("/v1/providers", obj{"name": name, "capacity": capacity})).want(201).str("id")
}

func TestSU1Providers(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	partner, admin, user := w.admin(w.account("Reseller")), w.admin(brown), w.plain(brown)
	r := w.do(post("/v1/providers", obj{"name": "Carrier", "login_url": "https://portal.example.com", "capacity": 10})).want(201).
		is("name", "Carrier").is("login_url", "https://portal.example.com").is("capacity", 10).is("version", 1)
	carrier := "/v1/providers/" + r.str("id")
	w.do(post("/v1/providers", obj{"name": "Small"})).want(201).is("login_url", nil).is("capacity", -1)
	w.do(post("/v1/providers", obj{"name": "CARRIER"})).want(409, "provider_taken", "/name")
	w.do(post("/v1/providers", obj{"name": "Other", "login_url": "ftp://x"})).want(422, "url_invalid", "/login_url")
	w.do(post("/v1/providers", obj{"name": "Other", "capacity": -2})).want(422, "invalid", "/capacity")

	// Staff writes, everybody reads.
	for _, token := range []string{partner, admin, user} {
		w.do(get(carrier).as(token)).want(200).is("name", "Carrier")
		w.do(get("/v1/providers?limit=1").as(token)).want(200).is("items.0.name", "Carrier")
		w.do(post("/v1/providers", obj{"name": "Mine"}).as(token)).want(403, "forbidden")
		w.do(change(carrier, obj{"name": "Mine"}).as(token)).want(403, "forbidden")
		w.do(del(carrier).as(token)).want(403, "forbidden")
	}
	w.do(change(carrier, obj{"name": "Carrier One", "login_url": nil, "capacity": nil})).want(200).
		is("name", "Carrier One").is("login_url", nil).is("capacity", -1).is("version", 2)

	// It stays while an account is connected through it.
	w.do(put(brown+"/provider", obj{"provider": idIn(carrier)})).want(200)
	w.do(del(carrier)).want(409, "in_use")
	w.do(put(brown+"/provider", obj{"provider": nil, "confirm": true})).want(200).is("provider", nil).is("version", 0)
	w.do(del(carrier)).want(204)
	w.do(get(carrier)).want(404, "not_found")
}

func TestSU1ChangeWipesWhenConfirmed(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	partner, admin := w.admin(reseller), w.admin(brown)
	one, two := idIn(w.provider("One", 10)), idIn(w.provider("Two", 10))
	trunk := w.trunk(brown, "192.0.2.1")
	w.number(brown, trunk, "2001", nil)
	w.number(brown, trunk, "30xx", nil)
	other := w.trunk(smith, "192.0.2.2")
	w.number(smith, other, "2001", nil)

	w.do(get(brown+"/provider").as(admin)).want(200).is("provider", nil).is("credentials_set", false).is("last_sync", nil).is("version", 0)
	w.do(put(brown+"/provider", obj{"provider": one}).as(admin)).want(403, "forbidden")
	w.do(put(smith+"/provider", obj{"provider": one}).as(admin)).want(404, "not_found")
	// The first one needs no confirmation and deletes nothing.
	w.do(put(brown+"/provider", obj{"provider": one, "credentials": obj{"username": "brown", "password": "canary"}}).as(partner)).
		want(200).is("provider", one).is("name", "One").is("capacity", 10).is("credentials_set", true).is("version", 1)
	w.do(get(brown+"/trunks")).want(200).is("items.0.id", trunk)

	// Another one: 409, and nothing changes.
	for _, body := range []obj{{"provider": two}, {"provider": two, "confirm": false}, {"provider": nil}} {
		w.do(put(brown+"/provider", body).as(partner)).want(409, "provider_change_confirm", "/confirm").
			is("deletes.trunks.0", trunk).is("deletes.numbers", 2).is("deletes.credentials", true)
	}
	w.do(put(brown+"/provider?dry_run=true", obj{"provider": two, "confirm": true}).as(partner)).want(200).is("provider", two)
	w.do(get(brown+"/provider")).want(200).is("provider", one).is("credentials_set", true).is("version", 1)
	w.do(get(brown+"/numbers")).want(200).is("items.1.number", "30xx")

	// Confirmed: trunks, numbers and credentials are gone in one write, and
	// nobody else's.
	seq := w.store.seq
	w.do(put(brown+"/provider", obj{"provider": two, "confirm": true}).as(partner).match(`"1"`)).want(200).
		is("provider", two).is("credentials_set", false).is("last_sync", nil).is("version", 2)
	if w.store.seq != seq+1 {
		t.Errorf("%d writes", w.store.seq-seq)
	}
	if left := len(w.do(get(brown+"/trunks")).ids("id")) + len(w.do(get(brown+"/numbers")).ids("id")); left != 0 {
		t.Errorf("%d trunks and numbers are left", left)
	}
	w.do(get(smith+"/numbers")).want(200).is("items.0.number", "2001")
	w.do(put(brown+"/provider", obj{"provider": one, "confirm": true}).match(`"1"`)).want(412, "stale")
	w.do(put(brown+"/provider", obj{"provider": "prv_unknown", "confirm": true})).want(422, "provider_unknown", "/provider")
}

// A trunk that comes up while the provider changes goes, too, with its numbers.
func TestSU1ChangeWhileTrunksAreMade(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	one, two := idIn(w.provider("One", -1)), idIn(w.provider("Two", -1))
	w.do(put(brown+"/provider", obj{"provider": one})).want(200)
	w.number(brown, w.trunk(brown, "192.0.2.1"), "2001", nil)
	trunk := w.trunk(brown, "192.0.2.2")
	w.store.before = func() { w.number(brown, trunk, "2002", nil) }
	w.do(put(brown+"/provider", obj{"provider": two, "confirm": true})).want(200).is("provider", two)
	if n := w.store.view.Size(directory.KindTrunk) + w.store.view.Size(directory.KindNumber); n != 0 {
		t.Fatalf("%d objects are left", n)
	}
}

// Credentials are sealed for their account, and no answer has them.
func TestSU1CredentialsAreNeverReadAgain(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	one := idIn(w.provider("One", -1))
	sealed := func() string {
		c, _ := w.server.connection(idOf(brown))
		if strings.Contains(c.Credentials, "canary") || c.Redacted().(*directory.Connection).Credentials != "" {
			t.Fatal("the credentials are readable in the store or the audit log")
		}
		return c.Credentials
	}
	opened := func(account directory.AccountID) (string, error) {
		raw, err := base64.RawStdEncoding.DecodeString(sealed())
		if err != nil {
			t.Fatal(err)
		}
		plain, err := w.server.secrets.credentials.open(raw, string(account))
		return string(plain), err
	}
	for _, c := range []struct {
		credentials any
		want        string
	}{
		{obj{"username": "brown", "password": "canary"}, `{"password":"canary","username":"brown"}`},
		{"canary", `"canary"`},
	} {
		r := w.do(put(brown+"/provider", obj{"provider": one, "credentials": c.credentials})).want(200).is("credentials_set", true)
		for _, text := range []string{r.text, w.do(get(brown + "/provider")).text, w.do(get(brown)).text} {
			if strings.Contains(text, "canary") {
				t.Fatalf("the answer shows the credentials: %s", text)
			}
		}
		if plain, err := opened(idOf(brown)); err != nil || plain != c.want {
			t.Fatalf("they open as %q, %v", plain, err)
		}
		if _, err := opened("acc_other"); err == nil {
			t.Fatal("they open for another account")
		}
	}
	before := sealed()
	w.do(put(brown+"/provider", obj{"provider": one})).want(200).is("credentials_set", true)
	if sealed() != before {
		t.Fatal("they do not stay where none are sent")
	}
	w.do(put(brown+"/provider", obj{"provider": one, "credentials": nil})).want(200).is("credentials_set", false)
	for _, bad := range []any{7, true, []string{"a"}, obj{"username": 7}, obj{"username": obj{"a": "b"}}, strings.Repeat("x", 1025)} {
		r := w.do(put(brown+"/provider", obj{"provider": one, "credentials": bad})).want(422)
		if text, _ := json.Marshal(bad); len(text) > 4 && strings.Contains(r.text, string(text)) {
			t.Errorf("the problem repeats %s", text)
		}
	}
	w.do(put(brown+"/provider", obj{"provider": nil, "credentials": "x", "confirm": true})).want(422, "credentials_unused", "/credentials")
}

// The capacity of a provider and the limits of an account never part, from
// whichever side they move (LI2).
func TestLI2CapacityHoldsFromTheProvidersSide(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	small, large := w.provider("Small", 5), w.provider("Large", 10)
	eight := obj{"inbound_trunks": -1, "outbound_trunks": -1, "twoway_trunks": -1, "burst_trunks": -1, "max_outbound_calls": 8}
	w.do(put(brown+"/limits", eight)).want(200)
	w.do(put(brown+"/provider", obj{"provider": idIn(small)})).want(409, "capacity_exceeded", "/provider")
	w.do(put(brown+"/provider", obj{"provider": idIn(large)})).want(200)
	w.do(put(smith+"/provider", obj{"provider": idIn(small)})).want(200) // no cap of its own
	w.do(change(large, obj{"capacity": 7})).want(409, "capacity_exceeded", "/capacity")
	w.do(change(large, obj{"capacity": 8})).want(200)
	// Limits that grow while the capacity shrinks.
	grow := func(calls int64) {
		before := w.server.view.LimitsOf(idOf(brown))
		after := *before
		after.MaxOutbound = calls
		if err := w.store.Apply(t.Context(), directory.Actor{}, directory.Replace(before, &after)); err != nil {
			t.Error(err)
		}
	}
	grow(7)
	w.store.before = func() { grow(8) }
	w.do(change(large, obj{"capacity": 7})).want(409, "capacity_exceeded", "/capacity")
	grow(7)
	w.do(change(large, obj{"capacity": 7})).want(200)
	// And a capacity that shrinks while an account comes.
	w.do(put(smith+"/limits", obj{"inbound_trunks": -1, "outbound_trunks": -1, "twoway_trunks": -1, "burst_trunks": -1, "max_outbound_calls": 5})).want(200)
	w.do(put(smith+"/provider", obj{"provider": nil, "confirm": true})).want(200)
	w.store.before = func() { w.do(change(small, obj{"capacity": 4})).want(200) }
	w.do(put(smith+"/provider", obj{"provider": idIn(small)})).want(409, "capacity_exceeded", "/provider")
}

// The list shows the provider and the last sync, which is empty before the
// first and begins anew with another provider.
func TestAC4ProviderAndLastSync(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	one, two := idIn(w.provider("One", -1)), idIn(w.provider("Two", -1))
	w.do(put(brown+"/provider", obj{"provider": one})).want(200).is("last_sync", nil)
	w.do(get(brown)).want(200).is("provider", "One").is("last_sync", nil)
	w.do(get(smith)).want(200).is("provider", nil).is("last_sync", nil)

	at := time.Now().UTC().Add(time.Minute).Truncate(time.Second)
	record := func(account string, ended time.Time) {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		id := idOf(account)
		r := routing.Record{ID: ended.Format(time.RFC3339), Account: id, Started: ended.Add(-time.Minute), Ended: ended, Result: routing.ResultBusy}
		w.store.records[id] = append([]routing.Record{r}, w.store.records[id]...)
	}
	record(brown, at)
	record(smith, at)
	for _, r := range []*reply{w.do(get(brown)), w.do(get(brown + "/provider"))} {
		r.want(200).is("last_sync", at.Format(time.RFC3339))
	}
	list := w.do(get("/v1/accounts?sort=name")).want(200)
	list.is("items.0.provider", "One").is("items.0.last_sync", at.Format(time.RFC3339)).is("items.0.last_call", at.Add(-time.Minute).Format(time.RFC3339)).
		is("items.1.provider", nil).is("items.1.last_sync", nil)
	w.do(get("/v1/accounts?provider="+one)).want(200).is("items.0.name", "Brown").is("next", nil)
	w.do(get("/v1/accounts?sort=provider&limit=1")).want(200).is("items.0.name", "Smith")
	w.do(get("/v1/accounts?sort=-provider&limit=1")).want(200).is("items.0.name", "Brown")
	w.do(change(smith, obj{"enabled": false})).want(200)
	w.do(get("/v1/accounts?sort=-status&limit=1")).want(200).is("items.0.name", "Smith").is("items.0.status", "inactive")
	for _, key := range []string{"last_login", "-last_login", "last_call", "provider"} {
		page := w.do(get("/v1/accounts?limit=1&sort=" + key)).want(200)
		rest := w.do(get("/v1/accounts?limit=1&sort=" + key + "&cursor=" + page.str("next"))).want(200)
		if names := append(page.ids("name"), rest.ids("name")...); len(names) != 2 || names[0] == names[1] {
			t.Errorf("%s: %v", key, names)
		}
	}
	w.do(put(brown+"/provider", obj{"provider": two, "confirm": true})).want(200)
	if left := w.do(get("/v1/accounts?provider=" + one)).want(200).ids("name"); len(left) != 0 {
		t.Errorf("still with the old provider: %v", left)
	}
	c, _ := w.server.connection(idOf(brown))
	later := *c
	later.Since = at.Add(time.Hour)
	if err := w.store.Apply(t.Context(), directory.Actor{}, directory.Replace(c, &later)); err != nil {
		t.Fatal(err)
	}
	w.do(get(brown)).want(200).is("provider", "Two").is("last_sync", nil)
}
