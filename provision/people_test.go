package provision

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

const testPassword = "correct horse battery"

// user creates a user with testPassword and returns its path.
func (w *world) user(account, email, role string) string {
	w.t.Helper()
	users := account + "/users"
	if account == "" {
		users = "/v1/users"
	}
	return users + "/" + w.do(post(users, obj{"email": email, "first_name": "Pat", "last_name": "Brown", "role": role, "password": testPassword})).want(201).str("id")
}

// login opens a session.
func (w *world) login(email string) string {
	w.t.Helper()
	return w.do(loginAs(email, testPassword)).want(200).str("token")
}

func loginAs(email, password string) asked {
	return post("/v1/login", obj{"email": email, "password": password}).with("Authorization", "")
}

// peopleFixture is for users, tokens and access.
func peopleFixture(w *world, account string) fixture {
	w.t.Helper()
	user := w.user(account, "pat@brown.example", "admin")
	staff := w.user("", "sam@platform.example", "admin")
	token := w.do(post(account+"/tokens", obj{"name": "T"})).want(201).str("id")
	staffToken := w.do(post("/v1/tokens", obj{"name": "T"})).want(201).str("id")
	access := w.do(post(account+"/access", obj{"reason": "R"})).want(201).str("token")
	named := obj{"email": "new@brown.example", "first_name": "N", "last_name": "N", "role": "admin"}
	return fixture{
		named: []string{"/v1/users/{user}", staff, "/v1/tokens/{token}", "/v1/tokens/" + staffToken, "{user}", idIn(user), "{token}", token},
		bodies: map[string]any{
			"POST " + loginPath:               obj{"email": "pat@brown.example", "password": testPassword},
			"POST /v1/logout":                 nil,
			"POST " + accountPath + "/access": obj{"reason": "R"},
			"POST " + accountPath + "/users":  named,
			"POST /v1/users":                  named,
		},
		tokens: map[string]string{"POST /v1/logout": w.login("pat@brown.example"), "DELETE /v1/access": access},
	}
}

// No answer, log line or audit entry has a password, a token or a hash of one
// but the answer that gives it.
func TestSecretsOfPeopleStayInside(t *testing.T) {
	log := &lines{}
	w := newWorld(t, func(c *Config) { c.Log = log.logger() })
	brown := w.account("Brown")
	made := w.do(post(brown+"/users", obj{"email": "pat@brown.example", "first_name": "Pat", "last_name": "Brown", "role": "admin"})).want(201)
	user, secret := brown+"/users/"+made.str("id"), made.str("password")
	session := w.do(loginAs("pat@brown.example", secret)).want(200).str("token")
	token := w.do(post(brown+"/tokens", obj{"name": "T"}).as(session)).want(201)
	access := w.do(post(brown+"/access", obj{"reason": "R"})).want(201)
	secrets := []string{secret, session, token.str("token"), access.str("token")}
	w.store.mu.Lock()
	for _, o := range w.store.objects {
		switch o := o.(type) {
		case *directory.User:
			secrets = append(secrets, o.Password)
		case *directory.Token:
			secrets = append(secrets, o.Hash)
		}
	}
	var audited []string
	for _, o := range w.store.objects {
		audited = append(audited, jsonOf(t, o.Redacted()))
	}
	w.store.mu.Unlock()
	if len(secrets) != 4+1+3 {
		t.Fatalf("%d secrets", len(secrets))
	}

	var texts []string
	for _, a := range []asked{
		get(user), get(brown + "/users"), get(brown + "/tokens"), get(brown + "/tokens/" + token.str("id")), get(brown + "/tokens/" + access.str("id")),
		get("/v1/me").as(session), get("/v1/me").as(access.str("token")), get(brown),
		loginAs("pat@brown.example", secret+"x"), loginAs(secret, secret), get("/v1/me").as(session + "x"),
		post(brown+"/users", obj{"email": secret, "first_name": "Pat", "last_name": "Brown", "role": "admin", "password": "short"}),
		change(user, obj{"password": "0123456789abcdef", "current_password": secret + "x"}).as(session),
		post(brown+"/tokens", obj{"name": token.str("token"), "scopes": []string{session}}),
		{method: "GET", path: "/v1/me?token=" + session, header: get("/").header},
	} {
		r := w.do(a)
		texts = append(texts, r.text)
	}
	texts = append(append(texts, audited...), log.text())
	for _, s := range secrets {
		for _, text := range texts {
			if strings.Contains(text, s) {
				t.Errorf("a secret shows in %.300s", text)
			}
		}
	}
}

// lines gathers what is logged.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
