package provision

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// federationFixture has a federation with a member, who is named, a request and
// an administrator.
func federationFixture(w *world, account string) fixture {
	w.t.Helper()
	owner, member := w.account("Owner"), w.account("Member")
	f := w.federate(owner, member)
	request := f.asks(w.account("Applicant"))
	named, spare := idIn(w.user(owner, "named@owner.example", "user")), idIn(w.user(owner, "spare@owner.example", "user"))
	w.do(put(f.path+"/administrators/"+named, nil)).want(200)
	verb := "PUT " + administratorPath
	return fixture{
		named: []string{
			verb, "PUT " + f.path + "/administrators/" + spare, administratorPath, f.path + "/administrators/" + named,
			memberPath, f.path + "/members/" + idIn(member), "{federation}", idIn(f.path), "{request}", idIn(request),
		},
		bodies: map[string]any{
			verb: nil, "POST " + requestRoute + "/accept": nil, "POST " + requestRoute + "/decline": nil,
			"POST " + federationPath + "/access-code":  nil,
			"POST /v1/federations":                     obj{"name": "Ring", "owner": idIn(account)},
			"POST " + accountPath + "/federation/join": obj{"access_code": f.code},
		},
	}
}

// ring is a federation in a conversation.
type ring struct {
	*world
	path, code string
}

// federate creates a federation of an account and lets others join it.
func (w *world) federate(owner string, members ...string) ring {
	w.t.Helper()
	made := w.do(post("/v1/federations", obj{"name": "Ring", "owner": idIn(owner)})).want(201)
	r := ring{w, made.header.Get("Location"), made.str("access_code")}
	for _, m := range members {
		r.joins(m)
	}
	return r
}

// asks lets an account ask to join, and returns the request's path.
func (r ring) asks(account string) string {
	r.t.Helper()
	return r.do(post(account+"/federation/join", obj{"access_code": r.code})).want(201).is("status", "pending").header.Get("Location")
}

func (r ring) joins(account string) {
	r.t.Helper()
	r.do(post(r.asks(account)+"/accept", nil)).want(200).is("status", "accepted")
}

func (r ring) member(account string) string { return r.path + "/members/" + idIn(account) }

// dials demands a verdict on a call: "" for a route to the account named, or a
// reason.
func (w *world) dials(from, number, to, reason string) {
	w.t.Helper()
	r := w.do(post("/v1/explain", obj{"account": idIn(from), "dialled": number})).want(200)
	if reason != "" {
		r.is("verdict", "refuse").is("reason", reason).is("target", nil)
		return
	}
	r.is("verdict", "route").is("target.name", to)
}

// shop is a reseller with three customers, each with a number of its own, and
// one of another reseller.
type shop struct {
	*world
	reseller, brown, smith, andrews, foreign string
	partner, brownAdmin, smithAdmin          string
}

func newShop(t *testing.T, change ...func(*Config)) *shop {
	t.Helper()
	w := newWorld(t, change...)
	s := &shop{world: w, reseller: w.account("Reseller")}
	s.brown, s.smith, s.andrews = w.below(s.reseller, "Brown"), w.below(s.reseller, "Smith"), w.below(s.reseller, "Andrews")
	s.foreign = w.below(w.account("Other reseller"), "Foreign")
	for i, a := range []string{s.brown, s.smith, s.andrews, s.foreign} {
		d := string(rune('1' + i))
		w.number(a, w.trunk(a, "192.0.2."+d), d+"001", nil)
	}
	s.partner, s.brownAdmin, s.smithAdmin = w.admin(s.reseller), w.admin(s.brown), w.admin(s.smith)
	return s
}

func TestFE1WhoCreatesAFederation(t *testing.T) {
	s := newShop(t)
	seq := s.store.seq
	for _, token := range []string{s.brownAdmin, s.plain(s.brown), s.plain(s.reseller)} {
		before := s.store.seq
		for _, body := range []obj{{"name": "Ring"}, {"name": "Ring", "owner": idIn(s.brown)}, {"name": "Ring", "owner": idIn(s.smith)}, {"name": "Ring", "owner": "acc_nobody"}} {
			s.do(post("/v1/federations", body).as(token)).want(403, "forbidden")
		}
		if s.store.seq != before {
			t.Fatal("something was written")
		}
	}
	if n := len(s.do(get("/v1/federations")).want(200).ids("id")); n != 0 || s.store.seq < seq {
		t.Fatalf("%d federations", n)
	}
	// A partner creates one for itself or for an account below it, and for no other.
	made := s.do(post("/v1/federations", obj{"name": "Ring"}).as(s.partner)).want(201).is("name", "Ring").is("owner", idIn(s.reseller)).is("members", 0)
	if code := made.str("access_code"); MistypedCode(code) || !MistypedKey(code) {
		t.Errorf("access code %q", code)
	}
	s.do(post("/v1/federations", obj{"name": "Brown's", "owner": idIn(s.brown)}).as(s.partner)).want(201).is("owner", idIn(s.brown))
	s.do(post("/v1/federations", obj{"name": "x", "owner": idIn(s.foreign)}).as(s.partner)).want(422, "owner_unknown", "/owner")
	s.do(post("/v1/federations", obj{"name": "x", "owner": "acc_nobody"})).want(422, "owner_unknown", "/owner")
	s.do(post("/v1/federations", obj{"name": "x"})).want(422, "required", "/owner")
	s.do(post("/v1/federations", obj{"name": " ", "owner": idIn(s.brown)})).want(422, "name_required", "/name")
	// A token that may read only does not create.
	read := s.do(post(s.reseller+"/tokens", obj{"name": "r", "scopes": []string{"read"}})).want(201).str("token")
	s.do(post("/v1/federations", obj{"name": "Ring"}).as(read)).want(403, "forbidden")
	if n := len(s.do(get("/v1/federations").as(read)).want(200).ids("id")); n != 2 {
		t.Errorf("%d federations are listed", n)
	}
}

func TestFE1FederationLife(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith)
	got := s.do(get(f.path).as(s.partner)).want(200).is("access_code", f.code).is("members", 2)
	if contains(s.do(get("/v1/federations").as(s.partner)).want(200).text, f.code) {
		t.Error("the list shows the code")
	}
	s.do(change(f.path, obj{"name": "Round"}).as(s.partner).match(got.etag())).want(200).is("name", "Round")
	s.do(change(f.path, obj{"name": "Late"}).as(s.partner).match(got.etag())).want(412, "stale")
	// A member reads it, without the code and the owner; who has nothing to do
	// with it does not know of it.
	r := s.do(get(f.path).as(s.brownAdmin)).want(200).is("name", "Round").is("owner", nil)
	if contains(r.text, f.code) || contains(r.text, "access_code") {
		t.Errorf("a member reads the code: %s", r.text)
	}
	for _, a := range []asked{change(f.path, obj{"name": "mine"}), del(f.path), post(f.path+"/access-code", nil), get(f.path + "/join-requests"), get(f.path + "/administrators")} {
		s.do(a.as(s.brownAdmin)).want(403, "forbidden")
		s.do(a.as(s.admin(s.andrews))).want(404, "not_found")
		s.do(a.as(s.admin(s.foreign))).want(404, "not_found")
		s.do(a.as(s.plain(s.brown))).want(404, "not_found")
	}
	s.do(get(f.path).as(s.admin(s.foreign))).want(404, "not_found")
	s.dials(s.brown, "2001", "Smith", "")
	s.do(del(f.path).as(s.partner)).want(204)
	s.dials(s.brown, "2001", "", "number_not_found")
	s.do(get(s.brown + "/federation")).want(200)
	s.do(get(f.path)).want(404, "not_found")
	for ref := range s.store.objects {
		if slices.Contains([]directory.Kind{directory.KindFederation, directory.KindMembership, directory.KindFederationAdmin}, ref.Kind) {
			t.Errorf("%v is left", ref)
		}
	}
}

func TestFE2AccessCode(t *testing.T) {
	s := newShop(t, func(c *Config) { c.RedeemBurst = 100 })
	f := s.federate(s.reseller)
	// One code admits any number.
	first := s.do(post(s.brown+"/federation/join", obj{"access_code": f.code}).as(s.brownAdmin)).want(201).
		is("status", "pending").is("federation.name", "Ring").is("federation.id", idIn(f.path)).is("joined_at", nil)
	s.do(post(s.smith+"/federation/join", obj{"access_code": strings.ToLower(strings.ReplaceAll(f.code, "-", " "))}).as(s.smithAdmin)).want(201)
	foreign := s.do(post(s.foreign+"/federation/join", obj{"access_code": f.code}).as(s.admin(s.foreign))).want(201)
	list := s.do(get(f.path + "/join-requests").as(s.partner)).want(200)
	if got := list.ids("id"); len(got) != 3 || !slices.Contains(got, foreign.str("id")) {
		t.Errorf("the owner reads the requests %v", got)
	}
	list.is("items.0.account.name", "Brown").is("items.0.account.id", idIn(s.brown))
	// Again while pending: the same request, without a write.
	seq := s.store.seq
	again := s.do(post(s.brown+"/federation/join", obj{"access_code": f.code}).as(s.brownAdmin)).want(200).is("id", first.str("id"))
	if again.header.Get("Location") != first.header.Get("Location") || s.store.seq != seq {
		t.Error("asking again wrote something")
	}
	// A wrong code, an old one and a mistyped one create nothing and look alike.
	old := f.code
	s.do(post(f.path+"/access-code", nil).as(s.partner)).want(200)
	seq = s.store.seq
	var wrong *reply
	for _, code := range []string{old, newSecret(accessCode), newSecret(authorizationKey), "", "nonsense", old[1:], "ÄÖ\u0000"} {
		for _, query := range []string{"", "?dry_run=true"} {
			r := s.do(post(s.andrews+"/federation/join"+query, obj{"access_code": code}).with(requestIDHeader, "same")).want(404, "code_unknown", "/access_code")
			if wrong == nil {
				wrong = r
			}
			if r.text != wrong.text || len(r.header) != len(wrong.header) {
				t.Errorf("%q looks different:\n%s\n%s", code, r.text, wrong.text)
			}
		}
	}
	if s.store.seq != seq || s.store.view.ObjectByClaim(directory.MembershipClaim(directory.AccountID(idIn(s.andrews)))) != nil {
		t.Error("a wrong code wrote something")
	}
	// A user cannot ask for its account, nor somebody else.
	s.do(post(s.brown+"/federation/join", obj{"access_code": f.code}).as(s.plain(s.brown))).want(403, "forbidden")
	s.do(post(s.brown+"/federation/join", obj{"access_code": f.code}).as(s.smithAdmin)).want(404, "not_found")
}

func TestFE3PendingIsNoMember(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown)
	steward := s.steward(f, s.brown)
	request := f.asks(s.smith)
	// No calls, either way.
	s.dials(s.smith, "1001", "", "number_not_found")
	s.dials(s.brown, "2001", "", "number_not_found")
	// Not listed.
	if r := s.do(get(f.path + "/members").as(s.partner)).want(200); contains(r.text, "Smith") {
		t.Errorf("members: %s", r.text)
	}
	s.do(get(f.member(s.smith)).as(s.partner)).want(404, "not_found")
	s.do(del(f.member(s.smith)).as(s.partner)).want(404, "not_found")
	// Invisible to the federation's administrator.
	s.do(get(s.smith).as(steward)).want(404, "not_found")
	s.do(get(s.smith+"/numbers").as(steward)).want(404, "not_found")
	s.do(get(request).as(steward)).want(404, "not_found")
	s.do(get(f.path+"/join-requests").as(steward)).want(403, "forbidden")
	s.do(post(request+"/accept", nil).as(steward)).want(404, "not_found")
	s.do(put(f.path+"/administrators/"+idIn(s.user(s.smith, "x@smith.example", "admin")), nil).as(s.partner)).want(404, "not_found")
	// The applicant knows its request and nothing of the federation.
	s.do(get(f.path).as(s.smithAdmin)).want(404, "not_found")
	s.do(get(f.path+"/members").as(s.smithAdmin)).want(404, "not_found")
	s.do(get(request).as(s.smithAdmin)).want(200).is("status", "pending")
	s.do(get(s.smith+"/federation").as(s.smithAdmin)).want(200).is("status", "pending").is("joined_at", nil).is("name", "Ring").is("id", idIn(f.path))
	// Only the owner accepts or declines; to others there is no such request.
	for _, verb := range []string{"/accept", "/decline"} {
		s.do(post(request+verb, nil).as(s.smithAdmin)).want(403, "forbidden")
		s.do(post(request+verb, nil).as(s.brownAdmin)).want(404, "not_found")
		s.do(post(request+verb, nil).as(s.admin(s.foreign))).want(404, "not_found")
		s.do(post(request+verb, nil).as(s.plain(s.smith))).want(404, "not_found")
	}
	// The requester withdraws; others do not.
	s.do(del(request).as(s.brownAdmin)).want(404, "not_found")
	s.do(del(request).as(s.smithAdmin)).want(204)
	s.do(get(request).as(s.smithAdmin)).want(404, "not_found")
	// Declined: gone, and it may ask again.
	request = f.asks(s.smith)
	s.do(post(request+"/decline", nil).as(s.partner)).want(200).is("status", "declined")
	s.do(post(request+"/accept", nil).as(s.partner)).want(404, "not_found")
	f.joins(s.smith)
	s.do(post(f.asks(s.andrews)+"/accept", nil).as(s.partner)).want(200)
}

// The owner may be a customer: then its own administrator decides.
func TestFE3TheOwnerDecides(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.brown)
	request := f.asks(s.foreign)
	s.do(get(f.path+"/join-requests").as(s.brownAdmin)).want(200).is("items.0.account.name", "Foreign")
	s.do(get(f.path).as(s.brownAdmin)).want(200).is("access_code", f.code)
	s.do(post(request+"/accept?dry_run=true", nil).as(s.brownAdmin)).want(200).is("status", "accepted")
	s.do(get(request).as(s.brownAdmin)).is("status", "pending")
	s.do(post(request+"/accept", nil).as(s.brownAdmin)).want(200).is("status", "accepted")
	s.do(post(request+"/accept", nil).as(s.brownAdmin)).want(409, "join_request_settled")
	s.do(post(request+"/decline", nil).as(s.brownAdmin)).want(409, "join_request_settled")
	s.do(del(request).as(s.admin(s.foreign))).want(409, "join_request_settled")
	if got := s.do(get("/v1/federations").as(s.brownAdmin)).want(200).ids("id"); !slices.Equal(got, []string{idIn(f.path)}) {
		t.Errorf("the owner lists %v", got)
	}
	for _, token := range []string{s.admin(s.foreign), s.smithAdmin, s.plain(s.brown)} {
		if got := s.do(get("/v1/federations").as(token)).want(200).ids("id"); len(got) != 0 {
			t.Errorf("others list %v", got)
		}
	}
	if got := s.do(get("/v1/federations").as(s.partner)).want(200).ids("id"); len(got) != 1 {
		t.Errorf("the partner lists %v", got)
	}
	// Owning is not being a member, and gives no right over members.
	s.dials(s.brown, "4001", "", "number_not_found")
	s.do(get(s.foreign).as(s.brownAdmin)).want(404, "not_found")
	s.do(get(f.path+"/members").as(s.brownAdmin)).want(200).is("items.0.name", "Foreign")
}

func TestFE4MembersCallEachOther(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith)
	s.dials(s.andrews, "1001", "", "number_not_found")
	f.joins(s.andrews)
	names := s.do(get(f.path + "/members").as(s.partner)).want(200).ids("name")
	if !slices.Equal(names, []string{"Brown", "Smith", "Andrews"}) {
		t.Errorf("members %v", names)
	}
	numbers := map[string]string{"1001": "Brown", "2001": "Smith", "3001": "Andrews"}
	for _, from := range []string{s.brown, s.smith, s.andrews} {
		for number, to := range numbers {
			s.dials(from, number, to, "")
		}
		s.dials(from, "4001", "", "number_not_found")
	}
	// Private numbers ring for their own account only, from the next call on.
	secret := s.number(s.smith, s.trunk(s.smith, "192.0.2.12"), "2002", nil).header.Get("Location")
	s.dials(s.brown, "2002", "Smith", "")
	s.do(change(secret, obj{"private": true})).want(200)
	s.dials(s.brown, "2002", "", "number_not_found")
	s.dials(s.smith, "2002", "Smith", "")
	s.do(change(s.smith, obj{"enabled": false})).want(200)
	s.dials(s.brown, "2001", "", "number_not_found")
	s.dials(s.smith, "1001", "", "account_disabled")
	// What a member's administrator reads of others is their names.
	r := s.do(get(f.path+"/members").as(s.brownAdmin)).want(200).is("items.1.name", "Smith").is("items.1.account", nil)
	if contains(r.text, idIn(s.smith)) {
		t.Errorf("Brown reads Smith's id: %s", r.text)
	}
}

func TestDI2InterlinksBeforeTheFederation(t *testing.T) {
	s := newShop(t)
	s.federate(s.reseller, s.brown, s.smith)
	s.dials(s.brown, "2001", "Smith", "")
	// Andrews has the number, too, and is linked.
	s.number(s.andrews, s.trunk(s.andrews, "192.0.2.13"), "2001", nil)
	onBrown, _ := s.link(s.brown, s.andrews)
	s.dials(s.brown, "2001", "Andrews", "")
	s.dials(s.smith, "1001", "Brown", "")
	s.do(change(onBrown, obj{"suspended": true})).want(200)
	s.dials(s.brown, "2001", "Smith", "")
	s.do(change(onBrown, obj{"suspended": false})).want(200)
	s.do(change(s.andrews, obj{"enabled": false})).want(200)
	s.dials(s.brown, "2001", "Smith", "")
}

func TestDI3SeveralMembersHaveTheNumber(t *testing.T) {
	s := newShop(t)
	s.federate(s.reseller, s.brown, s.smith, s.andrews)
	shared := s.number(s.andrews, s.trunk(s.andrews, "192.0.2.13"), "2001", nil).header.Get("Location")
	s.dials(s.brown, "2001", "", "ambiguous_number")
	s.dials(s.andrews, "2001", "Andrews", "")
	s.do(change(shared, obj{"private": true})).want(200)
	s.dials(s.brown, "2001", "Smith", "")
	s.do(change(shared, obj{"private": false})).want(200)
	// A link with a dial prefix always reaches its own.
	onBrown, _ := s.link(s.brown, s.andrews)
	s.do(change(onBrown, obj{"prefix": "8"})).want(200)
	s.dials(s.brown, "82001", "Andrews", "")
	// And a link decides by standing before the federation.
	s.dials(s.brown, "2001", "Andrews", "")
}

// steward names a new plain user of an account an administrator of a federation
// and returns its session.
func (w *world) steward(f ring, account string) string {
	w.t.Helper()
	email := w.server.ids.next("steward") + "@example.com"
	user := w.user(account, email, "user")
	w.do(put(f.path+"/administrators/"+idIn(user), nil)).want(200).is("user", idIn(user))
	return w.login(email)
}

func TestFE6MembersAreApart(t *testing.T) {
	s := newShop(t)
	s.federate(s.reseller, s.brown, s.smith, s.andrews)
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	record := func(id, account, peer string, inbound bool) {
		a := directory.AccountID(idIn(account))
		s.store.records[a] = append(s.store.records[a], routing.Record{
			ID: id, Account: a, Inbound: inbound, Peer: directory.AccountID(idIn(peer)), From: "1001", To: "2001",
			Started: at, Ended: at.Add(time.Minute), Result: routing.ResultAnswered, SIPStatus: 200,
		})
	}
	record("1", s.brown, s.smith, false)
	record("2", s.smith, s.brown, true)
	s.call(9, s.brown, s.smith)
	s.do(get(s.brown+"/call-log").as(s.brownAdmin)).want(200).is("items.0.peer.name", "Smith").is("items.0.direction", "outbound")
	s.do(get(s.smith+"/call-log").as(s.smithAdmin)).want(200).is("items.0.peer.name", "Brown").is("items.0.direction", "inbound")
	s.do(get(s.brown+"/calls").as(s.brownAdmin)).want(200).is("items.0.peer.name", "Smith")
	andrews := s.admin(s.andrews)
	for _, path := range []string{"/call-log", "/calls"} {
		if r := s.do(get(s.andrews + path).as(andrews)).want(200); len(r.ids("id")) != 0 {
			t.Errorf("Andrews reads %s", r.text)
		}
	}
	for _, path := range []string{"/call-log", "/calls", "/capacity", "/limits", "/numbers", "/federation", ""} {
		s.do(get(s.brown+path).as(s.smithAdmin)).want(404, "not_found")
	}
}

func TestFE7LeaveRemoveRotate(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith, s.andrews)
	other := s.federate(s.reseller)
	// At most one federation, whether member or applicant.
	s.do(post(s.brown+"/federation/join", obj{"access_code": other.code})).want(409, "in_federation", "/access_code")
	s.do(post(s.brown+"/federation/join", obj{"access_code": f.code})).want(409, "in_federation", "/access_code")
	other.asks(s.foreign)
	s.do(post(s.foreign+"/federation/join", obj{"access_code": f.code})).want(409, "in_federation", "/access_code")
	// A member leaves; nobody else makes it leave but the owner.
	s.do(del(f.member(s.brown)).as(s.admin(s.foreign))).want(404, "not_found")
	s.do(del(f.member(s.brown)).as(s.smithAdmin)).want(404, "not_found")
	s.do(del(f.member(s.brown)).as(s.plain(s.brown))).want(404, "not_found")
	tag := s.do(get(f.member(s.brown)).as(s.brownAdmin)).want(200).is("name", "Brown").etag()
	s.do(del(f.member(s.brown)).as(s.brownAdmin).match(tag)).want(204)
	if body := s.do(get(s.brown + "/federation").as(s.brownAdmin)).want(200).text; strings.TrimSpace(body) != "null" {
		t.Errorf("Brown is in %s", body)
	}
	s.dials(s.brown, "2001", "", "number_not_found")
	s.dials(s.smith, "1001", "", "number_not_found")
	s.dials(s.smith, "3001", "Andrews", "")
	s.do(get(f.path).as(s.brownAdmin)).want(404, "not_found")
	// The owner removes one.
	s.do(del(f.member(s.andrews)).as(s.partner)).want(204)
	s.dials(s.smith, "3001", "", "number_not_found")
	// A new code: the old one is dead, the member stays.
	fresh := s.do(post(f.path+"/access-code", nil).as(s.partner)).want(200).is("members", 1).str("access_code")
	s.do(post(s.brown+"/federation/join", obj{"access_code": f.code})).want(404, "code_unknown")
	s.do(get(s.smith+"/federation").as(s.smithAdmin)).want(200).is("status", "member")
	s.do(post(s.brown+"/federation/join", obj{"access_code": fresh})).want(201)
	if r := s.do(post(f.path+"/access-code?dry_run=true", nil).as(s.partner)).want(200); contains(r.text, "access_code") {
		t.Error("the dry run gave a code")
	}
	s.do(get(f.path).as(s.partner)).is("access_code", fresh)
}
