package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// as sends the request with another principal's token.
func (a asked) as(token string) asked { return a.with("Authorization", "Bearer "+token) }

// below creates an account under another one and returns its path.
func (w *world) below(parent, name string) string {
	w.t.Helper()
	return "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": name, "parent": idIn(parent)})).want(201).str("id")
}

// idIn returns the last part of a path.
func idIn(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// admin returns a session token of a new administrator of the account with this
// path ("" for staff), and plain one of a user without rights.
func (w *world) admin(account string) string { return w.person(account, directory.RoleAdmin) }
func (w *world) plain(account string) string { return w.person(account, directory.RoleUser) }

func (w *world) person(account string, role directory.Role) string {
	w.t.Helper()
	id := directory.UserID(w.server.ids.next("usr_"))
	u := &directory.User{
		ID: id, Account: directory.AccountID(idIn(account)), Email: string(id) + "@example.com", FirstName: "Pat", LastName: "Brown",
		Role: role, TimeZone: "UTC", CreatedAt: now(),
	}
	secret := w.server.ids.next("secret_")
	sum := sha256.Sum256([]byte(secret))
	t := &directory.Token{
		ID: directory.TokenID(w.server.ids.next("tok_")), Account: u.Account, Use: directory.TokenSession, User: id,
		Hash: hex.EncodeToString(sum[:]), CreatedAt: now(),
	}
	if err := w.store.Apply(w.t.Context(), directory.Actor{Principal: "test"}, directory.Create(u), directory.Create(t)); err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// Who may do what, on the platform's tree (product table 8).
func TestPrincipals(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	other := w.account("Other")
	partner, admin, user := w.admin(reseller), w.admin(brown), w.plain(brown)

	w.do(get("/v1/me").as(w.admin(""))).want(200).is("kind", "staff")
	w.do(get("/v1/me").as(partner)).want(200).is("kind", "partner")
	w.do(get("/v1/me").as(admin)).want(200).is("kind", "admin").is("account", idIn(brown))
	w.do(get("/v1/me").as(user)).want(200).is("kind", "user")

	w.do(get(brown).as(partner)).want(200)
	w.do(change(brown, obj{"enabled": false}).as(partner)).want(200)
	w.do(post("/v1/accounts", obj{"name": "New"}).as(partner)).want(201).is("parent", idIn(reseller))
	w.do(change(reseller, obj{"enabled": false}).as(partner)).want(403, "forbidden")
	w.do(get(other).as(partner)).want(404, "not_found")

	w.do(get(brown).as(admin)).want(200)
	w.do(change(brown, obj{"enabled": true}).as(admin)).want(403, "forbidden")
	w.do(post("/v1/accounts", obj{"name": "New"}).as(admin)).want(403, "forbidden")
	w.do(post(brown+"/interlinks", obj{"name": "Smith"}).as(admin)).want(201)
	w.do(get(smith).as(admin)).want(404, "not_found")
	w.do(get(reseller).as(admin)).want(404, "not_found")
	w.do(put(brown+"/limits", obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1}).as(admin)).want(403, "forbidden")

	w.do(get(brown + "/numbers").as(user)).want(200)
	w.do(get(brown+"/trunks").as(user)).want(403, "forbidden")
	w.do(get(smith).as(user)).want(404, "not_found")

	for name, c := range map[string]struct {
		token string
		want  []string
	}{
		"staff":   {w.admin(""), []string{"Brown", "New", "Other", "Reseller", "Smith"}},
		"partner": {partner, []string{"Brown", "New", "Reseller", "Smith"}},
		"admin":   {admin, []string{"Brown"}},
		"user":    {user, []string{"Brown"}},
	} {
		if got := w.do(get("/v1/accounts?sort=name").as(c.token)).want(200).ids("name"); !slices.Equal(got, c.want) {
			t.Errorf("%s sees %v, want %v", name, got, c.want)
		}
	}
}
