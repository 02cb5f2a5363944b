package provision

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// AC9: a parent acts as an account for a short time, by name, and comes back.
func TestAC9AccessAccount(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	rae := w.user(reseller, "rae@reseller.example", "admin")
	session := w.login("rae@reseller.example")

	made := w.do(post(brown+"/access", obj{"reason": "Ticket 4711"}).as(session)).want(201).
		is("use", "access").is("actor", "user:"+idIn(rae)).is("reason", "Ticket 4711").is("name", "")
	started := w.store.actors[len(w.store.actors)-1]
	if started.Principal != "user:"+idIn(rae) || started.Subject != idOf(brown) || started.Action != "POST "+accountPath+"/access" {
		t.Errorf("the start is audited as %+v", started)
	}
	access := made.str("token")
	w.do(get("/v1/me").as(access)).want(200).is("kind", "admin").is("account", idIn(brown)).is("actor", "user:"+idIn(rae)).is("expires_at", made.str("expires_at"))
	ends, err := time.Parse(time.RFC3339, made.str("expires_at"))
	if left := time.Until(ends); err != nil || left <= 14*time.Minute || left > accessTime {
		t.Errorf("it ends in %s", left)
	}

	// It is the account's administrator there, and nothing elsewhere.
	w.do(post(brown+"/interlinks", obj{"name": "X"}).as(access)).want(201)
	did := w.store.actors[len(w.store.actors)-1]
	if did.Principal != "user:"+idIn(rae) || did.Subject != idOf(brown) {
		t.Errorf("a write is audited as %+v", did)
	}
	w.do(get(smith).as(access)).want(404, "not_found")
	w.do(get(reseller).as(access)).want(404, "not_found")
	w.do(change(brown, obj{"enabled": false}).as(access)).want(403, "forbidden")

	// The account sees who is there.
	w.do(get(brown+"/tokens").as(w.admin(brown))).want(200).is("items.0.actor", "user:"+idIn(rae)).is("items.0.reason", "Ticket 4711")

	// The own session goes on meanwhile and afterwards.
	w.do(get(smith).as(session)).want(200)
	w.do(del("/v1/access").as(access)).want(204)
	ended := w.store.actors[len(w.store.actors)-1]
	if ended.Principal != "user:"+idIn(rae) || ended.Subject != idOf(brown) || ended.Action != "DELETE /v1/access" {
		t.Errorf("the end is audited as %+v", ended)
	}
	w.do(get("/v1/me").as(access)).want(401, "token_invalid")
	w.do(get(smith).as(session)).want(200)
	w.do(del("/v1/access").as(session)).want(409, "not_access")
	w.do(get("/v1/me").as(session)).want(200)
}

func TestAC9OnlyWhoStandsAbove(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	deeper := w.below(brown, "Deeper")
	ask := post(brown+"/access", obj{"reason": "R"})
	for name, c := range map[string]struct {
		token  string
		status int
	}{
		"staff":           {w.admin(""), 201},
		"partner":         {w.admin(reseller), 201},
		"own admin":       {w.admin(brown), 403},
		"own user":        {w.plain(brown), 403},
		"sibling":         {w.admin(smith), 404},
		"below":           {w.admin(deeper), 404},
		"another partner": {w.admin(w.account("Other")), 404},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.do(ask.as(c.token)).want(c.status)
		})
	}
	w.t = t
	w.do(post(brown+"/access", obj{})).want(422, "required", "/reason")
	w.do(post(brown+"/access", obj{"reason": " "})).want(422, "reason_required", "/reason")
	w.do(post(brown+"/access", obj{"reason": "a\nb"})).want(422, "reason_invalid", "/reason")
	if dry := w.do(post(brown+"/access?dry_run=true", obj{"reason": "R"})).want(200); dry.body["token"] != nil {
		t.Error("a dry run gives a token")
	}
}

// It does not nest and makes nothing that would outlive it.
func TestAC9NoNestingNoKeys(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	deeper := w.below(brown, "Deeper")
	pat := w.user(brown, "pat@brown.example", "user")
	access := w.do(post(brown+"/access", obj{"reason": "R"}).as(w.admin(reseller))).want(201).str("token")
	w.do(get("/v1/me").as(access)).want(200).is("kind", "partner")
	seq := w.store.seq
	named := obj{"email": "x@x.example", "first_name": "X", "last_name": "X", "role": "user"}
	for _, a := range []asked{
		post(deeper+"/access", obj{"reason": "R"}), post(brown+"/access", obj{"reason": "R"}),
		post(brown+"/tokens", obj{"name": "T"}), post(deeper+"/tokens", obj{"name": "T"}), post("/v1/tokens", obj{"name": "T"}),
		post(brown+"/users", named), post(deeper+"/users", named), post("/v1/users", named),
		change(pat, obj{"password": nil}), change(pat, obj{"role": "admin"}),
		post("/v1/accounts", obj{"name": "New", "admin": obj{"first_name": "X", "last_name": "X", "email": "x@x.example"}}),
	} {
		w.do(a.as(access)).want(403, "forbidden")
	}
	if w.store.seq != seq {
		t.Fatal("something was written")
	}
	w.do(change(pat, obj{"phone": "1"}).as(access)).want(200)
	w.do(post("/v1/accounts", obj{"name": "New"}).as(access)).want(201)
}

// Access ends with the session or token it was started from.
func TestAC9EndsWithItsSession(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	rae := w.user(reseller, "rae@reseller.example", "admin")
	start := func(as string) string {
		return w.do(post(brown+"/access", obj{"reason": "R"}).as(as)).want(201).str("token")
	}
	gone := func(access string) { w.t.Helper(); w.do(get("/v1/me").as(access)).want(401, "token_invalid") }

	session := w.login("rae@reseller.example")
	access := start(session)
	w.do(post("/v1/logout", nil).as(session)).want(204)
	gone(access)

	api := w.do(post(reseller+"/tokens", obj{"name": "T"})).want(201)
	access = start(api.str("token"))
	w.do(del(reseller + "/tokens/" + api.str("id"))).want(204)
	gone(access)

	access = start(w.login("rae@reseller.example"))
	w.do(change(rae, obj{"password": "another horse battery"})).want(200)
	gone(access)
	w.do(change(rae, obj{"password": testPassword})).want(200)

	access = start(w.login("rae@reseller.example"))
	w.do(del(rae)).want(204)
	gone(access)

	// No longer than the token behind it, even while that is not removed.
	soon := w.do(post("/v1/tokens", obj{"name": "T", "expires_at": now().Add(time.Minute)})).want(201)
	made := w.do(post(brown+"/access", obj{"reason": "R"}).as(soon.str("token"))).want(201)
	if made.str("expires_at") != soon.str("expires_at") {
		t.Errorf("access ends %s, the token behind it %s", made.str("expires_at"), soon.str("expires_at"))
	}

	// Those of the account end it, too: they see it in their list.
	made = w.do(post(brown+"/access", obj{"reason": "R"})).want(201)
	w.do(del(brown + "/tokens/" + made.str("id")).as(w.admin(brown))).want(204)
	gone(made.str("token"))
	if left := directory.List[*directory.Token](w.store.view, directory.KindToken, idOf(brown)); len(left) != 2 {
		t.Errorf("%d tokens are left", len(left)) // the session of w.admin, and the access behind soon
	}
}
