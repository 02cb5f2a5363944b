package provision

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// everything is a configuration with every part of it.
func everything(plan string) obj {
	return obj{
		"timezone": "Europe/Berlin", "enabled": true, "reseller": true,
		"users":        []obj{{"email": "Pat@brown.example", "first_name": "Pat", "last_name": "Brown", "role": "admin"}},
		"trunks":       []obj{{"name": "West", "addresses": []string{"192.0.2.7"}, "source_addresses": []string{"192.0.2.7"}}, {"name": "East", "addresses": []string{"192.0.2.8:5070"}, "source_addresses": []string{"192.0.2.8"}}},
		"numbers":      []obj{{"number": "2001", "trunk": "West", "label": "Reception"}, {"number": "20xx", "trunk": "East", "private": true, "enabled": false}},
		"limits":       obj{"inbound_trunks": 1, "outbound_trunks": 2, "twoway_trunks": 3, "burst_trunks": 4},
		"restrictions": obj{"classes": obj{"premium": "deny"}},
		"settings":     obj{"call_log_sync": false},
		"plans":        obj{"plans": []string{plan}, "hidden": []string{}},
		"permissions":  obj{"features": obj{"reports": "hidden"}},
	}
}

// platformParts are what a configuration chooses from.
func platformParts(w *world) (plan string) {
	w.t.Helper()
	w.do(put("/v1/number-classes", obj{"classes": []obj{{"name": "premium", "pattern": "0900x."}}})).want(200)
	return w.do(post("/v1/plans", obj{"name": "Business", "currency": "EUR"})).want(201).str("id")
}

// configurationFixture is for the configuration.
func configurationFixture(*world, string) fixture {
	return fixture{bodies: map[string]any{"PUT " + accountPath + "/configuration": obj{
		"settings": obj{"call_log_sync": false}, "users": []obj{{"email": "new@brown.example", "first_name": "N", "last_name": "N", "role": "admin"}},
	}}}
}

// The account becomes what the body says, in one write; the same again changes
// nothing, and what was read can be written back.
func TestConfigurationIsOneWrite(t *testing.T) {
	w := newWorld(t)
	plan, brown := platformParts(w), w.account("Brown")
	seq := w.store.seq
	rehearsed := w.do(put(brown+"/configuration?dry_run=true", everything(plan))).want(200)
	if w.store.seq != seq || strings.Contains(rehearsed.text, "passwords") {
		t.Fatal("the dry run wrote or made passwords")
	}
	r := w.do(put(brown+"/configuration", everything(plan))).want(200)
	if w.store.seq != seq+1 {
		t.Fatalf("%d writes", w.store.seq-seq)
	}
	if !reflect.DeepEqual(rehearsed.field("changes"), r.field("changes")) || len(r.field("changes").([]any)) != 11 {
		t.Fatalf("the dry run told of\n%v\nand the write of\n%v", rehearsed.field("changes"), r.field("changes"))
	}
	r.is("passwords.0.email", "Pat@brown.example").is("trunks.0.name", "East").is("trunks.1.addresses.0", "192.0.2.7:5060")
	read := w.do(get(brown + "/configuration")).want(200)
	if read.etag() != r.etag() {
		t.Fatalf("ETag %s after the write, %s read", r.etag(), read.etag())
	}
	for _, again := range []any{everything(plan), unversioned(t, read.text)} {
		seq = w.store.seq
		r = w.do(requestFor("PUT", brown+"/configuration", again).match(read.etag())).want(200)
		if w.store.seq != seq || len(r.field("changes").([]any)) != 0 {
			t.Fatalf("the same again wrote: %s", r.text)
		}
	}
	w.do(get(brown+"/numbers")).want(200).is("items.0.label", "Reception")
	w.do(get(brown+"/permissions")).want(200).is("features.reports", "hidden").is("version", 1)
	w.do(get(brown+"/settings")).want(200).is("call_log_sync", false)
	w.do(get(brown+"/plans")).want(200).is("plans.0", plan)
	w.do(get(brown+"/restrictions")).want(200).is("classes.premium", "deny")
}

func unversioned(t *testing.T, text string) obj {
	t.Helper()
	var o obj
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	delete(o, "version")
	return o
}

// Parts that are given are the whole of it; parts that are not stay.
func TestConfigurationReplacesItsParts(t *testing.T) {
	w := newWorld(t)
	plan, brown := platformParts(w), w.account("Brown")
	w.do(put(brown+"/configuration", everything(plan))).want(200)
	w.do(put(brown+"/configuration", obj{"numbers": []obj{{"number": "2002", "trunk": "West"}}})).want(200).
		is("changes.0.change", "create").is("changes.0.name", "2002").is("changes.1.change", "delete").is("limits.burst_trunks", 4)
	w.do(put(brown+"/configuration", obj{"trunks": []obj{}})).want(409, "in_use", "/trunks")
	w.do(put(brown+"/configuration", obj{"trunks": []obj{}, "numbers": []obj{}, "users": []obj{}})).want(200)
	for _, list := range []string{"/trunks", "/numbers", "/users"} {
		if ids := w.do(get(brown + list)).want(200).ids("id"); len(ids) != 0 {
			t.Errorf("%s: %v", list, ids)
		}
	}
	// A number moves to a trunk of another name, and a source from one trunk to
	// another, within one write.
	w.do(put(brown+"/configuration", everything(plan))).want(200)
	moved := everything(plan)
	moved["trunks"] = []obj{{"name": "North", "addresses": []string{"192.0.2.7"}, "source_addresses": []string{"192.0.2.7"}}}
	moved["numbers"] = []obj{{"number": "2001", "trunk": "North"}}
	w.do(put(brown+"/configuration", moved)).want(200)
	w.do(get(brown+"/configuration")).want(200).is("trunks.0.name", "North").is("numbers.0.trunk", "North")
}

// All or nothing: one impossible part keeps the others from happening, and names
// itself.
func TestConfigurationFailsWhole(t *testing.T) {
	w := newWorld(t)
	plan, brown, smith := platformParts(w), w.account("Brown"), w.account("Smith")
	w.trunk(smith, "192.0.2.99")
	w.do(post(smith+"/users", obj{"email": "taken@smith.example", "first_name": "S", "last_name": "S", "role": "user"})).want(201)
	before := w.do(get(brown + "/configuration")).want(200)
	seq := w.store.seq
	trunk := func(name, source string) []obj {
		return []obj{{"name": name, "addresses": []string{"192.0.2.7"}, "source_addresses": []string{source}}}
	}
	for _, c := range []struct {
		part          string
		value         any
		status        int
		code, pointer string
	}{
		{"timezone", "Mars/Base", 422, "timezone_unknown", "/timezone"},
		{"users", []obj{{"email": "nonsense", "first_name": "P", "last_name": "B", "role": "admin"}}, 422, "email_invalid", "/users/0/email"},
		{"users", []obj{{"email": "taken@smith.example", "first_name": "P", "last_name": "B", "role": "admin"}}, 409, "email_taken", "/users"},
		{"trunks", trunk("West", "0.0.0.0/0"), 422, "source_address_invalid", "/trunks/0/source_addresses/0"},
		{"trunks", append(trunk("W", "192.0.2.7"), trunk("W", "192.0.2.8")...), 422, "name_twice", "/trunks/1/name"},
		{"trunks", append(trunk("West", "192.0.2.99"), trunk("East", "192.0.2.8")...), 409, "source_taken", "/trunks"},
		{"numbers", []obj{{"number": "2001", "trunk": "South"}}, 422, "trunk_unknown", "/numbers/0/trunk"},
		{"numbers", []obj{{"number": "2001", "trunk": "West"}, {"number": "2001", "trunk": "East"}}, 422, "number_taken", "/numbers/1/number"},
		{"numbers", []obj{{"number": "x-y", "trunk": "West"}}, 422, "number_invalid", "/numbers/0/number"},
		{"limits", obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1, "on_store_loss": "open"}, 422, "not_available", "/limits/on_store_loss"},
		{"restrictions", obj{"classes": obj{"unheard_of": "deny"}}, 422, "class_unknown", "/restrictions/classes/unheard_of"},
		{"plans", obj{"plans": []string{"pln_none"}}, 422, "plan_unknown", "/plans/plans/0"},
		{"permissions", obj{"features": obj{"reports": "partial"}}, 422, "invalid", "/permissions/features/reports"},
	} {
		body := everything(plan)
		body[c.part] = c.value
		w.do(put(brown+"/configuration", body)).want(c.status, c.code, c.pointer)
		if c.part != "timezone" {
			body = without(body, "timezone", "enabled", "reseller") // these stand beside
		}
		if r := w.do(post("/v1/accounts", obj{"name": "New", "configuration": body})); r.status < 400 {
			t.Errorf("%s: an account was made of it: %s", c.part, r.text)
		}
	}
	if after := w.do(get(brown + "/configuration")); after.text != before.text {
		t.Fatalf("something was written:\n%s", after.text)
	}
	if w.store.seq != seq {
		t.Fatalf("%d writes", w.store.seq-seq)
	}
}

func without(o obj, names ...string) obj {
	out := obj{}
	for k, v := range o {
		out[k] = v
	}
	for _, n := range names {
		delete(out, n)
	}
	return out
}

// Who edited the account meanwhile wins: the write that saw the old one fails
// whole.
func TestConfigurationMeetsAnotherEdit(t *testing.T) {
	w := newWorld(t)
	plan, brown := platformParts(w), w.account("Brown")
	seen := w.do(get(brown + "/configuration")).want(200).etag()
	trunk := w.trunk(brown, "192.0.2.50")
	w.do(requestFor("PUT", brown+"/configuration", everything(plan)).match(seen)).want(412, "stale")
	seen = w.do(get(brown + "/configuration")).want(200).etag()
	body := obj{"trunks": []obj{}, "settings": obj{"call_log_sync": false}}
	// While it is being written, a number comes to the trunk it deletes.
	w.store.before = func() { w.number(brown, trunk, "2001", nil) }
	w.do(requestFor("PUT", brown+"/configuration", body).match(seen)).want(412, "stale")
	w.do(get(brown+"/settings")).want(200).is("version", 0)
	w.do(get(brown + "/trunks/" + trunk)).want(200)
}

// Each part needs the right of its own routes, and none where it changes nothing.
func TestConfigurationNeedsEachRight(t *testing.T) {
	w := newWorld(t)
	plan, brown := platformParts(w), w.account("Brown")
	w.do(put(brown+"/configuration", everything(plan))).want(200)
	admin, user := w.admin(brown), w.plain(brown)
	read := w.do(get(brown + "/configuration").as(admin)).want(200)
	own := unversioned(t, read.text)
	delete(own, "plans") // what is hidden is not for a customer
	w.do(put(brown+"/configuration", own).as(admin)).want(200)
	own["settings"] = obj{"call_log_sync": true}
	w.do(put(brown+"/configuration", own).as(admin)).want(200).is("changes.0.object", "settings")
	for part, value := range map[string]any{
		"enabled": false, "limits": obj{"inbound_trunks": 9, "outbound_trunks": 9, "twoway_trunks": 9, "burst_trunks": 9},
		"restrictions": obj{"classes": obj{}}, "permissions": obj{"features": obj{}}, "plans": obj{"plans": []string{}},
	} {
		w.do(put(brown+"/configuration", obj{part: value, "numbers": []obj{}}).as(admin)).want(403, "forbidden")
	}
	w.do(put(brown+"/configuration", obj{"numbers": []obj{}}).as(user)).want(403, "forbidden")
	w.do(put(brown+"/configuration", obj{"users": []obj{}}).as(admin)).want(409, "last_admin", "/users")
	newcomer := obj{"email": "new@brown.example", "first_name": "N", "last_name": "N", "role": "admin"}
	w.do(put(brown+"/configuration", obj{"users": []obj{newcomer}}).as(user)).want(403, "forbidden")
	access := w.do(post(brown+"/access", obj{"reason": "R"})).want(201).str("token")
	w.do(put(brown+"/configuration", obj{"users": []obj{newcomer}}).as(access)).want(403, "forbidden")
	scoped := w.do(post(brown+"/tokens", obj{"name": "T", "scopes": []string{"account.read", "numbers.write"}})).want(201).str("token")
	w.do(put(brown+"/configuration", obj{"numbers": []obj{}}).as(scoped)).want(200)
	w.do(put(brown+"/configuration", obj{"settings": obj{"call_log_sync": false}}).as(scoped)).want(403, "forbidden")
	if got := w.do(get(brown + "/configuration").as(user)).want(200); got.body["trunks"] != nil || got.body["users"] != nil || got.body["numbers"] == nil {
		t.Errorf("a user reads %s", got.text)
	}
	w.do(get(brown+"/configuration").as(w.admin(w.account("Other")))).want(404, "not_found")
}

// The wizard takes a whole configuration: a new account is there with all of it,
// or not at all (AC7).
func TestAC7NewAccountWithConfiguration(t *testing.T) {
	w := newWorld(t)
	plan := platformParts(w)
	c := without(everything(plan), "timezone", "enabled", "reseller")
	seq := w.store.seq
	made := w.do(post("/v1/accounts", obj{"name": "Brown", "reseller": true, "timezone": "Europe/Berlin", "configuration": c})).want(201)
	if w.store.seq != seq+1 || len(made.field("passwords").([]any)) != 1 {
		t.Fatalf("%d writes: %s", w.store.seq-seq, made.text)
	}
	brown := "/v1/accounts/" + made.str("id")
	if r := w.do(put(brown+"/configuration", everything(plan))).want(200); len(r.field("changes").([]any)) != 0 {
		t.Fatalf("not all of it was there: %s", r.text)
	}
	w.do(post("/v1/accounts", obj{"name": "X", "configuration": obj{"enabled": false}})).want(422, "invalid", "/configuration/enabled")
	w.do(post("/v1/accounts", obj{"name": "X", "configuration": obj{"numbers": []obj{{"number": "1", "trunk": "none"}}}})).
		want(422, "trunk_unknown", "/configuration/numbers/0/trunk")
}

// Configurations that say the same are the same.
func TestConfigurationNormalizes(t *testing.T) {
	off, on := false, true
	a := Configuration{
		Trunks:  &[]NewTrunk{{Name: "B"}, {Name: "A", Kind: "static", Transport: "udp", Media: "direct", Addresses: []string{"192.0.2.1"}, Sources: []string{"192.0.2.1"}}},
		Numbers: &[]NumberEntry{{Number: "2001", Enabled: &on}, {Number: "1001", Enabled: &off}},
		Limits:  &NewLimits{OnStoreLoss: "closed"}, Settings: &NewSettings{}, Permissions: &NewPermissions{},
	}
	b := Configuration{
		Trunks:  &[]NewTrunk{{Name: "A", Addresses: []string{"192.0.2.1:5060"}, Sources: []string{"192.0.2.1/32"}}, {Name: "B"}},
		Numbers: &[]NumberEntry{{Number: "1001", Enabled: &off}, {Number: "2001"}},
		Limits:  &NewLimits{}, Settings: &NewSettings{CallLogSync: &on}, Permissions: &NewPermissions{Features: Features{"reports": directory.Shown}},
	}
	a.Normalize()
	b.Normalize()
	if d := a.Differences(&b); len(d) != 0 {
		t.Errorf("%+v", d)
	}
	(*b.Numbers)[0].Enabled = nil
	if d := a.Differences(&b); len(d) != 1 || d[0].Change != "change" || d[0].Name != "1001" || *d[0].Fields[0].From != "false" || d[0].Fields[0].To != nil {
		t.Errorf("%+v", d)
	}
}

// Two configurations that go by one version and only add: one of them is told.
func TestConfigurationsThatOnlyAdd(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.trunk(brown, "192.0.2.1")
	path := brown + "/configuration"
	tag := w.do(get(path)).want(200).etag()
	adding := func(number string) asked {
		return put(path, obj{"numbers": []obj{{"number": number, "trunk": "PBX"}}}).match(tag)
	}
	other := *w
	other.server = w.another()
	w.store.before = func() { other.do(adding("2002")).want(200) }
	w.do(adding("2001")).want(412, "stale")
	if got := w.do(get(brown + "/numbers")).want(200).ids("number"); len(got) != 1 || got[0] != "2002" {
		t.Errorf("the numbers are %v", got)
	}
}
