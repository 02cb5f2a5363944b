package provision

import (
	"fmt"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

const year = 365 * 24 * time.Hour

// tell is the story: a platform, its reseller Harbour Telecom, and two customers
// who call each other.
func (s *tale) tell() {
	s.platform()
	reseller := idIn(s.also(post("/v1/accounts", `{"name":"Harbour Telecom","reseller":true}`)).header.Get("Location"))
	brown, smith := s.accounts(reseller)
	s.people(brown)
	trunk, number, link := s.dialling(brown, smith)
	s.money(brown)
	s.customer(brown)
	s.federation(reseller, brown, smith)
	s.calling(brown, smith)
	s.watching(brown)
	s.leaving(brown, smith, trunk, number, link)
}

// platform is what belongs to nobody else: providers, plans, classes, staff.
func (s *tale) platform() {
	s.ask("get-me", get("/v1/me"))
	s.ask("put-number-classes", put("/v1/number-classes", `{"classes":[{"name":"emergency","pattern":"112"},{"name":"premium","pattern":"0900."}]}`).match(`"0"`))
	s.ask("get-number-classes", get("/v1/number-classes"))

	made := s.ask("create-provider", post("/v1/providers", `{"name":"Carrier One","login_url":"https://portal.carrier-one.example/login","capacity":30}`))
	s.ask("list-providers", get("/v1/providers"))
	at := made.header.Get("Location")
	s.ask("patch-provider", change(at, `{"capacity":40}`).match(made.etag()))
	s.ask("get-provider", get(at))

	made = s.ask("create-plan", post("/v1/plans", `{"name":"Business","description":"For offices with one trunk","currency":"EUR","per_minute":2,"popular":true}`))
	s.ask("list-plans", get("/v1/plans"))
	at = made.header.Get("Location")
	s.ask("patch-plan", change(at, `{"per_minute":3}`).match(made.etag()))
	s.ask("get-plan", get(at))

	made = s.ask("create-staff-user", post("/v1/users", `{"email":"sam@platform.example","first_name":"Sam","last_name":"Shore","role":"admin"}`).with("Idempotency-Key", "staff-sam"))
	s.ask("list-staff-users", get("/v1/users"))
	at = made.header.Get("Location")
	changed := s.ask("patch-staff-user", change(at, `{"phone":"+49 30 1234567"}`).match(made.etag()))
	s.ask("get-staff-user", get(at))
	s.ask("delete-staff-user", del(at).match(changed.etag()))

	made = s.ask("create-staff-token", post("/v1/tokens", fmt.Sprintf(`{"name":"Nightly report","scopes":["read"],"expires_at":"%s"}`, s.in(year))))
	s.ask("list-staff-tokens", get("/v1/tokens"))
	at = made.header.Get("Location")
	s.ask("get-staff-token", get(at))
	s.ask("delete-staff-token", del(at).match(made.etag()))
}

// accounts are the two customers; the first comes out of the wizard.
func (s *tale) accounts(reseller string) (brown, smith string) {
	made := s.ask("create-account", post("/v1/accounts", fmt.Sprintf(`{"name":"Brown Ltd","parent":"%s","timezone":"Europe/London",`+
		`"admin":{"first_name":"Pat","last_name":"Brown","email":"pat@brown.example","password":"correct horse battery"},`+
		`"limits":{"inbound_trunks":2,"outbound_trunks":0,"twoway_trunks":8,"burst_trunks":0},`+
		`"restrictions":{"classes":{"premium":"deny"}},"credit":{"amount":5000,"currency":"EUR"},`+
		`"permissions":{"features":{"reports":"hidden"}}}`, reseller)).with("Idempotency-Key", "order-4711"))
	brown = made.header.Get("Location")
	smith = s.also(post("/v1/accounts", fmt.Sprintf(`{"name":"Smith & Co","parent":"%s"}`, reseller))).header.Get("Location")
	s.ask("list-accounts", get("/v1/accounts?status=active&sort=name,-last_call"))
	s.ask("patch-account", change(brown, `{"timezone":"Europe/Berlin"}`).match(made.etag()))
	s.ask("get-account", get(brown))
	return brown, smith
}

func (s *tale) people(brown string) {
	session := s.ask("login", post(loginPath, `{"email":"pat@brown.example","password":"correct horse battery"}`).with("Authorization", "")).str("token")
	s.ask("logout", post("/v1/logout", nil).as(session))
	access := s.ask("start-access", post(brown+"/access", `{"reason":"Ticket 4711: calls to 2001 fail"}`)).str("token")
	s.ask("end-access", requestFor("DELETE", "/v1/access", nil).as(access))

	made := s.ask("create-user", post(brown+"/users", `{"email":"kim@brown.example","first_name":"Kim","last_name":"Brown","role":"user"}`))
	s.ask("list-users", get(brown+"/users"))
	at := made.header.Get("Location")
	changed := s.ask("patch-user", change(at, `{"role":"admin","timezone":null}`).match(made.etag()))
	s.ask("get-user", get(at))
	s.ask("delete-user", del(at).match(changed.etag()))

	made = s.ask("create-token", post(brown+"/tokens", `{"name":"Directory export","scopes":["numbers.read"]}`))
	s.ask("list-tokens", get(brown+"/tokens"))
	at = made.header.Get("Location")
	s.ask("get-token", get(at))
	s.ask("delete-token", del(at).match(made.etag()))
}

// dialling connects two PBXs and links their accounts.
func (s *tale) dialling(brown, smith string) (trunk, number, link *reply) {
	made := s.ask("create-trunk", post(brown+"/trunks", `{"name":"Reception PBX","addresses":["192.0.2.12:5060"],"source_addresses":["192.0.2.12/32"]}`))
	s.ask("list-trunks", get(brown+"/trunks"))
	trunk = s.ask("patch-trunk", change(made.header.Get("Location"), `{"source_addresses":["192.0.2.12/32","192.0.2.13/32"]}`).match(made.etag()))
	s.ask("get-trunk", get(made.header.Get("Location")))
	number = s.ask("create-number", post(brown+"/numbers", fmt.Sprintf(`{"number":"2001","label":"Reception","trunk":"%s"}`, made.str("id"))))
	s.also(post(brown+"/numbers", fmt.Sprintf(`{"number":"20xx","trunk":"%s"}`, made.str("id"))))
	s.ask("list-numbers", get(brown+"/numbers"))
	at := number.header.Get("Location")
	number = s.ask("patch-number", change(at, `{"label":"Front desk","private":false}`).match(number.etag()))
	s.ask("get-number", get(at))

	theirs := s.also(post(smith+"/trunks", `{"name":"Shop PBX","addresses":["198.51.100.7"],"source_addresses":["198.51.100.7"]}`)).str("id")
	s.also(post(smith+"/numbers", fmt.Sprintf(`{"number":"3000-3099","trunk":"%s"}`, theirs)))
	made = s.ask("create-interlink", post(brown+"/interlinks", fmt.Sprintf(`{"name":"Smith's shop","expires_at":"%s"}`, s.in(7*24*time.Hour))))
	s.also(post(smith+"/interlinks/redeem?dry_run=true", fmt.Sprintf(`{"name":"Brown","authorization_key":"%s"}`, made.str("authorization_key"))))
	s.ask("redeem-interlink", post(smith+"/interlinks/redeem", fmt.Sprintf(`{"name":"Brown","authorization_key":"%s"}`, made.str("authorization_key"))))
	s.ask("list-interlinks", get(brown+"/interlinks"))
	at = made.header.Get("Location")
	read := s.ask("get-interlink", get(at))
	link = s.ask("patch-interlink", change(at, `{"priority":10,"prefix":"8"}`).match(read.etag()))
	return trunk, number, link
}

func (s *tale) money(brown string) {
	read := s.ask("get-limits", get(brown+"/limits"))
	s.ask("put-limits", put(brown+"/limits", `{"inbound_trunks":2,"outbound_trunks":0,"twoway_trunks":8,"burst_trunks":2,"max_outbound_calls":8,"allow_prepay":true}`).match(read.etag()))
	read = s.ask("get-restrictions", get(brown+"/restrictions"))
	s.ask("put-restrictions", put(brown+"/restrictions", `{"classes":{"emergency":"allow","premium":"deny"}}`).match(read.etag()))
	made := s.ask("create-credit-entry", post(brown+"/credit/entries", `{"amount":2500,"currency":"EUR","note":"Invoice 2026-104"}`).with("Idempotency-Key", "invoice-2026-104"))
	s.ask("list-credit-entries", get(brown+"/credit/entries"))
	s.ask("get-credit-entry", get(made.header.Get("Location")))
	s.ask("get-credit", get(brown+"/credit"))
	made = s.ask("create-licence", post(brown+"/licences", fmt.Sprintf(`{"valid_from":"%s","valid_until":"%s","free_minutes":1000,"addon_minutes":200,"remarks":"Order 4711"}`, s.in(0), s.in(year))))
	s.ask("list-licences", get(brown+"/licences?sort=-valid_until,free_minutes"))
	s.ask("get-licence", get(made.header.Get("Location")))
	s.ask("get-current-licence", get(brown+"/licence"))
}

// customer is what a reseller decides for a customer, and the customer itself.
func (s *tale) customer(brown string) {
	provider := s.also(get("/v1/providers?limit=1")).str("items.0.id")
	s.ask("put-account-provider", put(brown+"/provider", fmt.Sprintf(`{"provider":"%s","credentials":{"username":"brown","password":"what the provider gave"}}`, provider)).match(`"0"`))
	s.ask("get-account-provider", get(brown+"/provider"))

	read := s.ask("get-permissions-draft", get(brown+"/permissions/draft"))
	s.ask("put-permissions-draft", put(brown+"/permissions/draft", `{"features":{"contacts":"partial","reports":"shown"}}`).match(read.etag()))
	s.ask("diff-permissions", get(brown+"/permissions/diff"))
	s.ask("publish-permissions", post(brown+"/permissions/publish", nil))
	s.ask("get-permissions", get(brown+"/permissions"))
	s.ask("list-permission-versions", get(brown+"/permissions/versions"))

	plan := s.also(get("/v1/plans?limit=1")).str("items.0.id")
	s.ask("put-account-plans", put(brown+"/plans", fmt.Sprintf(`{"plans":["%s"]}`, plan)).match(`"0"`))
	s.ask("get-account-plans", get(brown+"/plans"))
	read = s.ask("get-settings", get(brown+"/settings"))
	s.ask("put-settings", put(brown+"/settings", `{"call_log_sync":true}`).match(read.etag()))
	read = s.ask("get-configuration", get(brown+"/configuration"))
	s.ask("put-configuration", put(brown+"/configuration", `{"numbers":[{"number":"2001","label":"Front desk","trunk":"Reception PBX"},{"number":"20xx","trunk":"Reception PBX","private":true}]}`).match(read.etag()))
}

func (s *tale) federation(reseller, brown, smith string) {
	made := s.ask("create-federation", post("/v1/federations", fmt.Sprintf(`{"name":"Harbour firms","owner":"%s"}`, reseller)))
	at, code := made.header.Get("Location"), fmt.Sprintf(`{"access_code":"%s"}`, made.str("access_code"))
	renamed := s.ask("patch-federation", change(at, `{"name":"Harbour businesses"}`).match(made.etag()))
	s.ask("list-federations", get("/v1/federations"))
	request := s.ask("join-federation", post(brown+"/federation/join", code)).header.Get("Location")
	s.ask("list-join-requests", get(at+"/join-requests"))
	s.ask("get-join-request", get(request))
	s.ask("accept-join-request", post(request+"/accept", nil))
	s.ask("get-account-federation", get(brown+"/federation"))
	again := s.also(post(smith+"/federation/join", code)).header.Get("Location")
	s.ask("decline-join-request", post(again+"/decline", nil))
	second := s.also(post(smith+"/federation/join", code))
	s.ask("withdraw-join-request", del(second.header.Get("Location")).match(second.etag()))

	s.ask("list-members", get(at+"/members"))
	member := at + "/members/" + idIn(brown)
	admin := at + "/administrators/" + s.also(get(brown+"/users?limit=1")).str("items.0.id")
	named := s.ask("put-federation-administrator", put(admin, nil).match(`"0"`))
	s.ask("list-federation-administrators", get(at+"/administrators"))
	s.ask("get-federation-administrator", get(admin))
	s.ask("delete-federation-administrator", del(admin).match(named.etag()))
	s.ask("remove-member", del(member).match(s.ask("get-member", get(member)).etag()))

	rotated := s.ask("rotate-access-code", post(at+"/access-code", nil))
	s.ask("get-federation", get(at))
	s.ask("delete-federation", del(at).match(rotated.etag()))
	if renamed.etag() == rotated.etag() {
		s.t.Fatal("a new access code is no new version")
	}
}

func (s *tale) calling(brown, smith string) {
	s.ask("explain", post("/v1/explain", fmt.Sprintf(`{"account":"%s","dialled":"3005"}`, idIn(brown))))
	lease := s.call(7, brown, smith)
	at := exampleStart.Add(-48 * time.Hour)
	s.store.mu.Lock()
	s.store.records[idOf(brown)] = []routing.Record{
		{ID: "1777712400000-1", From: "2001", To: "3005", Peer: idOf(smith), Started: at, Answered: at.Add(4 * time.Second), Ended: at.Add(95 * time.Second), Result: routing.ResultAnswered, SIPStatus: 200, Method: routing.FlatRate},
	}
	s.store.mu.Unlock()
	s.ask("list-calls", get(brown+"/calls"))
	s.ask("get-capacity", get(brown+"/capacity"))
	s.ask("list-call-log", get(brown+"/call-log"))
	s.ask("end-call", requestFor("DELETE", "/v1/calls/"+callID(lease), nil))
}

// watching is what tells of all that.
func (s *tale) watching(brown string) {
	made := s.ask("create-webhook", post(brown+"/webhooks", `{"url":"https://hooks.brown.example/interlink","events":["number.*","interlink.deleted"]}`))
	at := made.header.Get("Location")
	s.ask("list-webhooks", get(brown+"/webhooks"))
	changed := s.ask("patch-webhook", change(at, `{"enabled":true,"events":["number.*"]}`).match(made.etag()))
	s.ask("get-webhook", get(at))
	id := directory.WebhookID(made.str("id"))
	s.store.mu.Lock()
	s.store.hooks.log = map[directory.WebhookID][]directory.Delivery{
		id: {{ID: made.str("id") + "-57", At: exampleStart.Add(-time.Hour), Try: 1, Events: 1, Status: 204, Outcome: "delivered", TookMs: 87}},
	}
	s.store.mu.Unlock()
	s.ask("list-deliveries", get(at+"/deliveries"))
	s.ask("delete-webhook", del(at).match(changed.etag()))

	s.ask("list-audit", get("/v1/audit?limit=1&action=PATCH%20/v1/accounts/%7Baccount%7D/numbers/%7Bnumber%7D"))
	s.ask("verify-audit", get("/v1/audit/verify"))
	s.server.EndStreams()
	s.ask("listen", get("/v1/events?account="+idIn(brown)))
}

// leaving takes down what was built.
func (s *tale) leaving(brown, smith string, trunk, number, link *reply) {
	s.ask("delete-interlink", del(whatOf(link)).match(link.etag()))
	now := s.also(get(whatOf(number)))
	s.ask("delete-number", del(whatOf(number)).match(now.etag()))
	for _, n := range s.also(get(brown + "/numbers")).ids("id") {
		s.also(del(brown + "/numbers/" + n))
	}
	s.ask("delete-trunk", del(whatOf(trunk)).match(trunk.etag()))
	plan := s.also(post("/v1/plans", `{"name":"Trial","currency":"EUR","per_minute":0}`))
	s.ask("delete-plan", del(plan.header.Get("Location")).match(plan.etag()))
	provider := s.also(post("/v1/providers", `{"name":"Carrier Two"}`))
	s.ask("delete-provider", del(provider.header.Get("Location")).match(provider.etag()))
	s.ask("delete-account", del(smith).match(s.also(get(smith)).etag()))
}

// whatOf is the object that a request was about.
func whatOf(r *reply) string {
	path, _, _ := strings.Cut(r.ask.path, "?")
	return path
}
