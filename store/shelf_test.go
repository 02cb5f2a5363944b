package store

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// canary is in every secret of oneOfEach.
const canary = "canary-secret"

// oneOfEach is one object of every kind: what acc_a has, what the platform has,
// and acc_b linked with acc_a and asking to join its federation.
func oneOfEach() []directory.Object {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return []directory.Object{
		account("acc_a"), account("acc_b"), limitsOf("acc_a", 0, 1, 2, 3, 4), trunk("trk_a", "acc_a", "192.0.2.1"), number("num_a", "acc_a", "trk_a", "2001"),
		&directory.Interlink{ID: "lnk_1", A: directory.Side{Account: "acc_a", Name: "B", Version: 1}, B: &directory.Side{Account: "acc_b", Name: "A", Version: 1}},
		&directory.Interlink{ID: "lnk_2", A: directory.Side{Account: "acc_a", Name: "C", Version: 1},
			Secret: directory.InterlinkSecret{KeyHash: canary, KeySealed: canary}},
		&directory.User{ID: "usr_a", Account: "acc_a", Email: "pat@example.com", Password: canary, Role: directory.RoleAdmin, TimeZone: "UTC"},
		&directory.Token{ID: "tok_a", Account: "acc_a", Use: directory.TokenSession, User: "usr_a", Hash: canary},
		&directory.Federation{ID: "fed_a", Account: "acc_a", Name: "All", CodeHash: canary, CodeSealed: canary},
		&directory.Membership{ID: "mem_a", Federation: "fed_a", Account: "acc_a", JoinedAt: at},
		&directory.Membership{ID: "mem_b", Federation: "fed_a", Account: "acc_b"},
		&directory.FederationAdmin{Federation: "fed_a", User: "usr_a"},
		&directory.Provider{ID: "prv_1", Name: "Voice"},
		&directory.Connection{Account: "acc_a", Provider: "prv_1", Credentials: canary},
		&directory.NumberClasses{Classes: []directory.NumberClass{{Name: "premium", Pattern: "0900."}}},
		&directory.Restrictions{Account: "acc_a", Classes: map[string]string{"premium": directory.Deny}},
		&directory.CreditEntry{ID: "crd_1", Account: "acc_a", Amount: 100, Currency: "EUR"},
		&directory.Credit{Account: "acc_a", Currency: "EUR", Added: 100},
		&directory.Licence{ID: "lic_1", Account: "acc_a", ValidFrom: at, ValidUntil: at.AddDate(1, 0, 0), FreeMinutes: 10},
		&directory.PricePlan{ID: "pln_1", Name: "Flat", Currency: "EUR"},
		&directory.PlanSelection{Account: "acc_a", Plans: []directory.PricePlanID{"pln_1"}},
		&directory.Permissions{Account: "acc_a"},
		&directory.Settings{Account: "acc_a"},
		&directory.Pool{Account: "acc_a"},
		&directory.Webhook{ID: "whk_1", Account: "acc_a", URL: "https://hooks.example/", Secret: canary, Enabled: true},
	}
}

// create writes objects in one list.
func create(t testing.TB, s *Store, objects ...directory.Object) {
	t.Helper()
	changes := make([]directory.Change, 0, len(objects))
	for _, o := range objects {
		changes = append(changes, directory.Create(o))
	}
	apply(t, s, changes...)
}

func TestOneOfEachHasEveryKind(t *testing.T) {
	for _, k := range directory.Kinds() {
		if !slices.ContainsFunc(oneOfEach(), func(o directory.Object) bool { return o.Ref().Kind == k }) {
			t.Errorf("oneOfEach has no %s", k)
		}
	}
}

// The view on the disk has what decides about calls, and neither people nor
// anything secret.
func TestLastViewHoldsWhatCallsNeed(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	dir := t.TempDir()
	onDisk := func(c *Config) { c.DataDir = dir }
	first := b.open(t, onDisk)
	create(t, first, oneOfEach()...)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(dir, "view"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(content), canary) || strings.Contains(string(content), "pat@example.com") {
		t.Error("a secret or a person is on the disk")
	}
	kill(r)

	s := b.open(t, onDisk)
	without := []directory.Kind{
		directory.KindUser, directory.KindToken, directory.KindFederationAdmin, directory.KindConnection,
		directory.KindCreditEntry, directory.KindWebhook, directory.KindPool,
	}
	for _, o := range oneOfEach() {
		owned, ok := o.(directory.Owned)
		if !ok {
			continue
		}
		have := s.View().Object(o.Ref()) != nil
		if want := !slices.Contains(without, o.Ref().Kind); have != want {
			t.Errorf("%v of %q on the disk: %t, want %t", o.Ref(), owned.Owner(), have, want)
		}
	}
	if m, _ := s.View().ObjectByClaim(directory.MembershipClaim("acc_a")).(*directory.Membership); m == nil || m.Pending() {
		t.Error("a member of a federation is none after the start")
	}
}

// What an embedded store keeps on the disk is everything.
func TestEmbeddedKeepsEveryKind(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Embedded: true, DataDir: dir, ClusterKey: []byte("0123456789abcdef"), Log: quiet()}
	first, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	create(t, first, oneOfEach()...)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, o := range oneOfEach() {
		if _, ok := o.(directory.Owned); ok && s.View().Object(o.Ref()) == nil {
			t.Errorf("%v is lost", o.Ref())
		}
	}
}
