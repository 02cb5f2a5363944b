package provision

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// estate is an account with one of everything that a path or a body can name.
type estate struct {
	name, path string
	// named says what stands for each parameter of a path: "{trunk}", or for one
	// operation or group of operations only: "DELETE /v1/…/trunks/{trunk}".
	named map[string]string
	// marks are texts that show nowhere but to those who may see the account.
	marks []string
	realm string
}

// nobody is an estate of well-formed ids that nothing has.
func nobody(like *estate) *estate {
	none := &estate{name: "nobody", named: map[string]string{}}
	for parameter, id := range like.named {
		kind, _, ok := strings.Cut(id, "_")
		if !ok {
			none.named[parameter] = "00000000000000000000000000000000"
			continue
		}
		none.named[parameter] = kind + "_00000000000000000000000000"
	}
	none.path = "/v1/accounts/" + none.named["{account}"]
	return none
}

// town is several accounts, each with an estate, and principals of all kinds.
type town struct {
	*world
	doc     document
	estates map[string]*estate
	// tokens are the principals' by what they are; "" for none.
	tokens map[string]string
	// key and code are accepted from every account.
	key, code string
	count     int
}

// newTown builds this tree. The reseller owns a federation with the members Hub
// and Member, which Applicant has asked to join; the rival owns one with the
// member Foreign.
//
//	platform ─ Reseller ─ Brown, Smith, Hub, Member, Applicant
//	         ─ Rival ─ Foreign
func newTown(t testing.TB, change ...func(*Config)) *town {
	t.Helper()
	// Who asks for all there is asks often.
	w := newWorldFor(t, append(change, func(c *Config) { c.Rate = 1_000_000 })...)
	s := &town{world: w, doc: w.document(), estates: map[string]*estate{}, tokens: map[string]string{}}
	reseller, rival := w.account("Reseller"), w.account("Rival")
	for name, path := range map[string]string{
		"reseller": reseller, "rival": rival, "foreign": w.below(rival, "Foreign"),
		"brown": w.below(reseller, "Brown"), "smith": w.below(reseller, "Smith"), "hub": w.below(reseller, "Hub"),
		"member": w.below(reseller, "Member"), "applicant": w.below(reseller, "Applicant"),
	} {
		s.estates[name] = s.settle(name, path)
	}
	ours := s.federation("reseller", "applicant", "hub", "member")
	theirs := s.federation("rival", "rival", "foreign")
	for name, e := range s.estates {
		f := ours
		if name == "rival" || name == "foreign" {
			f = theirs
		}
		for parameter, id := range f {
			e.named[parameter] = id
		}
	}
	w.link(s.estates["brown"].path, s.estates["smith"].path)
	// Whoever redeems this key or enters this code is not known to the others.
	elsewhere := w.account("Elsewhere")
	s.key = w.do(post(elsewhere+"/interlinks", obj{"name": "open"})).want(201).str("authorization_key")
	s.code = w.federate(elsewhere).code
	s.principals(ours["{federation}"])
	w.server.EndStreams()
	return s
}

// settle gives an account one of everything.
func (s *town) settle(name, path string) *estate {
	s.t.Helper()
	w, n := s.world, len(s.estates)+1
	trunk, spare := w.trunk(path, fmt.Sprintf("192.0.2.%d", n)), w.trunk(path, fmt.Sprintf("198.51.100.%d", n))
	call := routing.LiveCall{Lease: routing.LeaseID{byte(n)}, Caller: idOf(path), Callee: idOf(path), Claims: []routing.Claim{{Account: idOf(path)}}}
	w.store.live = append(w.store.live, call)
	e := &estate{name: name, path: path, realm: w.do(get(path)).want(200).str("realm"), named: map[string]string{
		"{account}": idIn(path), "{trunk}": trunk, "DELETE " + trunkPath: spare,
		"{number}":    w.number(path, trunk, "2001", nil).str("id"),
		"{interlink}": w.do(post(path+"/interlinks", obj{"name": "pending"})).want(201).str("id"),
		"{user}":      idIn(w.user(path, name+"@example.com", "admin")),
		"{token}":     w.do(post(path+"/tokens", obj{"name": "T"})).want(201).str("id"),
		"{entry}":     w.do(post(path+"/credit/entries", obj{"amount": 5000, "currency": "EUR"})).want(201).str("id"),
		"{licence}":   w.do(post(path+"/licences", licence("2099-01-01", 10, 5))).want(201).str("id"),
		"{call}":      callID(call.Lease),
		"{webhook}":   w.do(post(path+"/webhooks", obj{"url": "https://192.0.66.2/hook"})).want(201).str("id"),
		"{plan}":      idIn(w.plan("Plan " + name)), "{provider}": idIn(w.provider("Carrier "+name, 100)),
		"/v1/users/{user}":   idIn(w.user("", name+"@platform.example", "admin")),
		"/v1/tokens/{token}": w.do(post("/v1/tokens", obj{"name": "T"})).want(201).str("id"),
	}}
	e.marks = []string{e.realm}
	for parameter, id := range e.named {
		if parameter != "{plan}" && parameter != "{provider}" {
			e.marks = append(e.marks, id)
		}
	}
	return e
}

// federation creates one and returns what its paths name.
func (s *town) federation(owner, applicant string, members ...string) map[string]string {
	s.t.Helper()
	paths := make([]string, len(members))
	for i, m := range members {
		paths[i] = s.estates[m].path
	}
	f := s.world.federate(s.estates[owner].path, paths...)
	administrator := idIn(s.user(s.estates[owner].path, "named."+owner+"@example.com", "user"))
	spare := idIn(s.user(s.estates[owner].path, "spare."+owner+"@example.com", "user"))
	s.do(put(f.path+"/administrators/"+administrator, nil)).want(200)
	named := map[string]string{
		"{federation}": idIn(f.path), "{request}": idIn(f.asks(s.estates[applicant].path)),
		federationPath + "/members/{account}": idIn(paths[len(paths)-1]),
		administratorPath:                     administrator, "PUT " + administratorPath: spare,
	}
	s.estates[owner].marks = append(s.estates[owner].marks, named["{federation}"], named["{request}"], administrator, spare, f.code)
	return named
}

// principals makes one of each kind (product table 8).
func (s *town) principals(federation string) {
	s.t.Helper()
	at := func(name string) string { return s.estates[name].path }
	s.tokens = map[string]string{
		"none": "", "staff": s.admin(""), "partner": s.admin(at("reseller")), "other": s.admin(at("rival")),
		"steward": s.world.steward(ring{s.world, "/v1/federations/" + federation, ""}, at("hub")),
		"admin":   s.admin(at("brown")), "user": s.plain(at("brown")), "member": s.admin(at("member")), "applicant": s.admin(at("applicant")),
	}
	s.tokens["access"] = s.do(post(at("brown")+"/access", obj{"reason": "R"}).as(s.tokens["partner"])).want(201).str("token")
	s.tokens["program"] = s.do(post(at("reseller")+"/tokens", obj{"name": "P"}).as(s.tokens["partner"])).want(201).str("token")
	s.tokens["reader"] = s.do(post(at("brown")+"/tokens", obj{"name": "R", "scopes": []string{"read"}})).want(201).str("token")
	s.tokens["expired"] = newBearer(directory.TokenAPI)
	old := &directory.Token{
		ID: directory.TokenID(s.server.ids.next("tok_")), Account: idOf(at("brown")), Use: directory.TokenAPI,
		Hash: bearerHash(s.tokens["expired"]), CreatedAt: now().AddDate(0, 0, -2), ExpiresAt: now().AddDate(0, 0, -1),
	}
	if err := s.store.Apply(s.t.Context(), directory.Actor{Principal: "test"}, directory.Create(old)); err != nil {
		s.t.Fatal(err)
	}
}

var parameter = regexp.MustCompile(`\{[a-z_]+\}`)

// fill puts an estate's ids into a path. The first parameter and all others can
// come from different estates. An operation it cannot fill fails the test.
func fill(t testing.TB, method, template string, first, rest *estate) string {
	t.Helper()
	found := parameter.FindAllStringIndex(template, -1)
	out, end := "", 0
	for i, at := range found {
		e := rest
		if i == 0 {
			e = first
		}
		name := template[at[0]:at[1]]
		id := ""
		for _, key := range []string{method + " " + template[:at[1]], template[:at[1]], name} {
			if id = e.named[key]; id != "" {
				break
			}
		}
		if id == "" {
			t.Fatalf("%s %s: nothing stands for %s; give every estate one", method, template, name)
		}
		out, end = out+template[end:at[0]]+id, at[1]
	}
	return out + template[end:]
}

// body is what the operation accepts for an estate.
func (s *town) body(t testing.TB, op string, doc documented, e *estate) any {
	t.Helper()
	if doc.RequestBody == nil {
		return nil
	}
	bodies := s.bodies(e)
	b, ok := bodies[op]
	if !ok {
		t.Fatalf("%s: there is no body for it; add one", op)
	}
	return b
}

// bodies are accepted by every operation that takes one.
func (s *town) bodies(e *estate) map[string]any {
	person := obj{"email": "new@brown.example", "first_name": "N", "last_name": "N", "role": "admin"}
	patch := obj{}
	return map[string]any{
		"POST " + loginPath:                            obj{"email": "brown@example.com", "password": testPassword},
		"POST /v1/accounts":                            obj{"name": "New", "parent": e.named["{account}"]},
		"PATCH " + accountPath:                         patch,
		"POST " + accountPath + "/access":              obj{"reason": "R"},
		"POST " + accountPath + "/users":               person,
		"PATCH " + userPathIn:                          patch,
		"POST /v1/users":                               person,
		"PATCH /v1/users/{user}":                       patch,
		"POST " + accountPath + "/tokens":              obj{"name": "T", "scopes": []string{"read"}},
		"POST /v1/tokens":                              obj{"name": "T", "scopes": []string{"read"}},
		"POST " + accountPath + "/trunks":              obj{"name": "T", "addresses": []string{"203.0.113.9:5060"}, "source_addresses": []string{"203.0.113.9"}},
		"PATCH " + trunkPath:                           patch,
		"POST " + accountPath + "/numbers":             obj{"number": "2002", "trunk": e.named["{trunk}"]},
		"PATCH " + numberPath:                          patch,
		"POST " + accountPath + "/interlinks":          obj{"name": "N"},
		"POST " + accountPath + "/interlinks/redeem":   obj{"name": "R", "authorization_key": s.key},
		"PATCH " + linkPath:                            patch,
		"PUT " + accountPath + "/limits":               obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1},
		"PUT /v1/number-classes":                       obj{"classes": []obj{{"name": "premium", "pattern": "0900."}}},
		"PUT " + accountPath + "/restrictions":         obj{"classes": obj{}},
		"POST " + accountPath + "/credit/entries":      obj{"amount": 1, "currency": "EUR", "note": "more"},
		"POST " + accountPath + "/licences":            licence("2098-01-01", 1, 1),
		"POST /v1/providers":                           obj{"name": "Carrier Two", "capacity": 5},
		"PATCH " + providerPath:                        patch,
		"PUT " + connectionPath:                        obj{"provider": e.named["{provider}"]},
		"PUT " + permissionsPath + "/draft":            obj{"features": obj{"contacts": "partial"}},
		"POST /v1/plans":                               obj{"name": "Business", "currency": "EUR"},
		"PATCH " + planPath:                            patch,
		"PUT " + selectionPath:                         obj{"plans": []string{e.named["{plan}"]}},
		"PUT " + settingsPath:                          obj{"call_log_sync": false},
		"POST /v1/federations":                         obj{"name": "Ring", "owner": e.named["{account}"]},
		"PATCH " + federationPath:                      patch,
		"POST " + accountPath + "/federation/join":     obj{"access_code": s.code},
		"POST " + accountPath + "/webhooks":            obj{"url": "https://192.0.66.2/hook"},
		"PATCH " + accountPath + "/webhooks/{webhook}": patch,
		"PUT " + accountPath + "/configuration":        obj{"numbers": []obj{}},
		"POST /v1/explain":                             obj{"account": e.named["{account}"], "dialled": "2001"},
	}
}

// request asks for an operation with the ids and the body of estates.
func (s *town) request(t testing.TB, op string, doc documented, first, rest *estate) asked {
	t.Helper()
	method, template, _ := strings.Cut(op, " ")
	a := requestFor(method, fill(t, method, template, first, rest), s.body(t, op, doc, first))
	if doc.has("header", "If-Match") && method != http.MethodPost {
		a = a.match("*")
	}
	// What tells two answers apart shall not be this.
	return a.with(requestIDHeader, "same")
}

func (a asked) rehearsed() asked {
	a.path += "?dry_run=true"
	return a
}

// operations lists what the served document has, "GET /v1/accounts".
func (s *town) operations() map[string]documented {
	out := map[string]documented{}
	for path, item := range s.doc.Paths {
		for method, op := range item {
			out[strings.ToUpper(method)+" "+path] = op
		}
	}
	return out
}
