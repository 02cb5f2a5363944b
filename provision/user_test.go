package provision

import (
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// AC8: a user is added later, with a password given or generated; a generated one
// is answered once.
func TestAC8AdminAddedLater(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	body := obj{"email": "Pat@Brown.example", "first_name": "Pat", "last_name": "Brown", "phone": "+49 30 1234", "role": "admin", "timezone": "Europe/Berlin"}
	r := w.do(post(brown+"/users", body).with("Idempotency-Key", "k")).want(201).
		is("email", "Pat@Brown.example").is("first_name", "Pat").is("last_name", "Brown").is("phone", "+49 30 1234").
		is("role", "admin").is("timezone", "Europe/Berlin").is("last_login", nil).is("version", 1)
	password, path := r.str("password"), brown+"/users/"+r.str("id")
	if !strings.HasPrefix(r.str("id"), "usr_") || r.header.Get("Location") != path {
		t.Fatalf("id %s, Location %s", r.str("id"), r.header.Get("Location"))
	}
	w.do(post(brown+"/users", body).with("Idempotency-Key", "k")).want(201).is("password", password).is("id", r.str("id"))
	for _, a := range []asked{get(path), change(path, obj{"phone": nil}), get(brown + "/users")} {
		if text := w.do(a).want(200).text; strings.Contains(text, "password") || strings.Contains(text, "argon2") {
			t.Errorf("%s: %s", a.path, text)
		}
	}
	w.do(loginAs("pat@brown.example", password)).want(200)

	given := w.do(post(brown+"/users", obj{"email": "kim@brown.example", "first_name": "Kim", "last_name": "Brown", "role": "user", "password": testPassword})).want(201)
	if strings.Contains(given.text, "password") {
		t.Errorf("a password that was given is answered: %s", given.text)
	}
	given.is("timezone", "UTC").is("phone", "")
	w.do(loginAs("kim@brown.example", testPassword)).want(200)

	dry := w.do(post(brown+"/users?dry_run=true", obj{"email": "dry@brown.example", "first_name": "D", "last_name": "R", "role": "user"})).want(200)
	if strings.Contains(dry.text, "password") {
		t.Errorf("a dry run answers a password: %s", dry.text)
	}
}

func TestUserIsRefused(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.user(w.account("Smith"), "taken@smith.example", "user")
	good := obj{"email": "pat@brown.example", "first_name": "Pat", "last_name": "Brown", "role": "admin", "password": testPassword}
	seq := w.store.seq
	for _, c := range []struct {
		field         string
		value         any
		status        int
		code, pointer string
	}{
		{"email", nil, 422, "invalid", "/email"},
		{"email", "pat", 422, "email_invalid", "/email"},
		{"email", "Pat <pat@brown.example>", 422, "email_invalid", "/email"},
		{"email", "pat@brown.example\n", 422, "email_invalid", "/email"},
		{"email", strings.Repeat("a", 250) + "@brown.example", 422, "invalid", "/email"},
		{"email", "TAKEN@smith.example", 409, "email_taken", "/email"},
		{"first_name", " ", 422, "name_required", "/first_name"},
		{"last_name", "a\tb", 422, "name_invalid", "/last_name"},
		{"phone", "call me", 422, "phone_invalid", "/phone"},
		{"role", "root", 422, "invalid", "/role"},
		{"timezone", "Mars/Olympus", 422, "timezone_unknown", "/timezone"},
		{"password", "short", 422, "password_length", "/password"},
		{"password", strings.Repeat("é", 129), 422, "password_length", "/password"},
		{"password", strings.Repeat("x", 20), 422, "password_weak", "/password"},
		{"password", "PAT@brown.example", 422, "password_weak", "/password"},
		{"password", "correct\x00horse battery", 422, "password_invalid", "/password"},
		{"last_login", "2026-01-01T00:00:00Z", 422, "unknown_field", "/last_login"},
	} {
		body := obj{}
		for k, v := range good {
			body[k] = v
		}
		body[c.field] = c.value
		w.do(post(brown+"/users", body)).want(c.status, c.code, c.pointer)
	}
	for _, field := range []string{"email", "first_name", "last_name", "role"} {
		body := obj{}
		for k, v := range good {
			if k != field {
				body[k] = v
			}
		}
		w.do(post(brown+"/users", body)).want(422, "required", "/"+field)
	}
	w.do(post("/v1/users", obj{"email": "sam@platform.example", "first_name": "S", "last_name": "S", "role": "user"})).want(422, "role_unknown", "/role")
	if w.store.seq != seq {
		t.Fatal("something was written")
	}
}

// SU4: roles, time zone, email never editable, last login kept.
func TestSU4Users(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	pat := w.user(brown, "pat@brown.example", "admin")
	kim := w.user(brown, "kim@brown.example", "user")
	w.do(get(brown)).want(200).is("last_login", nil)

	w.do(change(kim, obj{"email": "new@brown.example"})).want(422, "email_fixed", "/email")
	w.do(change(kim, obj{"email": nil})).want(422, "email_fixed", "/email")
	w.do(change(kim, obj{"email": "kim@brown.example", "timezone": "Asia/Tokyo"})).want(200).is("timezone", "Asia/Tokyo").is("version", 2)
	w.do(change(kim, obj{"timezone": "Mars/Olympus"})).want(422, "timezone_unknown", "/timezone")
	w.do(change(kim, obj{"timezone": nil, "phone": "123"})).want(200).is("timezone", "UTC").is("phone", "123")
	w.do(change(kim, obj{"role": "owner"})).want(422, "role_unknown", "/role")

	before := time.Now().Add(-time.Second)
	session := w.login("KIM@brown.example")
	last, err := time.Parse(time.RFC3339, w.do(get(kim)).want(200).str("last_login"))
	if err != nil || last.Before(before) {
		t.Fatalf("last login %v, %v", last, err)
	}
	// A login is no edit: who read the user before can still change it (AC4).
	w.do(get(brown)).want(200).is("last_login", w.do(get(kim)).str("last_login"))
	w.do(get("/v1/accounts")).want(200).is("items.0.last_login", w.do(get(kim)).str("last_login"))
	w.do(change(kim, obj{"first_name": "K"}).match(`"3"`)).want(200).is("version", 4)
	w.do(change(kim, obj{"first_name": "K"}).match(`"3"`)).want(412, "stale")

	w.do(get("/v1/me").as(session)).is("kind", "user")
	w.do(change(kim, obj{"role": "admin"})).want(200).is("role", "admin")
	w.do(get("/v1/me").as(session)).is("kind", "admin")
	if got := w.do(get(brown + "/users")).want(200).ids("email"); len(got) != 2 || got[0] != "pat@brown.example" {
		t.Fatalf("users %v", got)
	}
	w.do(del(kim)).want(204)
	w.do(get(kim)).want(404, "not_found")
	w.do(get("/v1/me").as(session)).want(401, "token_invalid")
	w.do(loginAs("kim@brown.example", testPassword)).want(401, "login_failed")
	w.user(brown, "kim@brown.example", "user") // the address is free again
	w.do(get(pat)).want(200)
}

// Users may read and change themselves, and nobody else.
func TestUsersChangeThemselves(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	kim := w.user(brown, "kim@brown.example", "user")
	pat := w.user(brown, "pat@brown.example", "admin")
	me, other := w.login("kim@brown.example"), w.login("kim@brown.example")

	w.do(get(kim).as(me)).want(200).is("email", "kim@brown.example")
	w.do(change(kim, obj{"first_name": "Kimberley", "phone": "1", "timezone": "Asia/Tokyo"}).as(me)).want(200)
	w.do(change(kim, obj{"role": "admin"}).as(me)).want(403, "forbidden", "/role")
	w.do(change(kim, obj{"email": "k@brown.example"}).as(me)).want(422, "email_fixed", "/email")
	for _, path := range []string{pat, brown + "/users/usr_nobody"} {
		w.do(get(path).as(me)).want(403, "forbidden")
		w.do(change(path, obj{"first_name": "X"}).as(me)).want(403, "forbidden")
		w.do(del(path).as(me)).want(403, "forbidden")
	}
	w.do(del(kim).as(me)).want(403, "forbidden")
	w.do(get(brown+"/users").as(me)).want(403, "forbidden")

	const next = "another horse battery"
	w.do(change(kim, obj{"password": next}).as(me)).want(422, "password_wrong", "/current_password")
	w.do(change(kim, obj{"password": next, "current_password": "wrong"}).as(me)).want(422, "password_wrong", "/current_password")
	w.do(change(kim, obj{"password": "short", "current_password": testPassword}).as(me)).want(422, "password_length", "/password")
	w.do(get("/v1/me").as(other)).want(200)
	w.do(change(kim, obj{"password": next, "current_password": testPassword}).as(me)).want(200)
	w.do(get("/v1/me").as(me)).want(200)
	w.do(get("/v1/me").as(other)).want(401, "token_invalid")
	w.do(loginAs("kim@brown.example", testPassword)).want(401, "login_failed")
	w.do(loginAs("kim@brown.example", next)).want(200)

	// Whoever manages the account sets a new one without the old.
	reset := w.do(change(kim, obj{"password": nil}).as(w.login("pat@brown.example"))).want(200).str("password")
	w.do(get("/v1/me").as(me)).want(401, "token_invalid")
	w.do(loginAs("kim@brown.example", reset)).want(200)
}

// An account's last administrator stays, unless those above take it away.
func TestLastAdminStays(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	pat, kim := w.user(brown, "pat@brown.example", "admin"), w.user(brown, "kim@brown.example", "admin")
	asPat := w.login("pat@brown.example")
	w.do(change(kim, obj{"role": "user"}).as(asPat)).want(200)
	w.do(del(pat).as(asPat)).want(409, "last_admin")
	w.do(change(pat, obj{"role": "user"}).as(asPat)).want(409, "last_admin")
	w.do(change(kim, obj{"role": "admin"}).as(asPat)).want(200)
	w.do(del(pat).as(asPat)).want(204)
	w.do(change(kim, obj{"role": "user"}).as(w.admin(reseller))).want(200)
	w.do(del(kim).as(w.admin(reseller))).want(204)
}

// Of two administrators who remove each other at the same moment one stays.
func TestAdminsDoNotRemoveEachOther(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	ann, bob := w.user(brown, "ann@brown.example", "admin"), w.user(brown, "bob@brown.example", "admin")
	asAnn, asBob := w.login("ann@brown.example"), w.login("bob@brown.example")
	w.store.before = func() { w.do(del(ann).as(asBob)).want(204) }
	w.do(del(bob).as(asAnn)).want(409, "last_admin")
	w.do(get(bob)).want(200)
	ann = w.user(brown, "ann@brown.example", "admin")
	asAnn = w.login("ann@brown.example")
	w.store.before = func() { w.do(change(ann, obj{"role": "user"}).as(asBob)).want(200) }
	w.do(change(bob, obj{"role": "user"}).as(asAnn)).want(409, "last_admin")
	w.do(get(bob)).want(200).is("role", "admin")
}

// Who may do what with users, by role.
func TestUsersByRole(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	other := w.account("Other")
	pat := w.user(brown, "pat@brown.example", "admin")
	n := 0
	for name, c := range map[string]struct {
		token        string
		read, create int
	}{
		"staff":          {w.admin(""), 200, 201},
		"partner":        {w.admin(reseller), 200, 201},
		"partner's user": {w.plain(reseller), 404, 404},
		"admin":          {w.admin(brown), 200, 201},
		"user":           {w.plain(brown), 403, 403},
		"sibling":        {w.admin(smith), 404, 404},
		"foreign":        {w.admin(other), 404, 404},
	} {
		t.Run(name, func(t *testing.T) {
			n++
			w.t = t
			w.do(get(brown + "/users").as(c.token)).want(c.read)
			w.do(get(pat).as(c.token)).want(c.read)
			w.do(change(pat, obj{"phone": "1"}).as(c.token)).want(c.read)
			w.do(post(brown+"/users", obj{"email": strings.Repeat("x", n) + "@x.example", "first_name": "X", "last_name": "X", "role": "admin"}).as(c.token)).want(c.create)
			if name != "staff" {
				w.do(get("/v1/users").as(c.token)).want(403, "forbidden")
				w.do(post("/v1/users", obj{"email": "y@x.example", "first_name": "X", "last_name": "X", "role": "admin"}).as(c.token)).want(403, "forbidden")
				w.do(get("/v1/tokens").as(c.token)).want(403, "forbidden")
			}
		})
	}
	w.t = t
	// A user is found below its own account only.
	w.do(get(smith+"/users/"+idIn(pat))).want(404, "not_found")
	w.do(get("/v1/users/"+idIn(pat))).want(404, "not_found")
}

// A federation's administrator has a customer administrator's rights over the
// members: it makes no partners, and nobody takes its rights by a new password.
func TestNobodyGetsMoreByAnotherUser(t *testing.T) {
	w := newWorld(t)
	owner := w.account("Owner")
	member, partnerMember := w.account("Member"), w.account("Partner member")
	w.below(partnerMember, "Customer")
	boss := w.user(member, "boss@member.example", "admin")
	f := &directory.Federation{ID: "fed_1", Account: idOf(owner), Name: "F", CodeHash: "f"}
	changes := []directory.Change{
		directory.Create(f),
		directory.Create(&directory.FederationAdmin{Federation: f.ID, User: directory.UserID(idIn(boss))}),
	}
	for _, a := range []string{member, partnerMember} {
		changes = append(changes, directory.Create(&directory.Membership{ID: directory.MembershipID("mem_" + idIn(a)), Federation: f.ID, Account: idOf(a), JoinedAt: now()}))
	}
	if err := w.store.Apply(t.Context(), directory.Actor{Principal: "test"}, changes...); err != nil {
		t.Fatal(err)
	}
	asBoss := w.login("boss@member.example")
	w.do(get("/v1/me").as(asBoss)).want(200).is("kind", "federation_admin")
	named := obj{"email": "x@x.example", "first_name": "X", "last_name": "X", "role": "admin"}
	w.do(post(partnerMember+"/users", named).as(asBoss)).want(403, "forbidden", "/role")
	w.do(post(partnerMember+"/tokens", obj{"name": "T"}).as(asBoss)).want(403, "forbidden", "/scopes")
	w.do(post(member+"/tokens", obj{"name": "T"}).as(asBoss)).want(201)

	w.do(change(boss, obj{"password": testPassword}).as(w.admin(member))).want(403, "forbidden", "/password")
	w.do(change(boss, obj{"phone": "1"}).as(w.admin(member))).want(200)
	w.do(change(boss, obj{"password": testPassword})).want(200)
}
