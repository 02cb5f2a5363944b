package provision

import (
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

func TestTokens(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	made := w.do(post(brown+"/tokens", obj{"name": "Script", "scopes": []string{"read", "numbers.write"}, "expires_at": ends}).with("Idempotency-Key", "k")).want(201).
		is("name", "Script").is("use", "api").is("scopes.0", "read").is("expires_at", ends).is("created_by", "staff:admin").is("actor", nil).is("version", 1)
	token, path := made.str("token"), brown+"/tokens/"+made.str("id")
	w.do(post(brown+"/tokens", obj{"name": "Script", "scopes": []string{"read", "numbers.write"}, "expires_at": ends}).with("Idempotency-Key", "k")).want(201).is("token", token)
	if !strings.HasPrefix(token, "itk_") || made.header.Get("Location") != path {
		t.Fatalf("token %s, Location %s", token, made.header.Get("Location"))
	}
	for _, a := range []asked{get(path), get(brown + "/tokens")} {
		if text := w.do(a).want(200).text; strings.Contains(text, token) || strings.Contains(text, bearerHash(token)) {
			t.Errorf("%s: %s", a.path, text)
		}
	}
	w.do(get("/v1/me").as(token)).want(200).is("kind", "admin").is("account", idIn(brown)).is("user", nil).is("principal", "token:"+made.str("id"))
	w.do(get(brown + "/numbers").as(token)).want(200)
	w.do(post(brown+"/interlinks", obj{"name": "X"}).as(token)).want(403, "forbidden")
	w.do(get("/v1/me").as(token[:len(token)-1]+"!")).want(401, "token_mistyped")
	w.do(get("/v1/me").as(newBearer(directory.TokenAPI))).want(401, "token_invalid")

	w.do(del(path)).want(204)
	w.do(get("/v1/me").as(token)).want(401, "token_invalid")
	w.do(get(path)).want(404, "not_found")

	if dry := w.do(post(brown+"/tokens?dry_run=true", obj{"name": "Script"})).want(200); dry.body["token"] != nil {
		t.Error("a dry run gives a token")
	}
	for _, c := range []struct {
		body          obj
		code, pointer string
	}{
		{obj{}, "required", "/name"},
		{obj{"name": " "}, "name_required", "/name"},
		{obj{"name": "T", "scopes": []string{"read", "root"}}, "scope_unknown", "/scopes/1"},
		{obj{"name": "T", "scopes": []string{""}}, "scope_unknown", "/scopes/0"},
		{obj{"name": "T", "expires_at": "2020-01-01T00:00:00Z"}, "expiry_past", "/expires_at"},
		{obj{"name": "T", "token": "mine"}, "unknown_field", "/token"},
	} {
		w.do(post(brown+"/tokens", c.body)).want(422, c.code, c.pointer)
	}
}

// An expired token opens nothing and is not listed, before it is removed.
func TestTokenExpires(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	made := w.do(post(brown+"/tokens", obj{"name": "T"})).want(201)
	w.do(get("/v1/me").as(made.str("token"))).want(200)
	w.lapse(made.str("token"))
	w.do(get("/v1/me").as(made.str("token"))).want(401, "token_invalid")
	w.do(get(brown+"/tokens/"+made.str("id"))).want(404, "not_found")
	if got := w.do(get(brown + "/tokens")).want(200).ids("id"); len(got) != 0 {
		t.Fatalf("listed: %v", got)
	}
}

// No token makes another that can do more than itself.
func TestTokensDoNotGrow(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	make := func(path string, as string, scopes ...string) *reply {
		return w.do(post(path+"/tokens", obj{"name": "T", "scopes": scopes}).as(as))
	}
	narrow := make(brown, testToken, "tokens.write", "users.write", "numbers.read").want(201).str("token")
	make(brown, narrow, "numbers.write").want(403, "forbidden", "/scopes")
	make(brown, narrow, "read").want(403, "forbidden", "/scopes")
	make(brown, narrow, "*").want(403, "forbidden", "/scopes")
	make(brown, narrow, "numbers.read").want(201)
	heir := w.do(post(brown+"/tokens", obj{"name": "T"}).as(narrow)).want(201).is("scopes.0", "tokens.write").str("token")
	w.do(get(brown + "/numbers").as(heir)).want(200)
	w.do(get(brown+"/trunks").as(heir)).want(403, "forbidden")
	// A user is a way to more, too.
	named := obj{"email": "x@x.example", "first_name": "X", "last_name": "X", "role": "admin", "password": testPassword}
	w.do(post(brown+"/users", named).as(narrow)).want(403, "forbidden", "/role")
	pat := w.user(brown, "pat@brown.example", "admin")
	w.do(change(pat, obj{"password": "another horse battery"}).as(narrow)).want(403, "forbidden", "/password")
	// And so is access to the accounts below.
	starter := make(reseller, testToken, "access.start", "account.read").want(201).str("token")
	access := w.do(post(brown+"/access", obj{"reason": "R"}).as(starter)).want(201).str("token")
	w.do(get(brown).as(access)).want(200)
	w.do(get(brown+"/trunks").as(access)).want(403, "forbidden")
	// And the wizard.
	maker := make(reseller, testToken, "account.create", "account.read").want(201).str("token")
	w.do(post("/v1/accounts", obj{"name": "New"}).as(maker)).want(201)
	w.do(post("/v1/accounts", obj{"name": "New", "admin": obj{"first_name": "X", "last_name": "X", "email": "y@x.example"}}).as(maker)).want(403, "forbidden", "/admin")

	full := make(brown, w.admin(brown)).want(201).str("token")
	w.do(post(brown+"/users", named).as(full)).want(201)
	w.do(post("/v1/tokens", obj{"name": "T"}).as(full)).want(403, "forbidden")
}

// The platform's tokens are staff's.
func TestStaffTokens(t *testing.T) {
	w := newWorld(t)
	made := w.do(post("/v1/tokens", obj{"name": "Robot", "scopes": []string{"read"}})).want(201)
	path := "/v1/tokens/" + made.str("id")
	if made.header.Get("Location") != path {
		t.Errorf("Location %s", made.header.Get("Location"))
	}
	w.do(get("/v1/me").as(made.str("token"))).want(200).is("kind", "staff").is("account", nil)
	w.do(get("/v1/accounts").as(made.str("token"))).want(200)
	w.do(post("/v1/accounts", obj{"name": "X"}).as(made.str("token"))).want(403, "forbidden")
	w.do(get(path).as(made.str("token"))).want(200).is("name", "Robot")
	w.do(get("/v1/tokens")).want(200).is("items.0.id", made.str("id"))
	w.do(get(w.account("Brown")+"/tokens/"+made.str("id"))).want(404, "not_found")
	w.do(del(path).as(made.str("token"))).want(403, "forbidden")
	w.do(del(path)).want(204)
	w.do(get("/v1/me").as(made.str("token"))).want(401, "token_invalid")
}

// Who may make and revoke tokens, by role.
func TestTokensByRole(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	for name, c := range map[string]struct {
		token string
		list  int
		write int
	}{
		"staff":   {w.admin(""), 200, 201},
		"partner": {w.admin(reseller), 200, 201},
		"admin":   {w.admin(brown), 200, 201},
		"user":    {w.plain(brown), 403, 403},
		"sibling": {w.admin(smith), 404, 404},
		"foreign": {w.admin(w.account("Other")), 404, 404},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			path := brown + "/tokens/" + w.do(post(brown+"/tokens", obj{"name": "T"})).want(201).str("id")
			w.do(get(brown + "/tokens").as(c.token)).want(c.list)
			w.do(get(path).as(c.token)).want(c.list)
			w.do(post(brown+"/tokens", obj{"name": "T"}).as(c.token)).want(c.write)
			if c.write == 201 {
				w.do(del(path).as(c.token)).want(204)
			} else {
				w.do(del(path).as(c.token)).want(c.write)
			}
		})
	}
}
