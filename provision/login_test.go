package provision

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

func TestLogin(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.SessionTime = time.Hour })
	brown := w.account("Brown")
	pat := w.user(brown, "pat@brown.example", "admin")
	r := w.do(loginAs("Pat@Brown.Example", testPassword)).want(200).
		is("principal.kind", "admin").is("principal.user", idIn(pat)).is("principal.account", idIn(brown)).is("principal.principal", "user:"+idIn(pat))
	ends, err := time.Parse(time.RFC3339, r.str("expires_at"))
	if left := time.Until(ends); err != nil || left < 50*time.Minute || left > time.Hour {
		t.Errorf("the session ends %s", r.str("expires_at"))
	}
	session := r.str("token")
	w.do(get("/v1/me").as(session)).want(200).is("expires_at", r.str("expires_at"))
	w.do(get(brown).as(session)).want(200)
	by := w.store.actors[len(w.store.actors)-1]
	if by.Principal != "user:"+idIn(pat) || by.Subject != idOf(brown) || by.Action != "POST /v1/login" || by.RequestID == "" {
		t.Errorf("the audit entry names %+v", by)
	}
	w.do(get(brown + "/tokens")).want(200)
	if text := w.do(get(brown + "/tokens")).text; text != `{"items":[],"next":null}`+"\n" {
		t.Errorf("sessions are listed as tokens: %s", text)
	}

	if dry := w.do(post("/v1/login?dry_run=true", obj{"email": "pat@brown.example", "password": testPassword}).with("Authorization", "")).want(200); dry.body["token"] != nil {
		t.Error("a dry run opens a session")
	}
	w.do(post("/v1/logout", nil).as(session)).want(204)
	w.do(get("/v1/me").as(session)).want(401, "token_invalid")
	w.do(post("/v1/logout", nil)).want(409, "not_session")
	w.do(post("/v1/logout", `{"everywhere":true}`)).want(422, "body_unexpected")
	w.do(post("/v1/logout", "{}")).want(409, "not_session")

	sam := w.user("", "sam@platform.example", "admin")
	staff := w.login("sam@platform.example")
	w.do(get("/v1/me").as(staff)).want(200).is("kind", "staff").is("user", idIn(sam))
	w.do(get(brown).as(staff)).want(200)
	w.do(get("/v1/users").as(staff)).want(200)
}

// Every login that opens nothing is answered alike, byte for byte.
func TestFailedLoginsLookAlike(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.user(brown, "pat@brown.example", "admin")
	w.admin(brown) // has no password
	mute := directory.List[*directory.User](w.store.view, directory.KindUser, idOf(brown))[1].Email
	seq := w.store.seq
	var first *reply
	for _, a := range []asked{
		loginAs("pat@brown.example", "wrong horse battery"), loginAs("nobody@brown.example", testPassword), loginAs("not an address", "x"), loginAs(mute, testPassword),
	} {
		r := w.do(a.with(requestIDHeader, "same")).want(401, "login_failed")
		if first == nil {
			first = r
		}
		if r.text != first.text || fmt.Sprint(r.header) != fmt.Sprint(first.header) {
			t.Errorf("%s differs:\n%s %v\n%s %v", a.body, r.text, r.header, first.text, first.header)
		}
	}
	if w.store.seq != seq {
		t.Error("a failed login wrote to the directory")
	}
	w.do(loginAs("", testPassword)).want(422, "invalid", "/email")
	w.do(post("/v1/login", obj{"email": "pat@brown.example"})).want(422, "required", "/password")
}

// A source that fails too often waits; so does an address that is tried from many
// sources. Successes cost nothing, and one source keeps nobody else out.
func TestLoginIsThrottled(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	w.user(brown, "pat@brown.example", "admin")
	wrong, right := loginAs("pat@brown.example", "wrong horse battery"), loginAs("pat@brown.example", testPassword)
	for range 3 * loginEmailBurst {
		w.do(right).want(200)
	}
	for range loginSourceBurst {
		w.do(wrong.from("198.51.100.1:1000")).want(401)
	}
	r := w.do(right.from("198.51.100.1:2000")).want(429, "login_throttled")
	if wait, err := strconv.Atoi(r.header.Get("Retry-After")); err != nil || wait < 1 || wait > int(loginSourceEvery/time.Second) {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	w.do(loginAs("nobody@brown.example", "x").from("198.51.100.1:2000")).want(429, "login_throttled")
	for range 5 * loginEmailBurst { // from a source that waits, they cost the address nothing
		w.do(wrong.from("198.51.100.1:3000"))
	}
	w.do(right.from("198.51.100.2:1000")).want(200)

	refused := 0
	for n := range 2 * loginEmailBurst {
		if w.do(wrong.from(fmt.Sprintf("203.0.113.%d:1000", n))).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < loginEmailBurst/2 {
		t.Errorf("%d of %d tries from as many sources were refused", refused, 2*loginEmailBurst)
	}
	// It is the same for an address nobody has.
	refused = 0
	for n := range 2 * loginEmailBurst {
		if w.do(loginAs("nobody@brown.example", "x").from(fmt.Sprintf("203.0.113.%d:1000", n))).status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused < loginEmailBurst/2 {
		t.Errorf("an unknown address: %d of %d were refused", refused, 2*loginEmailBurst)
	}
}

// Many at once do not slip past the count.
func TestLoginThrottleHoldsForManyAtOnce(t *testing.T) {
	w := newWorld(t)
	w.user(w.account("Brown"), "pat@brown.example", "admin")
	var done sync.WaitGroup
	var mu sync.Mutex
	answered := map[int]int{}
	for range 3 * loginSourceBurst {
		done.Go(func() {
			r := w.do(loginAs("pat@brown.example", "wrong horse battery"))
			mu.Lock()
			defer mu.Unlock()
			answered[r.status]++
		})
	}
	done.Wait()
	// The clock runs on, a little.
	if answered[401] > loginSourceBurst+2 || answered[401]+answered[429] != 3*loginSourceBurst {
		t.Fatalf("answers %v", answered)
	}
}

// A user has at most maxSessions sessions; the oldest end first, and those that
// are over are removed at the next login.
func TestSessionsAreBounded(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	pat := w.user(brown, "pat@brown.example", "admin")
	first, second := w.login("pat@brown.example"), w.login("pat@brown.example")
	w.lapse(second)
	w.do(get("/v1/me").as(second)).want(401, "token_invalid")
	for range maxSessions - 1 {
		w.login("pat@brown.example")
	}
	w.do(get("/v1/me").as(first)).want(200)
	w.login("pat@brown.example")
	w.do(get("/v1/me").as(first)).want(401, "token_invalid")
	if n := len(w.server.sessions(directory.UserID(idIn(pat)))); n != maxSessions {
		t.Fatalf("%d sessions", n)
	}
}

// lapse ends the token with this text.
func (w *world) lapse(token string) {
	w.t.Helper()
	t, ok := w.store.view.ObjectByClaim(directory.TokenClaim(bearerHash(token))).(*directory.Token)
	if !ok {
		w.t.Fatal("no such token")
	}
	ended := *t
	ended.ExpiresAt = now().Add(-time.Minute)
	if err := w.store.Apply(w.t.Context(), directory.Actor{Principal: "test"}, directory.Replace(t, &ended)); err != nil {
		w.t.Fatal(err)
	}
}

// A hash made at another cost is renewed when its user logs in.
func TestHashIsRenewed(t *testing.T) {
	w := newWorld(t)
	pat := w.user(w.account("Brown"), "pat@brown.example", "admin")
	hash := func() string {
		return directory.Find[*directory.User](w.store.view, directory.KindUser, idIn(pat)).Password
	}
	old := hash()
	w.server.passwords.memory = 128
	w.login("pat@brown.example")
	if hash() == old || w.server.passwords.outdated(hash()) {
		t.Fatal("the hash is still the old one")
	}
	old = hash()
	w.login("pat@brown.example")
	if hash() != old {
		t.Fatal("a hash of today is renewed")
	}
}

// What has ended is removed, with what was obtained by it, a bounded part at a
// time; the rest stays.
func TestSweep(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	w.user(reseller, "rae@reseller.example", "admin")
	live := w.login("rae@reseller.example")
	over := w.login("rae@reseller.example")
	access := w.do(post(brown+"/access", obj{"reason": "R"}).as(live)).want(201).str("token")
	behind := w.do(post(brown+"/access", obj{"reason": "R"}).as(over)).want(201).str("token")
	w.lapse(access)
	w.lapse(over)
	var ended []directory.Change
	for n := range 3 * sweepBatch {
		ended = append(ended, directory.Create(&directory.Token{
			ID: directory.TokenID(fmt.Sprintf("tok_%d", n)), Account: idOf(brown), Use: directory.TokenAPI, Hash: fmt.Sprint(n), ExpiresAt: now().Add(-time.Hour),
		}))
	}
	if err := w.store.Apply(t.Context(), directory.Actor{Principal: "test"}, ended...); err != nil {
		t.Fatal(err)
	}
	from := len(w.store.actors)
	if n, err := w.server.sweep(t.Context(), time.Now()); err != nil || n != 3*sweepBatch+2 {
		t.Fatalf("%d removed, %v", n, err)
	}
	w.do(get("/v1/me").as(behind)).want(401, "token_invalid")
	w.do(get("/v1/me").as(live)).want(200)
	if left := directory.List[*directory.Token](w.store.view, directory.KindToken, idOf(brown)); len(left) != 0 {
		t.Fatalf("%d tokens are left", len(left))
	}
	// The end of an access names actor and subject (AC9).
	if !slices.ContainsFunc(w.store.actors[from:], func(a directory.Actor) bool {
		return a.Subject == idOf(brown) && a.Principal == "user:"+string(directory.List[*directory.User](w.store.view, directory.KindUser, idOf(reseller))[0].ID)
	}) {
		t.Errorf("audit entries %+v", w.store.actors[from:])
	}
	if n, err := w.server.sweep(t.Context(), time.Now()); err != nil || n != 0 {
		t.Fatalf("the second time %d, %v", n, err)
	}
}

// Another node removes the same at the same moment: no error, nothing twice.
func TestSweepIsOvertaken(t *testing.T) {
	w := newWorld(t)
	w.user(w.account("Brown"), "pat@brown.example", "admin")
	w.lapse(w.login("pat@brown.example"))
	w.store.before = func() {
		if n, err := w.server.sweep(t.Context(), time.Now()); n != 1 || err != nil {
			t.Errorf("the first: %d, %v", n, err)
		}
	}
	if n, err := w.server.sweep(t.Context(), time.Now()); n != 0 || err != nil {
		t.Fatalf("the second: %d, %v", n, err)
	}
}

// AC4: the list shows when somebody last logged in, and sorts by it.
func TestAC4LastLogin(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"early", "late", "never"} {
		account := w.account(name)
		for _, user := range []string{"a", "b"} {
			w.user(account, user+"@"+name+".example", "user")
		}
	}
	at := map[string]time.Time{"a@early.example": now().Add(-3 * time.Hour), "b@early.example": now().Add(-2 * time.Hour), "a@late.example": now().Add(-time.Hour)}
	for email, last := range at {
		u, _ := w.store.view.ObjectByClaim(directory.EmailClaim(email)).(*directory.User)
		next := *u
		next.LastLogin = last
		if err := w.store.Apply(t.Context(), directory.Actor{Principal: "test"}, directory.Replace(u, &next)); err != nil {
			t.Fatal(err)
		}
	}
	r := w.do(get("/v1/accounts?sort=last_login")).want(200)
	if got := r.ids("name"); !slices.Equal(got, []string{"never", "early", "late"}) {
		t.Errorf("sorted: %v", got)
	}
	r.is("items.0.last_login", nil).is("items.1.last_login", at["b@early.example"].Format(time.RFC3339Nano))
	first := w.do(get("/v1/accounts?sort=-last_login&limit=2")).want(200)
	rest := w.do(get("/v1/accounts?sort=-last_login&limit=2&cursor=" + first.str("next"))).want(200)
	if got := append(first.ids("name"), rest.ids("name")...); !slices.Equal(got, []string{"late", "early", "never"}) {
		t.Errorf("by pages: %v", got)
	}
}
