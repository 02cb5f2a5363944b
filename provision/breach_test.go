package provision

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// token makes an API token of an account with scopes and returns it.
func (w *world) token(account string, scopes ...string) string {
	w.t.Helper()
	return w.do(post(account+"/tokens", obj{"name": "T", "scopes": scopes})).want(201).str("token")
}

// What a configuration would change is not told to who may not read it: not by
// what stands in the way, nor by whether it is so already. And nobody has
// passwords hashed for users that they may not add.
func TestConfigurationTellsNothing(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	trunk := w.trunk(brown, "192.0.2.12")
	w.number(brown, trunk, "2001", nil)
	w.admin(brown)
	user := w.plain(brown)
	path := brown + "/configuration"

	if got := w.do(put(path, obj{"trunks": []obj{}}).as(user)).want(403, "forbidden"); strings.Contains(got.text, "PBX") {
		t.Errorf("who may not read trunks reads one's name: %s", got.text)
	}
	same := []obj{{"name": "PBX", "addresses": []string{"192.0.2.12:5060"}, "source_addresses": []string{"192.0.2.12"}}}
	w.do(put(path, obj{"trunks": same})).want(200)
	w.do(put(path, obj{"trunks": same}).as(user)).want(403, "forbidden")
	w.do(put(path, obj{"users": []obj{}}).as(user)).want(403, "forbidden")

	w.server.passwords.waiting.Store(maxHashing)
	added := []obj{{"email": "eve@example.com", "first_name": "Eve", "last_name": "E", "role": "admin"}}
	w.do(put(path, obj{"users": added})).want(503, "busy")
	w.do(put(path, obj{"users": added}).as(user)).want(403, "forbidden")
	w.do(put(path, obj{"users": added}).as(w.token(brown, "read"))).want(403, "forbidden")
	reader := w.token(brown, "account.read", "users.read", "tokens.read")
	w.do(put(path, obj{"users": added}).as(reader)).want(403, "forbidden")
}

// Whoever loses the right to act as an account cannot go on with the token it
// got before (AC9).
func TestAC9AccessEndsWithRights(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	w.admin(reseller)
	partner := w.admin(reseller)
	me := w.do(get("/v1/me").as(partner)).want(200).str("user")
	access := w.do(post(brown+"/access", obj{"reason": "Ticket 1"}).as(partner)).want(201).str("token")
	w.do(get(brown + "/trunks").as(access)).want(200)
	w.do(change(reseller+"/users/"+me, obj{"role": "user"})).want(200)
	w.do(get(brown+"/trunks").as(partner)).want(404, "not_found")
	w.do(get(brown+"/trunks").as(access)).want(401, "token_invalid")
	// The first administrator's own has no token behind it.
	own := w.do(post(brown+"/access", obj{"reason": "Ticket 2"})).want(201).str("token")
	w.do(get(brown + "/trunks").as(own)).want(200)
}

// A stream ends with the rights of who listens, not with the token alone.
func TestStreamEndsWithRights(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.admin(brown)
	token := w.admin(brown)
	p, ok := w.server.bearer(bearerHash(token), time.Now())
	if !ok {
		t.Fatal("no such token")
	}
	l := &listener{server: w.server, sight: sight{server: w.server, reader: p, account: p.Account}}
	if !l.allowed() {
		t.Fatal("an administrator may not listen")
	}
	w.do(change(brown+"/users/"+string(p.User), obj{"role": "user"})).want(200)
	if l.allowed() {
		t.Error("who is no administrator any more listens on")
	}
}

// What one side of an interlink does to its own side, and what is only drafted
// for a customer, is nobody else's to know: not even that it happened.
func TestTrailTellsNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	onBrown, onSmith := w.link(brown, smith)
	admin := w.admin(smith)
	seen := func() int {
		return len(w.do(get("/v1/audit?limit=200").as(admin)).want(200).body["items"].([]any))
	}
	before := seen()
	w.do(change(onBrown, obj{"name": "Renamed", "priority": 7})).want(200)
	w.do(put(smith+"/permissions/draft", obj{"features": obj{"reports": "hidden"}})).want(200)
	w.do(post(smith+"/permissions/publish", nil)).want(200)
	published := seen()
	w.do(put(smith+"/permissions/draft", obj{"features": obj{"reports": "shown"}})).want(200)
	after := seen()
	// A new draft makes the object there is; what is published is the customer's to know.
	if published-before > 2 || after != published {
		t.Errorf("the customer sees %d entries before, %d after a rename of the other side and a publication, %d after a draft", before, published, after)
	}
	for _, e := range w.do(get("/v1/audit?limit=200").as(admin)).want(200).body["items"].([]any) {
		for _, c := range e.(obj)["changes"].([]any) {
			if c := c.(obj); c["kind"] == "interlink" && c["id"] == idIn(onBrown) && c["action"] == "changed" {
				if after := c["after"].(obj); after["version"] != w.do(get(onSmith).as(admin)).want(200).field("version") {
					t.Errorf("the trail tells version %v of an interlink", after["version"])
				}
			}
		}
	}
	// What both sides see both are told.
	was := seen()
	w.do(change(onBrown, obj{"suspended": true})).want(200)
	if seen() != was+1 {
		t.Error("that the other side suspended the link is not told")
	}
}

// Scopes bound every way to a thing, the short cuts too.
func TestScopesBoundShortCuts(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	w.do(change(reseller, obj{"reseller": true})).want(200)
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	w.call(1, brown, smith)

	w.do(get("/v1/accounts").as(w.token(brown, "numbers.read"))).want(403, "forbidden")
	w.do(get("/v1/accounts").as(w.token(brown, "account.read"))).want(200)

	got := w.do(get(brown + "/capacity").as(w.token(brown, "limits.read"))).want(200)
	if calls := got.body["calls"].([]any); len(calls) != 0 {
		t.Errorf("who may not read calls reads %v", calls)
	}
	w.do(get(brown + "/capacity").as(w.token(brown, "limits.read", "calls.read"))).want(200).field("calls.0.id")

	writer := w.token(reseller, "account.read", "account.write")
	w.do(change(brown+"?end_calls=true", obj{"enabled": false}).as(writer)).want(403, "forbidden")
	w.do(get(brown)).want(200).is("enabled", true)
	w.do(change(brown, obj{"enabled": false}).as(writer)).want(200)

	maker := w.token(reseller, "account.read", "account.create", "limits.read", "limits.write")
	limits := obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1}
	w.do(post("/v1/accounts", obj{"name": "New", "limits": limits}).as(maker)).want(201)
	limits["allow_postpay"], limits["max_postpay_amount"] = true, 1_000_000
	w.do(post("/v1/accounts", obj{"name": "Newer", "limits": limits}).as(maker)).want(403, "forbidden", "/limits")
	w.do(post("/v1/accounts", obj{"name": "Newer", "configuration": obj{"limits": limits}}).as(maker)).want(403, "forbidden")
}

// A hidden feature is hidden by every route (SU2).
func TestSU2FederationHidden(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	w.do(change(reseller, obj{"reseller": true})).want(200)
	brown := w.below(reseller, "Brown")
	f := w.do(post("/v1/federations", obj{"name": "F", "owner": idIn(reseller)})).want(201)
	path := "/v1/federations/" + f.str("id")
	asked := w.do(post(brown+"/federation/join", obj{"access_code": f.str("access_code")})).want(201)
	w.do(post(path+"/join-requests/"+asked.str("id")+"/accept", nil)).want(200)
	admin := w.admin(brown)
	w.do(get(path + "/members").as(admin)).want(200)
	w.do(put(brown+"/configuration", obj{"permissions": obj{"features": obj{"federation": "hidden"}}})).want(200)
	w.do(get(brown+"/federation").as(admin)).want(403, "forbidden")
	w.do(get(path+"/members").as(admin)).want(403, "forbidden")
	w.do(get(path).as(admin)).want(403, "forbidden")
	w.do(get(path + "/members").as(w.admin(reseller))).want(200)
}

// However the last two administrators remove each other, one is left.
func TestLastAdministratorOfConfiguration(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	stays, goes := w.admin(brown), w.admin(brown)
	kept, _ := w.server.bearer(bearerHash(stays), time.Now())
	gone, _ := w.server.bearer(bearerHash(goes), time.Now())
	admin := directory.Find[*directory.User](w.server.view, directory.KindUser, string(kept.User))
	ctx := context.WithValue(t.Context(), requestKey{}, &request{principal: kept})
	changes, err := w.server.usersPart(ctx, w.server.view.Account(kept.Account), []UserEntry{{
		Email: admin.Email, FirstName: admin.FirstName, LastName: admin.LastName, Role: admin.Role, TimeZone: admin.TimeZone,
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	// Before the write the other removes the one that was to stay.
	w.do(del(brown + "/users/" + string(kept.User)).as(goes)).want(204)
	if err := w.server.apply(ctx, Rehearsal{}, changes...); !isKind(err, directory.KindStale) {
		t.Errorf("the account has lost its last administrator: %v", err)
	}
	if directory.Find[*directory.User](w.server.view, directory.KindUser, string(gone.User)) == nil {
		t.Error("no administrator is left")
	}
}

// One account cannot take all the streams by making itself tokens.
func TestStreamsOfOneAccount(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	of := func(account string) principal {
		p, ok := w.server.bearer(bearerHash(w.token(account)), time.Now())
		if !ok {
			t.Fatal("no such token")
		}
		return p
	}
	for range maxOwnStreams {
		if w.server.streams.open(streamOwner(of(brown))) == nil {
			t.Fatal("too few streams")
		}
	}
	if w.server.streams.open(streamOwner(of(brown))) != nil {
		t.Error("another token of the account opens more streams")
	}
	if w.server.streams.open(streamOwner(of(smith))) == nil {
		t.Error("another account opens none")
	}
}

// A token that a token made ends with it: who revokes one that leaked is rid of
// what it was used for, and none outlives its maker.
func TestTokenEndsWithMaker(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	ends := time.Now().Add(time.Hour).UTC().Truncate(time.Second).Format(time.RFC3339)
	made := w.do(post(brown+"/tokens", obj{"name": "T", "scopes": []string{"read", "tokens.write"}, "expires_at": ends})).want(201)
	child := w.do(post(brown+"/tokens", obj{"name": "Child"}).as(made.str("token"))).want(201).is("expires_at", ends)
	w.do(get(brown + "/numbers").as(child.str("token"))).want(200)
	w.do(del(brown + "/tokens/" + made.str("id"))).want(204)
	w.do(get(brown+"/numbers").as(child.str("token"))).want(401, "token_invalid")
	// What a person makes in a session stays.
	own := w.do(post(brown+"/tokens", obj{"name": "Own"}).as(w.admin(brown))).want(201).is("expires_at", nil)
	w.do(get(brown + "/numbers").as(own.str("token"))).want(200)
}

// Of who acts as the other side of an interlink nobody learns the account.
func TestTrailHidesTheOtherSubject(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	onBrown, _ := w.link(brown, smith)
	access := w.do(post(brown+"/access", obj{"reason": "Ticket 1"})).want(201).str("token")
	w.do(change(onBrown, obj{"suspended": true}).as(access)).want(200)
	for account, want := range map[string]any{brown: idIn(brown), smith: nil} {
		w.do(get("/v1/audit?limit=1").as(w.admin(account))).want(200)
		item := w.do(get("/v1/audit?action=PATCH%20/v1/accounts/%7Baccount%7D/interlinks/%7Binterlink%7D").as(w.admin(account))).want(200)
		item.is("items.0.subject", want)
	}
}

// A federation's administrator makes nobody a partner on a member that has
// accounts below it, whichever route is asked.
func TestFE5ConfigurationMakesNoPartner(t *testing.T) {
	w := newWorld(t)
	owner, member := w.account("Owner"), w.account("Member")
	w.below(member, "Customer")
	f := w.do(post("/v1/federations", obj{"name": "F", "owner": idIn(owner)})).want(201)
	path := "/v1/federations/" + f.str("id")
	asked := w.do(post(member+"/federation/join", obj{"access_code": f.str("access_code")})).want(201)
	w.do(post(path+"/join-requests/"+asked.str("id")+"/accept", nil)).want(200)
	steward := w.plain(owner)
	me := w.do(get("/v1/me").as(steward)).want(200).str("user")
	w.do(put(path+"/administrators/"+me, nil)).want(200)
	eve := obj{"email": "eve@example.com", "first_name": "Eve", "last_name": "E", "role": "admin"}
	w.do(post(member+"/users", eve).as(steward)).want(403, "forbidden")
	w.do(put(member+"/configuration", obj{"users": []obj{eve}}).as(steward)).want(403, "forbidden")
	eve["role"] = "user"
	w.do(put(member+"/configuration", obj{"users": []obj{eve}}).as(steward)).want(200)
}
