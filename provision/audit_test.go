package provision

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// isAudited carries an operation out and demands exactly one entry that says who
// did what to whom, and none for a read.
func isAudited(t *testing.T, w *world, a asked, ask func(asked) *reply) *reply {
	t.Helper()
	before := len(w.store.trail)
	r := ask(a.with(requestIDHeader, "audited-1"))
	entries := w.store.trail[before:]
	if a.method == http.MethodGet || a.path == "/v1/explain" {
		if len(entries) != 0 {
			t.Fatalf("%s %s wrote %d entries", a.method, a.path, len(entries))
		}
		return r
	}
	if len(entries) != 1 {
		t.Fatalf("%s %s: %d audit entries for one request", a.method, a.path, len(entries))
	}
	by := entries[0].Actor
	method, route, _ := strings.Cut(by.Action, " ")
	if method != a.method || !strings.HasPrefix(route, "/v1/") || strings.Contains(route, "acc_") || by.RequestID != "audited-1" || by.Principal == "" {
		t.Fatalf("%s %s is put down as %+v", a.method, a.path, by)
	}
	if entries[0].Note == nil && len(entries[0].Changes) == 0 {
		t.Fatalf("%s %s: the entry does not say what was done", a.method, a.path)
	}
	return r
}

// observed is a reseller with two customers that are linked, and a stranger.
type observed struct {
	*world
	reseller, brown, smith, other string
}

func newObserved(t *testing.T) observed {
	w := newWorld(t)
	o := observed{world: w, reseller: w.account("Reseller"), other: w.account("Other")}
	o.brown, o.smith = w.below(o.reseller, "Brown"), w.below(o.reseller, "Smith")
	w.link(o.brown, o.other)
	return o
}

func TestAuditShowsEachReaderItsPart(t *testing.T) {
	w := newObserved(t)
	brownAdmin, partner, otherAdmin := w.admin(w.brown), w.admin(w.reseller), w.admin(w.other)
	w.do(change(w.smith, obj{"enabled": false}).as(partner)).want(200)
	w.do(post(w.brown+"/trunks", obj{"name": "PBX", "addresses": []string{"192.0.2.1:5060"}, "source_addresses": []string{"192.0.2.1"}}).as(brownAdmin)).want(201)

	newest := w.do(get("/v1/audit?limit=1").as(brownAdmin)).want(200)
	newest.is("items.0.action", "POST /v1/accounts/{account}/trunks").is("items.0.changes.0.kind", "trunk").is("items.0.changes.0.action", "created")
	newest.is("items.0.changes.0.account", idIn(w.brown)).is("items.0.changes.0.before", nil).is("items.0.changes.0.after.name", "PBX")
	if p := newest.str("items.0.actor"); !strings.HasPrefix(p, "user:usr_") {
		t.Fatalf("principal %s", p)
	}
	// Neither the sibling nor the other side shows.
	all := w.do(get("/v1/audit").as(brownAdmin)).want(200).text
	if strings.Contains(all, idIn(w.smith)) || strings.Contains(all, "to the one") {
		t.Fatalf("Brown reads about others: %s", all)
	}
	if !strings.Contains(all, "to the other") {
		t.Fatal("Brown does not read its own side of the link")
	}
	theirs := w.do(get("/v1/audit").as(otherAdmin)).want(200).text
	if strings.Contains(theirs, "to the other") || !strings.Contains(theirs, "to the one") {
		t.Fatalf("the other side reads %s", theirs)
	}
	w.do(get("/v1/audit?action=PATCH+/v1/accounts/{account}&limit=1").as(partner)).want(200).is("items.0.changes.0.id", idIn(w.smith))
	w.do(get("/v1/audit?account="+idIn(w.smith)+"&limit=1").as(partner)).want(200).is("items.0.changes.0.id", idIn(w.smith))
	w.do(get("/v1/audit?account="+idIn(w.other)).as(partner)).want(404, "not_found")
	w.do(get("/v1/audit?account="+idIn(w.smith)).as(brownAdmin)).want(404, "not_found")
	w.do(get("/v1/audit").as(w.plain(w.brown))).want(403, "forbidden")
	if n := len(w.do(get("/v1/audit?limit=200")).want(200).field("items").([]any)); n != len(w.store.trail) {
		t.Fatalf("staff reads %d entries of %d", n, len(w.store.trail))
	}
}

// What concerned an account below stays readable when the account is gone.
func TestAuditOfADeletedAccount(t *testing.T) {
	w := newObserved(t)
	partner := w.admin(w.reseller)
	w.do(del(w.smith).as(partner)).want(204)
	w.do(get("/v1/audit?limit=1").as(partner)).want(200).
		is("items.0.action", "DELETE /v1/accounts/{account}").is("items.0.changes.0.account", idIn(w.smith)).is("items.0.changes.0.action", "deleted")
}

func TestAuditFiltersAndPages(t *testing.T) {
	w := newObserved(t)
	admin := w.admin(w.brown)
	begun := time.Now().Add(-time.Hour)
	for i := range 5 {
		w.do(post(w.brown+"/interlinks", obj{"name": fmt.Sprint("link ", i)}).as(admin)).want(201)
		w.do(change(w.brown, obj{"enabled": i%2 == 0})).want(200)
	}
	me := w.do(get("/v1/me").as(admin)).want(200).str("principal")
	var names []string
	cursor := ""
	for range 3 {
		r := w.do(get("/v1/audit?limit=2&actor=" + me + cursor)).want(200)
		for _, it := range r.field("items").([]any) {
			names = append(names, it.(obj)["changes"].([]any)[0].(obj)["after"].(obj)["a"].(obj)["name"].(string))
		}
		if r.field("next") == nil {
			cursor = ""
			continue
		}
		cursor = "&cursor=" + r.str("next")
	}
	if got := strings.Join(names, ","); got != "link 4,link 3,link 2,link 1,link 0" || cursor != "" {
		t.Fatalf("pages have %s, then %q", got, cursor)
	}
	if r := w.do(get("/v1/audit?to=" + begun.UTC().Format(time.RFC3339))).want(200); len(r.field("items").([]any)) != 0 {
		t.Fatal("entries from before the beginning")
	}
	first := w.do(get("/v1/audit?limit=1&actor=" + me)).want(200).str("next")
	w.do(get("/v1/audit?limit=1&cursor="+first)).want(422, "cursor_invalid", "cursor")
	w.do(get("/v1/audit?from=yesterday")).want(422, "invalid", "from")
}

// A question that few entries answer looks at a bounded number of them.
func TestAuditScanIsBounded(t *testing.T) {
	w := newWorld(t)
	for range auditScan + 10 {
		if err := w.store.Note(t.Context(), directory.Actor{Principal: "other"}, directory.Note{Outcome: "done"}); err != nil {
			t.Fatal(err)
		}
	}
	r := w.do(get("/v1/audit?actor=nobody")).want(200)
	if len(r.field("items").([]any)) != 0 || r.field("next") == nil {
		t.Fatalf("the first answer: %s", r.text)
	}
	if r = w.do(get("/v1/audit?actor=nobody&cursor=" + r.str("next"))).want(200); r.field("next") != nil {
		t.Fatalf("the second answer: %s", r.text)
	}
}

func TestAC9AuditNamesActorAndSubject(t *testing.T) {
	w := newObserved(t)
	partner := w.admin(w.reseller)
	me := w.do(get("/v1/me").as(partner)).want(200).str("principal")
	admin := w.admin(w.brown)
	acting := w.do(post(w.brown+"/access", obj{"reason": "ticket 1"}).as(partner)).want(201).str("token")
	w.do(post(w.brown+"/interlinks", obj{"name": "made by the partner"}).as(acting)).want(201)
	w.do(get("/v1/audit?limit=1").as(admin)).want(200).is("items.0.actor", me).is("items.0.subject", idIn(w.brown))
}

func TestAuditOfAnEndedCall(t *testing.T) {
	w := newObserved(t)
	lease := w.call(1, w.brown, w.smith)
	admin := w.admin(w.brown)
	w.do(requestFor("DELETE", "/v1/calls/"+callID(lease), nil).as(admin)).want(204)
	for _, reader := range []string{admin, w.admin(w.smith), w.admin(w.reseller)} {
		w.do(get("/v1/audit?action=DELETE+/v1/calls/{call}").as(reader)).want(200).
			is("items.0.object", "call:"+callID(lease)).is("items.0.outcome", "asked")
	}
	if r := w.do(get("/v1/audit?action=DELETE+/v1/calls/{call}").as(w.admin(w.other))).want(200); len(r.field("items").([]any)) != 0 {
		t.Fatal("a stranger reads about the call")
	}
}

func TestAuditHasNoSecrets(t *testing.T) {
	w := newObserved(t)
	key := w.do(post(w.brown+"/interlinks", obj{"name": "N"})).want(201).str("authorization_key")
	all := w.do(get("/v1/audit?limit=200")).want(200).text
	for _, secret := range []string{key, "key_hash", "key_sealed", testToken} {
		if strings.Contains(all, secret) {
			t.Errorf("the audit shows %s", secret)
		}
	}
}

func TestVerifyAuditIsForStaff(t *testing.T) {
	w := newObserved(t)
	w.do(get("/v1/audit/verify")).want(200).is("intact", true).is("broken", nil).is("entries", len(w.store.trail))
	for _, token := range []string{w.admin(w.reseller), w.admin(w.brown), w.plain(w.brown)} {
		w.do(get("/v1/audit/verify").as(token)).want(403, "forbidden")
	}
}

// Refused logins are put down for the account's administrators, a few of many.
func TestAuditOfRefusedLogins(t *testing.T) {
	w := newObserved(t)
	w.do(post(w.brown+"/users", obj{"email": "pat@brown.example", "first_name": "Pat", "last_name": "Brown", "role": "user", "password": "correct horse battery"})).want(201)
	admin := w.admin(w.brown)
	refused := func(token string) int {
		return len(w.do(get("/v1/audit?actor=anonymous&limit=200").as(token)).want(200).field("items").([]any))
	}
	for range 2 * refusedBurst {
		w.do(post("/v1/login", obj{"email": "pat@brown.example", "password": "wrong horse battery"})).want(401, "login_failed")
	}
	if n := refused(admin); n != refusedBurst {
		t.Fatalf("%d of %d are put down", n, 2*refusedBurst)
	}
	w.do(get("/v1/audit?actor=anonymous&limit=1").as(admin)).want(200).is("items.0.outcome", "refused").is("items.0.action", "POST /v1/login")
	w.do(post("/v1/login", obj{"email": "nobody@brown.example", "password": "wrong horse battery"})).want(401, "login_failed")
	if brown, all := refused(admin), refused(testToken); brown != refusedBurst || all != refusedBurst+1 {
		t.Fatalf("Brown reads %d, staff %d", brown, all)
	}
	if text := w.do(get("/v1/audit?limit=200")).want(200).text; strings.Contains(text, "horse") || strings.Contains(text, "nobody@") {
		t.Fatal("the audit shows what was typed")
	}
}
