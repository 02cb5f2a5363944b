package provision

import (
	"slices"
	"sync"
	"testing"
)

// A federation administrator has a customer administrator's rights over every
// member and over nothing else (FE5).
func TestFE5FederationAdministrator(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith)
	// The user of the owner who is named has no rights of its own there.
	token := s.steward(f, s.reseller)
	trunk := s.do(get(s.brown + "/trunks").as(token)).want(200).str("items.0.id")
	for _, member := range []string{s.brown, s.smith} {
		s.do(get(member).as(token)).want(200)
		s.do(post(member+"/interlinks", obj{"name": "x"}).as(token)).want(201)
		s.do(get(member + "/call-log").as(token)).want(200)
		s.do(get(member + "/users").as(token)).want(200)
		// Not what a customer administrator may not.
		s.do(change(member, obj{"enabled": false}).as(token)).want(403, "forbidden")
		s.do(del(member).as(token)).want(403, "forbidden")
		s.do(post(member+"/access", obj{"reason": "x"}).as(token)).want(403, "forbidden")
		s.do(post("/v1/federations", obj{"name": "x", "owner": idIn(member)}).as(token)).want(403, "forbidden")
	}
	s.do(post(s.brown+"/numbers", obj{"number": "1002", "trunk": trunk}).as(token)).want(201)
	s.do(post(s.brown+"/users", obj{"email": "new@brown.example", "first_name": "N", "last_name": "N", "role": "admin"}).as(token)).want(201)
	s.do(post(s.brown+"/tokens", obj{"name": "T"}).as(token)).want(201)
	// Nothing else: not the owner, no other account, not the federation itself.
	for _, other := range []string{s.andrews, s.foreign} {
		s.do(get(other).as(token)).want(404, "not_found")
		s.do(get(other+"/numbers").as(token)).want(404, "not_found")
	}
	s.do(get(s.reseller+"/trunks").as(token)).want(403, "forbidden")
	s.do(post(s.reseller+"/interlinks", obj{"name": "x"}).as(token)).want(403, "forbidden")
	r := s.do(get(f.path).as(token)).want(200)
	if contains(r.text, f.code) {
		t.Error("the administrator reads the access code")
	}
	if got := s.do(get("/v1/federations").as(token)).want(200).ids("id"); !slices.Equal(got, []string{idIn(f.path)}) {
		t.Errorf("it lists %v", got)
	}
	if got := s.do(get("/v1/accounts?sort=name").as(token)).want(200).ids("name"); !slices.Equal(got, []string{"Brown", "Reseller", "Smith"}) {
		t.Errorf("it sees the accounts %v", got)
	}
	s.do(get(f.path+"/members").as(token)).want(200).is("items.0.account", idIn(s.brown))
	for _, a := range []asked{change(f.path, obj{"name": "mine"}), del(f.path), post(f.path+"/access-code", nil), get(f.path + "/administrators")} {
		s.do(a.as(token)).want(403, "forbidden")
	}
	// Members keep their own administrators, whose rights stop at their account.
	s.do(get(s.brown + "/numbers").as(s.brownAdmin)).want(200)
	s.do(get(s.smith+"/numbers").as(s.brownAdmin)).want(404, "not_found")
}

// Rights over a member end with its membership, and those of an administrator
// with that of its own account.
func TestFE5RightsEndWithMembership(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith, s.andrews)
	token := s.steward(f, s.brown)
	// Named, Brown's plain user has the rights over its own account, too.
	s.do(get(s.brown + "/trunks").as(token)).want(200)
	s.do(get(s.smith + "/trunks").as(token)).want(200)
	s.do(del(f.member(s.smith)).as(s.smithAdmin)).want(204)
	s.do(get(s.smith+"/trunks").as(token)).want(404, "not_found")
	s.do(get(s.andrews + "/trunks").as(token)).want(200)
	s.do(del(f.member(s.brown)).as(s.partner)).want(204)
	s.do(get(s.andrews+"/trunks").as(token)).want(404, "not_found")
	s.do(get(s.brown+"/trunks").as(token)).want(403, "forbidden")
	if n := len(s.do(get(f.path + "/administrators").as(s.partner)).want(200).ids("user")); n != 0 {
		t.Errorf("%d administrators are left", n)
	}
	// Back in, it has to be named again.
	f.joins(s.brown)
	s.do(get(s.andrews+"/trunks").as(token)).want(404, "not_found")
}

// An owner that is a member of its own federation does not hand the federation
// over to its administrator, by no way round either; nor does a member that is a
// partner hand over the accounts below it.
func TestFE5NoWayRound(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.brown, s.brown, s.reseller)
	token := s.steward(f, s.brown)
	request := f.asks(s.smith)
	s.do(get(s.brown + "/trunks").as(token)).want(200)
	s.do(get(f.path+"/join-requests").as(token)).want(403, "forbidden")
	s.do(post(request+"/accept", nil).as(token)).want(404, "not_found")
	if r := s.do(get(f.path).as(token)).want(200); contains(r.text, f.code) {
		t.Error("the administrator reads the code")
	}
	for i, account := range []string{s.brown, s.reseller} {
		user := obj{"email": string(rune('a'+i)) + "@x.example", "first_name": "N", "last_name": "N", "role": "admin"}
		s.do(post(account+"/users", user).as(token)).want(403, "forbidden")
		s.do(post(account+"/tokens", obj{"name": "T"}).as(token)).want(403, "forbidden")
	}
	s.do(get(s.andrews).as(token)).want(404, "not_found")
	s.do(post("/v1/accounts", obj{"name": "New", "parent": idIn(s.reseller)}).as(token)).want(403, "forbidden")
	s.do(post("/v1/federations", obj{"name": "New", "owner": idIn(s.reseller)}).as(token)).want(403, "forbidden")
}

func TestFE5WhoCanBeNamed(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown)
	of := func(account string) string {
		return f.path + "/administrators/" + idIn(s.user(account, s.server.ids.next("u")+"@example.com", "admin"))
	}
	owners, members := of(s.reseller), of(s.brown)
	for _, user := range []string{of(s.andrews), of(s.foreign), of(""), f.path + "/administrators/usr_nobody"} {
		s.do(put(user, nil).as(s.partner)).want(404, "not_found")
	}
	for _, token := range []string{s.brownAdmin, s.admin(s.foreign), s.plain(s.reseller)} {
		if r := s.do(put(members, nil).as(token)); r.status != 403 && r.status != 404 {
			t.Errorf("status %d", r.status)
		}
	}
	for _, user := range []string{owners, members} {
		s.do(put(user, nil).as(s.partner).match(`"1"`)).want(412, "stale")
		s.do(put(user, nil).as(s.partner).match(`"0"`)).want(200).is("version", 1)
		seq := s.store.seq
		s.do(put(user, nil).as(s.partner)).want(200).is("version", 1)
		if s.store.seq != seq {
			t.Error("naming again wrote something")
		}
	}
	if got := s.do(get(f.path + "/administrators").as(s.partner)).want(200).ids("user"); len(got) != 2 {
		t.Errorf("administrators %v", got)
	}
	s.do(get(members).as(s.partner)).want(200).is("name", "Pat Brown").is("account", idIn(s.brown))
	s.do(del(members).as(s.brownAdmin)).want(403, "forbidden")
	s.do(del(members).as(s.partner)).want(204)
	s.do(get(members).as(s.partner)).want(404, "not_found")
	// The user's end is the administrator's.
	s.do(del("/v1/accounts/" + idIn(s.reseller) + "/users/" + idIn(owners))).want(204)
	if got := s.do(get(f.path + "/administrators").as(s.partner)).want(200).ids("user"); len(got) != 0 {
		t.Errorf("administrators %v", got)
	}
	// An administrator gives it up.
	token := s.steward(f, s.brown)
	me := s.do(get("/v1/me").as(token)).str("user")
	s.do(del(f.path + "/administrators/" + me).as(token)).want(204)
	s.do(get(f.path+"/members").as(token)).want(404, "not_found")
}

// Two requests at once, for one federation or for two, leave one.
func TestFE7OneFederationWhateverTheMoment(t *testing.T) {
	s := newShop(t)
	f, other := s.federate(s.reseller), s.federate(s.reseller)
	s.store.before = func() { other.asks(s.brown) }
	s.do(post(s.brown+"/federation/join", obj{"access_code": f.code})).want(409, "in_federation")
	s.store.before = func() { f.asks(s.smith) }
	s.do(post(s.smith+"/federation/join", obj{"access_code": f.code})).want(200).is("status", "pending")
	const rivals = 12
	statuses := make([]int, rivals)
	var all sync.WaitGroup
	for i := range rivals {
		r := []ring{f, other}[i%2]
		all.Go(func() { statuses[i] = s.do(post(s.andrews+"/federation/join", obj{"access_code": r.code})).status })
	}
	all.Wait()
	slices.Sort(statuses)
	// Half of them ask the federation that won: one created the request.
	want := append(append(slices.Repeat([]int{200}, rivals/2-1), 201), slices.Repeat([]int{409}, rivals/2)...)
	if !slices.Equal(statuses, want) {
		t.Errorf("statuses %v, want %v", statuses, want)
	}
}

// What is decided at the moment something else happens holds afterwards.
func TestFE7Overtaken(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown)
	request := f.asks(s.smith)
	s.store.before = func() { s.do(del(request)).want(204) }
	s.do(post(request+"/accept", nil)).want(404, "not_found")
	request = f.asks(s.smith)
	s.store.before = func() { s.do(post(request+"/accept", nil)).want(200) }
	s.do(del(request)).want(409, "join_request_settled")
	// An administrator named while its account is removed is none afterwards.
	user := f.path + "/administrators/" + idIn(s.user(s.brown, "late@brown.example", "user"))
	s.store.before = func() { s.do(put(user, nil)).want(200) }
	s.do(del(f.member(s.brown))).want(204)
	s.do(get(user)).want(404, "not_found")
	f.joins(s.brown)
	s.store.before = func() { s.do(del(f.member(s.brown))).want(204) }
	s.do(put(user, nil)).want(404, "not_found")
	// A request that comes while the federation is deleted goes with it.
	s.store.before = func() { f.asks(s.andrews) }
	s.do(del(f.path)).want(204)
	s.do(get(s.andrews + "/federation")).want(200)
}

// Deleting an account ends its membership and what it owns, at once (AC6).
func TestAC6MembershipsGoWithTheAccount(t *testing.T) {
	s := newShop(t)
	f := s.federate(s.reseller, s.brown, s.smith)
	token := s.steward(f, s.brown)
	s.do(del(s.reseller)).want(409)
	s.do(del(s.brown)).want(204)
	s.do(get(s.smith).as(token)).want(401, "token_invalid")
	s.do(get(f.path+"/members").as(s.partner)).want(200).is("items.0.name", "Smith")
	s.dials(s.smith, "1001", "", "number_not_found")
	own := s.federate(s.smith)
	own.joins(s.foreign)
	s.do(del(s.smith)).want(409, "owns_federation")
	s.do(del(s.smith + "?cascade=true")).want(204)
	s.do(get(own.path)).want(404, "not_found")
	if body := s.do(get(s.foreign + "/federation")).want(200).text; body != "null\n" && body != "null" {
		t.Errorf("Foreign is in %s", body)
	}
}
