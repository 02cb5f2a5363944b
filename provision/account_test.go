package provision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func TestAccountIsCreatedWithDefaults(t *testing.T) {
	w := newWorld(t)
	r := w.do(post("/v1/accounts", obj{"name": "Brown & Co"})).want(201).
		is("name", "Brown & Co").is("timezone", "UTC").is("enabled", true).is("status", "active").is("parent", nil).
		is("provider", nil).is("last_login", nil).is("last_call", nil).is("last_sync", nil).
		is("lines.used", 0).is("lines.allowed", -1).is("version", 1)
	if id := r.str("id"); !strings.HasPrefix(id, "acc_") || len(id) != 30 {
		t.Errorf("id %q", id)
	}
	if realm := r.str("realm"); !strings.HasSuffix(realm, ".interlink.invalid") || len(realm) != len("............interlink.invalid")+1 {
		t.Errorf("realm %q", realm)
	}
	if r.etag() != `"1"` || r.header.Get("Location") != "/v1/accounts/"+r.str("id") {
		t.Errorf("ETag %s, Location %s", r.etag(), r.header.Get("Location"))
	}
	if at, err := time.Parse(time.RFC3339, r.str("created_at")); err != nil || at.Location() != time.UTC {
		t.Errorf("created_at %s", r.str("created_at"))
	}
}

func TestAccountIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		body          obj
		code, pointer string
	}{
		{obj{}, "required", "/name"},
		{obj{"name": ""}, "invalid", "/name"},
		{obj{"name": "   "}, "name_required", "/name"},
		{obj{"name": strings.Repeat("é", 129)}, "invalid", "/name"},
		{obj{"name": "tab\there"}, "name_invalid", "/name"},
		{obj{"name": nil}, "invalid", "/name"},
		{obj{"name": 7}, "invalid", "/name"},
		{obj{"name": "x", "timezone": "Mars/Olympus"}, "timezone_unknown", "/timezone"},
		{obj{"name": "x", "timezone": "Local"}, "timezone_unknown", "/timezone"},
		{obj{"name": "x", "parent": "acc_nobody"}, "parent_unknown", "/parent"},
		{obj{"name": "x", "enabled": "yes"}, "invalid", "/enabled"},
		{obj{"name": "x", "credit": obj{"amount": 5}}, "required", "/credit/currency"},
		{obj{"name": "x", "admin": obj{}}, "required", "/admin/email"},
		{obj{"name": "x", "realm": "mine.example"}, "unknown_field", "/realm"},
		{obj{"name": "x", "limits": obj{"inbound_trunks": 1}}, "required", "/limits/outbound_trunks"},
		{obj{"name": "x", "limits": obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": -2}}, "invalid", "/limits/burst_trunks"},
		{obj{"name": "x", "limits": obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1, "on_store_loss": "open"}}, "not_available", "/limits/on_store_loss"},
	} {
		w.do(post("/v1/accounts", c.body)).want(422, c.code, c.pointer)
	}
	if len(w.store.objects) != 0 {
		t.Fatal("something was written")
	}
	w.do(post("/v1/accounts", obj{"name": strings.Repeat("é", 128), "timezone": "America/New_York"})).want(201)
}

func TestAccountTree(t *testing.T) {
	w := newWorld(t)
	top := w.do(post("/v1/accounts", obj{"name": "Reseller", "timezone": "Europe/Paris"})).want(201).str("id")
	child := w.do(post("/v1/accounts", obj{"name": "Brown", "parent": top})).want(201).is("parent", top).is("timezone", "Europe/Paris").str("id")
	leaf := w.do(post("/v1/accounts", obj{"name": "Brown North", "parent": child, "timezone": "Asia/Tokyo"})).want(201).is("timezone", "Asia/Tokyo").str("id")
	path := "/v1/accounts/"
	// null resets to the parent's.
	w.do(change(path+leaf, obj{"timezone": nil})).want(200).is("timezone", "Europe/Paris")

	w.do(del(path+top)).want(409, "has_accounts")
	w.do(del(path + top + "?cascade=true&dry_run=true")).want(204)
	w.do(get(path + leaf)).want(200)
	w.do(del(path + top + "?cascade=true")).want(204)
	for _, id := range []string{top, child, leaf} {
		w.do(get(path+id)).want(404, "not_found")
	}
	if len(w.store.objects) != 0 || len(w.store.claims) != 0 {
		t.Fatalf("left behind: %v", w.store.objects)
	}
}

func TestAccountTreeHasABottom(t *testing.T) {
	w := newWorld(t)
	parent := ""
	for range routing.MaxDepth + 1 {
		parent = w.do(post("/v1/accounts", obj{"name": "deep", "parent": parent})).want(201).str("id")
	}
	w.do(post("/v1/accounts", obj{"name": "deeper", "parent": parent})).want(422, "tree_too_deep", "/parent")
}

// What is hung on an account at the last moment goes with it.
func TestAccountIsDeletedWhileItGrows(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	trunk := w.trunk(brown, "192.0.2.1")
	w.store.before = func() { w.number(brown, trunk, "2001", nil); w.link(smith, brown) }
	w.do(del(brown)).want(204)
	if n := w.store.view.Size(directory.KindNumber) + w.store.view.Size(directory.KindInterlink); n != 0 {
		t.Fatalf("%d objects are left", n)
	}
	other := w.account("Other")
	w.store.before = func() {
		w.do(post("/v1/accounts", obj{"name": "child", "parent": idOf(other)})).want(201)
	}
	w.do(del(other)).want(409, "has_accounts")
}

func TestAccountNameRealmAndParentAreFixed(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	r := w.do(get(a)).want(200)
	w.do(change(a, obj{"name": "Green", "enabled": false})).want(422, "name_fixed", "/name")
	w.do(change(a, obj{"name": nil})).want(422, "name_fixed", "/name")
	w.do(change(a, obj{"realm": "x.interlink.invalid"})).want(422, "realm_fixed", "/realm")
	w.do(change(a, obj{"parent": idOf(w.account("Other"))})).want(422, "parent_fixed", "/parent")
	w.do(get(a)).is("enabled", true).is("version", 1)
	w.do(change(a, obj{"name": "Brown", "realm": strings.ToUpper(r.str("realm")), "parent": nil, "enabled": false})).want(200).
		is("enabled", false).is("status", "inactive").is("version", 2).is("realm", r.str("realm"))
}

func TestAccountVersions(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	first := w.do(get(a)).want(200).etag()
	second := w.do(change(a, obj{"enabled": false}).match(first)).want(200).is("version", 2).etag()
	w.do(change(a, obj{"enabled": true}).match(first)).want(412, "stale")
	w.do(get(a)).is("enabled", false)
	// A dry run says what would be and changes nothing.
	w.do(change(a+"?dry_run=true", obj{"enabled": true}).match(second)).want(200).is("enabled", true).is("version", 3)
	w.do(get(a)).is("enabled", false).is("version", 2)
	w.do(change(a, obj{"enabled": nil}).match(`"7", `+second)).want(200).is("enabled", true)
	w.do(del(a).match(second)).want(412, "stale")
	w.do(del(a).match(`"3"`)).want(204)
}

// A write that another overtakes between reading and writing is refused when it
// named a version, and done on top when it did not.
func TestAccountWritesRace(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	overtake := func(zone string) {
		w.store.before = func() { w.do(change(a, obj{"timezone": zone})).want(200) }
	}
	overtake("Asia/Tokyo")
	w.do(change(a, obj{"enabled": false}).match(`"1"`)).want(412, "stale")
	w.do(get(a)).is("enabled", true).is("timezone", "Asia/Tokyo")
	overtake("Asia/Seoul")
	w.do(change(a, obj{"enabled": false})).want(200).is("enabled", false).is("timezone", "Asia/Seoul").is("version", 4)
}

func TestRealmIsTriedAgainWhenTaken(t *testing.T) {
	w := newWorld(t)
	tries := 0
	refuse := &refusing{store: w.store, claim: "realm_taken", times: 3, tries: &tries}
	w.server.repo = refuse
	w.account("Brown")
	if tries != 4 {
		t.Fatalf("%d tries", tries)
	}
	refuse.times = 1 << 20
	w.do(post("/v1/accounts", obj{"name": "Smith"})).want(409, "realm_taken", "/realm")
}

func TestDisablingEndsCallsWhenAsked(t *testing.T) {
	w := newWorld(t)
	a, other := w.account("Brown"), w.account("Smith")
	w.call(1, a, other)
	w.call(2, other, a)
	w.do(change(a, obj{"enabled": false})).want(200)
	if len(w.store.ended) != 0 {
		t.Fatal("calls were ended unasked")
	}
	w.do(change(a+"?end_calls=true", obj{"enabled": false})).want(200)
	if len(w.store.ended) != 2 {
		t.Fatalf("%d calls ended", len(w.store.ended))
	}
}

func TestDeletedAccountTakesEverythingAlong(t *testing.T) {
	w := newWorld(t)
	brown, smith, andrews := w.account("Brown"), w.account("Smith"), w.account("Andrews")
	trunk := w.trunk(brown, "192.0.2.1")
	w.number(brown, trunk, "2001", nil)
	w.number(brown, trunk, "20xx", nil)
	w.do(put(brown+"/limits", obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 0, "burst_trunks": 0})).want(200)
	_, onSmith := w.link(brown, smith)
	w.link(smith, andrews)
	w.do(post(brown+"/interlinks", obj{"name": "pending"})).want(201)
	seq := w.store.seq
	w.do(del(brown)).want(204)
	if w.store.seq != seq+1 {
		t.Fatalf("%d writes", w.store.seq-seq)
	}
	w.do(get(onSmith)).want(404)
	if got := w.do(get(smith + "/interlinks")).want(200).ids("name"); len(got) != 1 {
		t.Fatalf("Smith has %v", got)
	}
	for ref := range w.store.objects {
		if ref.Kind == directory.KindTrunk || ref.Kind == directory.KindNumber || ref.Kind == directory.KindLimits {
			t.Errorf("%v is left", ref)
		}
	}
	w.trunk(smith, "192.0.2.1") // the source is free again
}

func TestAccountShowsLinesAndLastCall(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	w.do(put(a+"/limits", obj{"inbound_trunks": 2, "outbound_trunks": 0, "twoway_trunks": 8, "burst_trunks": 1})).want(200)
	w.store.lines[idOf(a)] = routing.Lines{Inbound: 3, Outbound: 4}
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.FixedZone("CEST", 7200))
	w.store.records[idOf(a)] = []routing.Record{{ID: "2", Started: at}, {ID: "1", Started: at.Add(-time.Hour)}}
	w.do(get(a)).want(200).is("lines.used", 7).is("lines.allowed", 11).is("last_call", "2026-05-01T10:00:00Z")
	w.store.broken = errBroken
	w.do(get(a)).want(200).is("lines.used", nil).is("lines.allowed", 11).is("last_call", nil)
}

func TestAccountList(t *testing.T) {
	w := newWorld(t)
	top := string(idOf(w.account("Platform Partner")))
	for _, name := range []string{"delta", "Alpha", "charlie", "Bravo"} {
		w.do(post("/v1/accounts", obj{"name": name, "parent": top, "enabled": name != "charlie"})).want(201)
	}
	base := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for id, a := range w.store.objects {
		if acc, ok := a.(*directory.Account); ok && acc.Name != "Bravo" && acc.Parent != "" {
			w.store.records[directory.AccountID(id.ID)] = []routing.Record{{ID: "1", Started: base.Add(time.Duration(acc.Name[0]) * time.Minute)}}
		}
	}
	for _, c := range []struct {
		query string
		want  string
	}{
		{"", "Platform Partner delta Alpha charlie Bravo"},
		{"status=active", "Platform Partner delta Alpha Bravo"},
		{"status=inactive", "charlie"},
		{"parent=" + top, "delta Alpha charlie Bravo"},
		{"q=LPH", "Alpha"},
		{"q=interlink.invalid&parent=" + top, "delta Alpha charlie Bravo"},
		{"q=zzz", ""},
		{"sort=name", "Alpha Bravo charlie delta Platform Partner"},
		{"sort=-name&parent=" + top, "delta charlie Bravo Alpha"},
		{"sort=-created_at&status=active", "Bravo Alpha delta Platform Partner"},
		{"sort=last_call&parent=" + top, "Bravo Alpha charlie delta"},
		{"sort=-last_call,name", "delta charlie Alpha Bravo Platform Partner"},
	} {
		for _, limit := range []string{"1", "2", "200"} {
			var names []string
			path := "/v1/accounts?limit=" + limit + "&" + c.query
			for next, pages := any(""), 0; next != nil; pages++ {
				at := path
				if next != "" {
					at += "&cursor=" + next.(string)
				}
				r := w.do(get(at)).want(200)
				names = append(names, r.ids("name")...)
				if next = r.field("next"); pages > 10 {
					t.Fatal("the list does not end")
				}
			}
			if got := strings.Join(names, " "); got != c.want {
				t.Errorf("%s: %q, want %q", path, got, c.want)
			}
		}
	}
	w.do(get("/v1/accounts?sort=colour")).want(422, "invalid", "sort")
	w.do(get("/v1/accounts?status=asleep")).want(422, "invalid", "status")
}

func TestCursorBelongsToItsQuestion(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	w.account("Smith")
	next := w.do(get("/v1/accounts?limit=1&sort=name")).want(200).str("next")
	for _, path := range []string{"/v1/accounts?sort=-name&", "/v1/accounts?", "/v1/accounts?sort=name&q=b&", a + "/trunks?", a + "/call-log?"} {
		w.do(get(path+"cursor="+next)).want(422, "cursor_invalid", "cursor")
	}
	w.do(get("/v1/accounts?sort=name&limit=2&cursor=" + next)).want(200)
	broken := []byte(next)
	broken[len(broken)/2] ^= 1
	w.do(get("/v1/accounts?limit=1&sort=name&cursor="+string(broken))).want(422, "cursor_invalid")
	// Items that appear behind the cursor do not move it.
	w.do(post("/v1/accounts", obj{"name": "Adams"})).want(201)
	if got := w.do(get("/v1/accounts?limit=5&sort=name&cursor=" + next)).ids("name"); !slices.Equal(got, []string{"Smith"}) {
		t.Errorf("behind the cursor: %v", got)
	}
}
