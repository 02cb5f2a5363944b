package provision

import (
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

func reports(level string) obj { return obj{"features": obj{"reports": level}} }

// Edits are a draft until they are published, in one switch with a version; the
// customer only ever sees what is published.
func TestSU2DraftAndPublish(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	partner, admin, user := w.admin(reseller), w.admin(brown), w.plain(brown)
	path := brown + "/permissions"

	// The defaults: everything is shown but the right to set one's own limits.
	r := w.do(get(path).as(admin)).want(200).is("version", 0).is("published_at", nil)
	for _, f := range features() {
		r.is("features."+f.name, string(f.levels[0]))
	}
	w.do(get(path).as(user)).want(200)
	w.do(get(path+"/draft").as(partner)).want(200).is("version", 0).is("published_version", 0).is("features.reports", "shown")

	// A draft changes nothing that the customer sees.
	w.do(put(path+"/draft", reports("hidden")).as(partner).match(`"0"`)).want(200).is("version", 1).is("features.reports", "hidden")
	w.do(get(path).as(admin)).want(200).is("version", 0).is("features.reports", "shown")
	w.do(get(brown + "/call-log").as(admin)).want(200)
	w.do(get(path+"/diff").as(partner)).want(200).is("changes.0.feature", "reports").is("changes.0.from", "shown").is("changes.0.to", "hidden")
	w.do(put(path+"/draft", reports("shown")).as(partner).match(`"0"`)).want(412, "stale")

	// Publishing heeds the draft's version where it is sent.
	publish := post(path+"/publish", nil).as(partner)
	w.do(publish.match(`"7"`)).want(412, "stale")
	dry := publish
	dry.path += "?dry_run=true"
	w.do(dry).want(200).is("version", 1).is("features.reports", "hidden")
	w.do(get(brown + "/call-log").as(admin)).want(200)
	w.do(publish.match(`"1"`)).want(200).is("version", 1).is("features.reports", "hidden")
	w.do(get(brown+"/call-log").as(admin)).want(403, "forbidden")
	w.do(get(path).as(admin)).want(200).is("version", 1).is("features.reports", "hidden")
	if changes := w.do(get(path + "/diff").as(partner)).want(200).field("changes").([]any); len(changes) != 0 {
		t.Errorf("the draft differs from what was just published: %v", changes)
	}

	// The same again is no new version; PUT replaces, so contacts is back.
	w.do(publish).want(200).is("version", 1)
	w.do(put(path+"/draft", obj{"features": obj{"contacts": "partial"}}).as(partner)).want(200).is("features.reports", "shown")
	w.do(get(brown+"/call-log").as(admin)).want(403, "forbidden")
	w.do(post(path+"/publish", obj{}).as(partner)).want(200).is("version", 2)
	w.do(get(brown + "/call-log").as(admin)).want(200)

	history := w.do(get(path+"/versions?limit=1").as(partner)).want(200).is("items.0.version", 2).is("items.0.features.contacts", "partial")
	rest := w.do(get(path+"/versions?limit=1&cursor="+history.str("next")).as(partner)).want(200).
		is("items.0.version", 1).is("items.0.features.reports", "hidden").is("next", nil)
	if by := rest.str("items.0.by"); by != w.do(get("/v1/me").as(partner)).str("principal") {
		t.Errorf("published by %s", by)
	}
}

// Who is above edits; for all others there is only the published set.
func TestSU2OnlyWhoIsAboveEdits(t *testing.T) {
	w := newWorld(t)
	reseller, elsewhere := w.account("Reseller"), w.account("Elsewhere")
	brown := w.below(reseller, "Brown")
	w.below(elsewhere, "Smith")
	admin, user, partner, other := w.admin(brown), w.plain(brown), w.admin(reseller), w.admin(elsewhere)
	for _, a := range []asked{
		get(brown + "/permissions/draft"), get(brown + "/permissions/diff"), get(brown + "/permissions/versions"),
		put(brown+"/permissions/draft", reports("shown")), post(brown+"/permissions/publish", nil),
	} {
		w.do(a.as(admin)).want(403, "forbidden")
		w.do(a.as(user)).want(403, "forbidden")
		w.do(a.as(other)).want(404, "not_found")
		w.do(a.as(partner)).want(200)
		a.path = reseller + a.path[len(brown):]
		w.do(a.as(partner)).want(403, "forbidden") // its own are staff's to edit
	}
}

func TestSU2UnknownFeaturesAndLevels(t *testing.T) {
	w := newWorld(t)
	path := w.account("Brown") + "/permissions/draft"
	for _, c := range []struct {
		features      any
		code, pointer string
	}{
		{obj{"telepathy": "shown"}, "unknown_field", "/features/telepathy"}, {obj{"reports": "partial"}, "invalid", "/features/reports"},
		{obj{"contacts": "secret"}, "invalid", "/features/contacts"}, {obj{"contacts": nil}, "invalid", "/features/contacts"},
		{obj{"contacts": true}, "invalid", "/features/contacts"}, {nil, "invalid", "/features"}, {[]string{"contacts"}, "invalid", "/features"},
	} {
		w.do(put(path, obj{"features": c.features})).want(422, c.code, c.pointer)
	}
	w.do(put(path, obj{})).want(422, "required", "/features")
	w.do(put(path, obj{"features": obj{}})).want(200)
}

// Two editors at once: one of them reads the draft again.
func TestSU2EditorsWriteAtOnce(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.do(put(brown+"/permissions/draft", reports("hidden"))).want(200)
	w.store.before = func() { w.do(put(brown+"/permissions/draft", reports("shown"))).want(200) }
	w.do(post(brown+"/permissions/publish", nil).match(`"1"`)).want(412, "stale")
	w.do(get(brown+"/permissions")).want(200).is("version", 0)
	// Without a version the newest draft is published.
	w.store.before = func() { w.do(put(brown+"/permissions/draft", reports("hidden"))).want(200) }
	w.do(post(brown+"/permissions/publish", nil)).want(200).is("features.reports", "hidden")
}

// uses are requests of a customer, one for each permission a feature can take.
func uses(w *world, brown string) map[permission]asked {
	trunk := w.trunk(brown, "192.0.2.1")
	call := w.call(1, brown, brown)
	return map[permission]asked{
		numbersRead: get(brown + "/numbers"), numbersWrite: post(brown+"/numbers?dry_run=true", obj{"number": "2001", "trunk": trunk}),
		callsExplain: post("/v1/explain", obj{"account": idIn(brown), "dialled": "2001"}), callsEnd: del("/v1/calls/" + callID(call) + "?dry_run=true"),
		reportsRead: get(brown + "/call-log"),
		trunksRead:  get(brown + "/trunks"), trunksWrite: del(brown + "/trunks/" + trunk + "?dry_run=true"),
		interlinksRead: get(brown + "/interlinks"), interlinksWrite: post(brown+"/interlinks?dry_run=true", obj{"name": "Smith"}),
		federationRead: get(brown + "/federation"), federationJoin: post(brown+"/federation/join?dry_run=true", obj{"access_code": "wrong"}),
		usersRead: get(brown + "/users"), usersWrite: post(brown+"/users?dry_run=true", obj{"email": "a@example.com", "first_name": "A", "last_name": "B", "role": "user"}),
		creditRead: get(brown + "/credit"), licencesRead: get(brown + "/licences"),
		limitsWrite: put(brown+"/limits?dry_run=true", limits(1, 1, 1, 1)),
	}
}

// Every level of every feature holds for the customer's requests from the moment
// it is published, and for nobody above.
func TestSU2TheAPIEnforcesEveryFeature(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	partner, admin := w.admin(reseller), w.admin(brown)
	requests := uses(w, brown)
	refused := func(p permission, token string) bool {
		t.Helper()
		a, ok := requests[p]
		if !ok {
			t.Fatalf("no request of this test needs %s", p)
		}
		r := w.do(a.as(token))
		if r.body["code"] == "route_not_found" || r.status == 405 {
			t.Fatalf("%s %s is not served", a.method, a.path)
		}
		return r.status == 403
	}
	check := func(f feature, level directory.Visibility) {
		t.Helper()
		for _, p := range slices.Concat(f.read, f.write) {
			want := level == directory.Hidden || level == directory.Partial && slices.Contains(f.write, p)
			if got := refused(p, admin); got != want {
				t.Errorf("%s is %s: %s refused: %v, want %v", f.name, level, p, got, want)
			}
			if refused(p, partner) {
				t.Errorf("%s is %s: %s is refused to the partner", f.name, level, p)
			}
		}
	}
	for _, f := range features() {
		before := f.levels[0]
		for _, level := range append(slices.Clone(f.levels[1:]), f.levels[0]) {
			w.do(put(brown+"/permissions/draft", obj{"features": obj{f.name: level}}).as(partner)).want(200)
			check(f, before)
			w.do(post(brown+"/permissions/publish", nil).as(partner)).want(200).is("features."+f.name, string(level))
			check(f, level)
			before = level
		}
	}
}

// A plain user is bound by the same set, and so is a token of the customer's.
func TestSU2HoldsForUsersAndTokens(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	user := w.plain(brown)
	token := w.do(post(brown+"/tokens", obj{"name": "script"}).as(w.admin(brown))).want(201).str("token")
	for _, who := range []string{user, token} {
		w.do(get(brown + "/numbers").as(who)).want(200)
	}
	w.do(put(brown+"/permissions/draft", obj{"features": obj{"contacts": "hidden"}})).want(200)
	w.do(post(brown+"/permissions/publish", nil)).want(200)
	for _, who := range []string{user, token} {
		w.do(get(brown+"/numbers").as(who)).want(403, "forbidden")
		w.do(get(brown + "/permissions").as(who)).want(200)
	}
	// Whom nobody shows the account to learns nothing of it.
	w.do(get(brown+"/numbers").as(w.admin(w.account("Smith")))).want(404, "not_found")
}

// What is hidden does not come back through the audit trail or the events, and
// no draft is read there.
func TestSU2HiddenFeaturesAreOutOfTheTrail(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	partner, admin := w.admin(reseller), w.admin(brown)
	w.number(brown, w.trunk(brown, "192.0.2.1"), "2001", nil)
	plan := idIn(w.plan("Gold"))
	w.do(put(brown+"/plans", obj{"plans": []string{}, "hidden": []string{plan}}).as(partner)).want(200)
	kinds := func(token string) map[string]int {
		t.Helper()
		r := w.do(get("/v1/audit?limit=200&account=" + idIn(brown)).as(token)).want(200)
		seen := map[string]int{}
		for _, e := range r.field("items").([]any) {
			for _, c := range e.(obj)["changes"].([]any) {
				seen[c.(obj)["kind"].(string)]++
			}
		}
		if token == admin && (strings.Contains(r.text, `"draft"`) || strings.Contains(r.text, plan)) {
			t.Errorf("the customer reads what is not for it: %s", r.text)
		}
		return seen
	}
	events := func(kind principalKind) (told []string) {
		v := sight{server: w.server, account: idOf(brown), reader: principal{Kind: kind, Account: idOf(brown)}}
		for _, e := range w.store.trail {
			for _, event := range v.events(e) {
				told = append(told, event.Type)
			}
		}
		return told
	}
	for _, level := range []directory.Visibility{directory.Hidden, directory.Shown} {
		w.do(put(brown+"/permissions/draft", obj{"features": obj{"trunks": level}}).as(partner)).want(200)
		w.do(post(brown+"/permissions/publish", nil).as(partner)).want(200)
		want := 0
		if level == directory.Shown {
			want = 1
		}
		if got := kinds(admin); got["trunk"] != want || got["number"] != 1 {
			t.Errorf("trunks are %s: the customer's trail has %v", level, got)
		}
		if got := kinds(partner); got["trunk"] != 1 || got["number"] != 1 {
			t.Errorf("trunks are %s: the partner's trail has %v", level, got)
		}
		// An empty principal is a webhook of the account.
		for _, kind := range []principalKind{customerAdmin, ""} {
			if got := events(kind); slices.Contains(got, "trunk.created") != (want == 1) || !slices.Contains(got, "number.created") {
				t.Errorf("trunks are %s: %q is told of %v", level, kind, got)
			}
		}
	}
}
