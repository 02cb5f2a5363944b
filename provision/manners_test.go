package provision

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/routing"
)

// TestEveryOperation holds every operation of the document to the same manners,
// with a path to objects that exist and a body that is accepted. The last check
// carries it out.
func TestEveryOperation(t *testing.T) {
	all := newWorld(t).document()
	if len(all.Paths) < 15 {
		t.Fatalf("the document has %d paths", len(all.Paths))
	}
	for path, item := range all.Paths {
		for method, op := range item {
			t.Run(strings.ToUpper(method)+" "+path, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				brown, smith := w.account("Brown"), w.account("Smith")
				trunk, spare := w.trunk(brown, "192.0.2.1"), w.trunk(brown, "192.0.2.2")
				number := w.number(brown, trunk, "2001", nil).str("id")
				link := w.do(post(brown+"/interlinks", obj{"name": "pending"})).want(201).str("id")
				key := w.do(post(smith+"/interlinks", obj{"name": "pending"})).want(201).str("authorization_key")
				call := routing.LiveCall{Lease: routing.LeaseID{1}, Caller: idOf(brown), Callee: idOf(smith), Claims: []routing.Claim{{Account: idOf(brown)}}}
				w.store.live = append(w.store.live, call)
				named := []string{"{account}", string(idOf(brown)), "{trunk}", spare, "{number}", number, "{interlink}", link, "{call}", callID(call.Lease)}
				body := goodBody(method, path, trunk, key, string(idOf(brown)))
				token := testToken
				for _, f := range fixtures(w, brown) {
					named = append(f.named, named...)
					if b, ok := f.bodies[strings.ToUpper(method)+" "+path]; ok {
						body = b
					}
					if t, ok := f.tokens[strings.ToUpper(method)+" "+path]; ok {
						token = t
					}
				}
				verb := strings.ToUpper(method) + " "
				real := strings.TrimPrefix(strings.NewReplacer(named...).Replace(verb+path), verb)
				a := requestFor(strings.ToUpper(method), real, body).as(token)
				for _, check := range []func(*testing.T, *world, documented, asked){
					needsToken, needsItsScopes, hidesUnknownAccounts, hidesObjectsOfOthers, needsIfMatch, checksBody, checksParameters,
					rehearses, survivesTheStore, answers,
				} {
					check(t, w, op, a)
				}
			})
		}
	}
}

// fixture is what one part of the API adds to the scene of TestEveryOperation.
type fixture struct {
	// named says what stands for the parameters of paths, in pairs: "{user}" or
	// "/v1/users/{user}" or "PUT /v1/users/{user}", and what replaces it.
	named []string
	// bodies are accepted by operations, "POST /v1/login"; nil stands for none.
	bodies map[string]any
	// tokens ask where the first administrator's will not do.
	tokens map[string]string
}

// fixtures builds all of them around an account; each part of the API has its own
// beside its tests.
func fixtures(w *world, account string) []fixture {
	return []fixture{peopleFixture(w, account), subaccountFixture(w, account), federationFixture(w, account), moneyFixture(w, account), observationFixture(w, account), configurationFixture(w, account)}
}

// goodBody is accepted by the operation; nil where there is none.
func goodBody(method, path, trunk, key, account string) any {
	switch last := path[strings.LastIndexByte(path, '/')+1:]; {
	case method == "patch":
		return obj{}
	case method == "put":
		return obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1}
	case method != "post":
		return nil
	case last == "trunks":
		return obj{"name": "T", "addresses": []string{"192.0.2.9:5060"}, "source_addresses": []string{"192.0.2.9"}}
	case last == "numbers":
		return obj{"number": "2002", "trunk": trunk}
	case last == "redeem":
		return obj{"name": "R", "authorization_key": key}
	case last == "explain":
		return obj{"account": account, "dialled": "2001"}
	}
	return obj{"name": "N"}
}

func answers(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if op.has("header", "If-Match") {
		a = a.match("*")
	}
	r := isAudited(t, w, a, w.do)
	if r.status >= 300 {
		t.Fatalf("%s %s: %d\n%s", a.method, a.path, r.status, r.text)
	}
	if _, ok := op.Responses[fmt.Sprint(r.status)]; !ok {
		t.Fatalf("status %d is not documented", r.status)
	}
	if r.status == 201 && r.header.Get("ETag") == "" {
		t.Fatal("201 without ETag")
	}
	if location := r.header.Get("Location"); r.status == 201 {
		w.do(get(location)).want(200).is("id", r.str("id"))
	}
	if r.status == 204 && r.text != "" {
		t.Fatalf("204 with a body: %s", r.text)
	}
}

func needsToken(t *testing.T, w *world, _ documented, a asked) {
	t.Helper()
	if a.path == loginPath {
		return // that is where a token comes from
	}
	for _, c := range []struct{ header, code string }{
		{"", "token_missing"}, {"Basic Zm9vOmJhcg==", "token_missing"}, {"Bearer", "token_missing"},
		{"Bearer wrong", "token_invalid"}, {"Bearer " + testToken + "x", "token_invalid"},
	} {
		r := w.do(a.with("Authorization", c.header)).want(401, c.code)
		if !strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer") {
			t.Fatal("401 without WWW-Authenticate")
		}
	}
}

func TestNoTokenIsValidWithoutAnAdminToken(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.AdminToken = "" })
	w.do(get("/v1/me")).want(401, "token_invalid")
	w.do(get("/v1/me").with("Authorization", "Bearer ")).want(401, "token_missing")
}

func needsIfMatch(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if !op.has("header", "If-Match") {
		if (a.method == "PATCH" || a.method == "PUT" || a.method == "DELETE") && !strings.HasPrefix(a.path, "/v1/calls/") && a.path != "/v1/access" {
			t.Fatal("a write of a provisioned object without If-Match")
		}
		return
	}
	if a.method == "POST" {
		w.do(a.match(`"999"`)).want(412, "stale") // heeded where it is sent
		return
	}
	w.do(a).want(428, "precondition_required")
	w.do(a.match(`"999"`)).want(412, "stale")
	w.do(a.match(`W/"1"`)).want(412, "stale")
	w.do(a.match("nonsense")).want(412, "stale")
}

func checksBody(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if op.RequestBody == nil {
		return
	}
	if op.has("header", "If-Match") {
		a = a.match("*")
	}
	with := func(body string) asked { b := a; b.body = body; return b }
	members := strings.TrimSuffix(strings.TrimPrefix(a.body, "{"), "}")
	comma := ","
	if members == "" {
		comma = ""
	}
	w.do(with(`{`+members+comma+`"surprise":1}`)).want(422, "unknown_field", "/surprise")
	w.do(with(`{`+members+comma+`"NAME":"x"}`)).want(422, "unknown_field", "/NAME")
	w.do(with(`{`+members+comma+`"x":1,"x":1}`)).want(400, "field_twice", "/x")
	w.do(with("")).want(400, "body_required")
	w.do(with(`{"name"`)).want(400, "malformed_json")
	w.do(with(a.body+"{}")).want(400, "malformed_json")
	w.do(with("{\"name\":\"\xff\"}")).want(400, "malformed_json")
	w.do(with(`[]`)).want(422)
	w.do(with(`"text"`)).want(422)
	w.do(with(`null`)).want(422)
	w.do(with(`{"a":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`)).want(400, "json_too_deep")
	w.do(with(`{"a":"`+strings.Repeat("x", maxBody)+`"}`)).want(413, "body_too_large")
	w.do(a.with("Content-Type", "text/plain")).want(415, "media_type_unsupported")
	w.do(a.with("Content-Type", "application/json; charset=utf-8; =")).want(415, "media_type_unsupported")
}

func checksParameters(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if op.has("header", "If-Match") {
		a = a.match("*")
	}
	with := func(query string) asked { b := a; b.path += "?" + query; return b }
	w.do(with("surprise=1")).want(422, "unknown_parameter", "surprise")
	if op.has("query", "dry_run") {
		w.do(with("dry_run=perhaps")).want(422, "invalid", "dry_run")
	}
	if !op.has("query", "cursor") {
		return
	}
	for _, limit := range []string{"0", "201", "-1", "many", "1e2"} {
		w.do(with("limit="+limit)).want(422, "invalid", "limit")
	}
	for _, cursor := range []string{"nonsense", "!!", "AAAAAAAAAAAAAAAAAAAAAA", strings.Repeat("A", 3000)} {
		w.do(with("cursor="+cursor)).want(422, "cursor_invalid", "cursor")
	}
}

func rehearses(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if !op.has("query", "dry_run") {
		if a.method != "GET" && a.path != "/v1/explain" {
			t.Fatal("a write without a dry run")
		}
		return
	}
	if op.has("header", "If-Match") && a.method != "POST" {
		w.do(func() asked { b := a; b.path += "?dry_run=true"; return b }()).want(428)
		a = a.match("*")
	}
	a.path += "?dry_run=true"
	seq, writes := w.store.seq, len(w.store.answers)
	first := w.do(a)
	second := w.do(a.with("Idempotency-Key", "k"))
	if first.status >= 300 || second.status != first.status || first.status == 201 {
		t.Fatalf("dry run answered %d, then %d\n%s", first.status, second.status, first.text)
	}
	if w.store.seq != seq || len(w.store.answers) != writes || len(w.store.ended) > 0 {
		t.Fatal("the dry run wrote something")
	}
	if strings.Contains(first.text, "authorization_key") {
		t.Fatal("the dry run gave a key that will never work")
	}
}

func hidesUnknownAccounts(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if !strings.HasPrefix(a.path, "/v1/accounts/") {
		return
	}
	parts := strings.Split(a.path, "/")
	parts[3] = "acc_00000000000000000000000000"
	a.path = strings.Join(parts, "/")
	w.do(a.match("*")).want(404, "not_found")
}

// Objects are found below their own account only.
func hidesObjectsOfOthers(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	parameters := 0
	for _, p := range op.Parameters {
		if p.In == "path" {
			parameters++
		}
	}
	if parameters < 2 || !strings.HasPrefix(a.path, "/v1/accounts/") {
		return
	}
	parts := strings.Split(a.path, "/")
	parts[3] = string(idOf(w.account("Andrews")))
	a.path = strings.Join(parts, "/")
	w.do(a.match("*")).want(404, "not_found")
}

func survivesTheStore(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	if op.has("header", "If-Match") {
		a = a.match("*")
	}
	w.store.broken = errBroken
	r := w.do(a)
	w.store.broken = nil
	if a.method == http.MethodGet && r.status == 200 {
		return // answered from memory
	}
	r.want(503, "store_unavailable")
	if r.header.Get("Retry-After") == "" {
		t.Fatal("503 without Retry-After")
	}
	if strings.Contains(r.text, "10.0.0.1") {
		t.Fatalf("the answer tells about the inside: %s", r.text)
	}
}

func TestNotReadyIs503(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Ready = func() error { return errBroken } })
	w.do(get("/v1/me")).want(503, "not_ready")
	w.do(get("/docs")).want(200)
}

func TestRoutesThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	for _, path := range []string{"/v1/nothing", a + "/", "/v1//accounts", "/v1/accounts/../accounts", "/v1/accounts/%2e%2e"} {
		w.do(get(path)).want(404)
	}
	w.do(get("/v1/nothing").with("Authorization", "")).want(401, "token_missing")
	if allow := w.do(post(a, obj{})).want(405, "method_not_allowed").header.Get("Allow"); allow != "GET, HEAD, PATCH, DELETE, OPTIONS" {
		t.Fatalf("Allow is %q", allow)
	}
	w.do(requestFor("BREW", a, nil)).want(405)
}

func TestRequestIDs(t *testing.T) {
	w := newWorld(t)
	if got := w.do(get("/v1/me").with(requestIDHeader, "mine-1")).want(200).header.Get(requestIDHeader); got != "mine-1" {
		t.Errorf("request id %q", got)
	}
	for _, bad := range []string{"", "with space", "nul\x00", strings.Repeat("x", 65), "<script>"} {
		if got := w.do(get("/v1/me").with(requestIDHeader, bad)).want(200).header.Get(requestIDHeader); !strings.HasPrefix(got, "req_") {
			t.Errorf("request id %q for %q", got, bad)
		}
	}
	w.do(post("/v1/accounts", obj{"name": "Brown"}).with(requestIDHeader, "audited")).want(201)
	if a := w.store.actors[0]; a.RequestID != "audited" || a.Principal != "staff:admin" {
		t.Errorf("the audit entry names %+v", a)
	}
}

func TestMe(t *testing.T) {
	newWorld(t).do(get("/v1/me")).want(200).is("principal", "staff:admin").is("kind", "staff")
}
