package provision

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// The platform, its resellers, their customers: each sees what is below it.
func TestAC1EachSeesWhatIsBelow(t *testing.T) {
	w := newWorld(t)
	reseller, rival := w.account("Reseller"), w.account("Rival")
	w.below(rival, "Green")
	dealer := w.below(reseller, "Dealer")
	brown := w.below(dealer, "Brown")
	for name, c := range map[string]struct {
		token string
		want  []string
	}{
		"staff":    {testToken, []string{"Brown", "Dealer", "Green", "Reseller", "Rival"}},
		"reseller": {w.admin(reseller), []string{"Brown", "Dealer", "Reseller"}},
		"dealer":   {w.admin(dealer), []string{"Brown", "Dealer"}},
		"brown":    {w.admin(brown), []string{"Brown"}},
	} {
		if got := w.do(get("/v1/accounts?sort=name").as(c.token)).want(200).ids("name"); !slices.Equal(got, c.want) {
			t.Errorf("%s sees %v, want %v", name, got, c.want)
		}
	}
	w.do(get("/v1/accounts?parent="+idIn(dealer))).want(200).is("items.0.name", "Brown").is("items.0.parent", idIn(dealer)).is("next", nil)
	w.do(get(rival).as(w.admin(reseller))).want(404, "not_found")
}

// A name is required and never editable, by whomever; the time zone is an IANA
// name and by default the parent's.
func TestAC2NameAndTimeZone(t *testing.T) {
	w := newWorld(t)
	reseller := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Reseller", "timezone": "Europe/Paris", "reseller": true})).want(201).str("id")
	partner := w.admin(reseller)
	for name, code := range map[string]string{"": "invalid", "  ": "name_required", strings.Repeat("ä", 129): "invalid"} {
		w.do(post("/v1/accounts", obj{"name": name}).as(partner)).want(422, code, "/name")
	}
	w.do(post("/v1/accounts", obj{}).as(partner)).want(422, "required", "/name")
	brown := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": strings.Repeat("ä", 128)}).as(partner)).want(201).
		is("timezone", "Europe/Paris").is("enabled", true).is("parent", idIn(reseller)).str("id")
	for _, token := range []string{testToken, partner} {
		for _, name := range []any{"Green", nil, ""} {
			w.do(change(brown, obj{"name": name}).as(token)).want(422, "name_fixed", "/name")
		}
	}
	w.do(change(brown, obj{"timezone": "Mars/Olympus"}).as(partner)).want(422, "timezone_unknown", "/timezone")
	w.do(change(brown, obj{"timezone": "Asia/Tokyo"}).as(partner)).want(200).is("timezone", "Asia/Tokyo").is("name", strings.Repeat("ä", 128))
}

// A realm is a random label and the platform's suffix, and nobody changes it.
func TestAC3Realm(t *testing.T) {
	w := newWorld(t)
	form := regexp.MustCompile(`^[a-z][a-z0-9]{11}\.interlink\.invalid$`)
	seen := map[string]bool{}
	var last *reply
	for n := range 200 {
		last = w.do(post("/v1/accounts", obj{"name": fmt.Sprint("Account ", n)})).want(201)
		realm := last.str("realm")
		if !form.MatchString(realm) || seen[realm] {
			t.Fatalf("realm %q, %d before it", realm, len(seen))
		}
		seen[realm] = true
	}
	path := "/v1/accounts/" + last.str("id")
	label, _, _ := strings.Cut(last.str("realm"), ".")
	for _, realm := range []any{"mine.interlink.invalid", label + ".elsewhere.invalid", nil} {
		w.do(change(path, obj{"realm": realm})).want(422, "realm_fixed", "/realm")
	}
	w.do(post("/v1/accounts", obj{"name": "X", "realm": "mine.interlink.invalid"})).want(422, "unknown_field", "/realm")
	// Unique in any case.
	a := *w.server.view.Account(directory.AccountID(last.str("id")))
	a.ID, a.Realm = "acc_other", strings.ToUpper(a.Realm)
	if err := w.store.Apply(t.Context(), directory.Actor{}, directory.Create(&a)); claimOf(err) != "realm" {
		t.Fatalf("the same realm in capitals: %v", err)
	}
}

// A disabled account neither makes nor receives calls from the next one on; the
// calls that are up go on unless they are to end.
func TestAC5Disabled(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	partner := w.admin(reseller)
	w.number(brown, w.trunk(brown, "192.0.2.1"), "1001", nil)
	w.number(smith, w.trunk(smith, "192.0.2.2"), "2001", nil)
	w.link(brown, smith)
	call := func(from, to string) *reply {
		return w.do(post("/v1/explain", obj{"account": idIn(from), "dialled": to}).as(partner)).want(200)
	}
	call(brown, "2001").is("verdict", "route")
	call(smith, "1001").is("verdict", "route")
	w.call(1, brown, smith)

	w.do(change(brown, obj{"enabled": false}).as(w.admin(brown))).want(403, "forbidden")
	w.do(change(brown, obj{"enabled": false}).as(partner)).want(200).is("status", "inactive")
	call(brown, "2001").is("verdict", "refuse").is("reason", "account_disabled").is("sip_status", 403)
	call(smith, "1001").is("verdict", "refuse")
	if len(w.store.ended) != 0 || len(w.store.live) != 1 {
		t.Fatal("disabling ended a call")
	}
	w.do(change(brown, obj{"enabled": true}).as(partner)).want(200).is("status", "active")
	call(brown, "2001").is("verdict", "route")
	w.do(change(brown+"?end_calls=true", obj{"enabled": false}).as(partner)).want(200)
	if len(w.store.ended) != 1 || len(w.store.live) != 0 {
		t.Fatal("the call was to end")
	}
}
