package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// harbour is a reseller with three customers, a link, a federation, and what
// they choose from.
const harbour = `version: 1
number_classes:
  - {name: premium, pattern: 0900x.}
plans:
  - {name: Business, currency: EUR, per_minute: 3}
  - {name: Flat, currency: EUR, unlimited: true}
accounts:
  - name: Brown
    parent: Harbour
    users: [{email: pat@brown.example, first_name: Pat, last_name: Brown, role: admin}]
    trunks: [{name: PBX, addresses: ["127.0.0.12"], source_addresses: ["127.0.0.12"]}]
    numbers: [{number: "1001", trunk: PBX, label: Reception}, {number: 10xx, trunk: PBX, private: true}]
    limits: {inbound_trunks: 0, outbound_trunks: 0, twoway_trunks: 4, burst_trunks: 0}
    restrictions: {classes: {premium: deny}}
    plans: {selected: [Flat, Business]}
    permissions: {features: {reports: hidden}}
  - name: Harbour
    reseller: true
    timezone: Europe/Berlin
    users: [{email: rita@harbour.example, first_name: Rita, last_name: Harbour, role: admin}]
    limits: {inbound_trunks: 0, outbound_trunks: 0, twoway_trunks: 20, burst_trunks: 0}
  - name: Smith
    parent: Harbour
    trunks: [{name: PBX, addresses: ["127.0.0.13"], source_addresses: ["127.0.0.13"]}]
    numbers: [{number: "2001", trunk: PBX}]
    settings: {call_log_sync: false}
  - name: Andrews
    parent: Harbour
    enabled: false
interlinks:
  - a: {account: Brown, name: To Smith, priority: 5}
    b: {account: Smith, name: To Brown, prefix: "9", suspended: true}
federations:
  - name: Harbour firms
    owner: Harbour
    members: [Smith, Andrews]
    administrators: [rita@harbour.example]
`

// file writes a world file.
func worldFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "world.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWorldRoundTrip: what is applied twice changes nothing the second time, and
// what is exported makes an empty gateway the same, to the byte.
func TestWorldRoundTrip(t *testing.T) {
	d := newDesk(t)
	file := worldFile(t, harbour)
	if r := d.try("", "plan", "-f", file); r.code != exitPending {
		t.Fatalf("plan: %+v", r)
	} else {
		golden(t, "plan.txt", r.out)
	}
	if got := d.do("account", "list"); strings.Contains(got, "Brown") {
		t.Fatal("the plan was carried out")
	}
	passwords := filepath.Join(t.TempDir(), "passwords")
	r := d.try("", "apply", "-f", file, "--passwords-file", passwords)
	if r.code != exitOK || !strings.Contains(r.out, "12 of 12 done") {
		t.Fatalf("apply: %+v", r)
	}
	kept, err := os.ReadFile(passwords)
	if err != nil || strings.Count(string(kept), "\n") != 2 || strings.Contains(r.out+r.err, strings.Fields(string(kept))[1]) {
		t.Errorf("passwords: %v, %d octets; or they are printed", err, len(kept))
	}
	if info, err := os.Stat(passwords); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the passwords' file: %v %v", info, err)
	}
	for _, verb := range []string{"plan", "apply"} {
		if got := d.do(verb, "-f", file); got != "no changes\n" {
			t.Errorf("%s again:\n%s", verb, got)
		}
	}
	exported := d.do("export")
	golden(t, "world.yaml", exported)
	other := newDesk(t)
	if r := other.try(exported, "apply", "-f", "-"); r.code != exitOK || !strings.Contains(r.err, "2 new users") {
		t.Fatalf("apply elsewhere: %+v", r)
	}
	if again := other.do("export"); again != exported {
		t.Errorf("exported again:\n%s\nwant\n%s", again, exported)
	}
}

// TestWorldChanges: a plan tells each change, deletes only when told to, and
// leads to the file.
func TestWorldChanges(t *testing.T) {
	d := newDesk(t)
	d.do("apply", "-f", worldFile(t, harbour))
	d.do("account", "create", "--name", "Stranger")
	d.do("number", "create", "-a", "Brown", "--number", "1999", "--trunk", "PBX")
	if got := d.do("plan", "-f", worldFile(t, harbour)); got != "no changes\n" {
		t.Errorf("what the file does not have:\n%s", got)
	}
	edited := strings.NewReplacer(
		"label: Reception", "label: Front desk", "twoway_trunks: 4", "twoway_trunks: 5", "selected: [Flat, Business]", "selected: [Business, Flat]",
		"priority: 5", "priority: 6", "suspended: true", "suspended: false", "per_minute: 3", "per_minute: 4",
		"members: [Smith, Andrews]", "members: [Smith, Brown]", "0900x.", "09x.",
	).Replace(harbour)
	file := worldFile(t, edited)
	r := d.try("", "plan", "-f", file, "--prune")
	if r.code != exitPending {
		t.Fatalf("plan: %+v", r)
	}
	golden(t, "changes.txt", r.out)
	d.do("apply", "-f", file, "--prune")
	if got := d.do("plan", "-f", file, "--prune"); got != "no changes\n" {
		t.Errorf("after it was applied:\n%s", got)
	}
	if got := d.do("account", "list"); strings.Contains(got, "Stranger") {
		t.Errorf("not pruned:\n%s", got)
	}
	d.do("apply", "-f", worldFile(t, "version: 1\n"), "--prune")
	if got := d.do("account", "list", "-o", "json"); got != "[]\n" {
		t.Errorf("not pruned:\n%s", got)
	}
}

// TestWorldOrderOfAccounts: lines and addresses that move from one account to
// another are free when they are needed, whatever the order of the file.
func TestWorldOrderOfAccounts(t *testing.T) {
	d := newDesk(t)
	d.do("apply", "-f", worldFile(t, harbour))
	edited := strings.NewReplacer("127.0.0.12", "127.0.0.13", "127.0.0.13", "127.0.0.14",
		"twoway_trunks: 4", "twoway_trunks: 3", "twoway_trunks: 20", "twoway_trunks: 3").Replace(harbour)
	file := worldFile(t, edited)
	d.do("apply", "-f", file)
	if got := d.do("plan", "-f", file); got != "no changes\n" {
		t.Errorf("after it was applied:\n%s", got)
	}
}

// breaker stands before a gateway and refuses one write, counted from 0, of a
// run.
type breaker struct {
	mu     sync.Mutex
	writes int
	at     int
	before func()
	next   http.Handler
}

func (b *breaker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		b.mu.Lock()
		n, before := b.writes, b.before
		b.writes++
		if n == b.at {
			b.before = nil
		}
		b.mu.Unlock()
		if n == b.at && before != nil {
			before()
		} else if n == b.at {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
	}
	b.next.ServeHTTP(w, r)
}

// behind puts a breaker between a desk and its gateway.
func (d *desk) behind(b *breaker) *desk {
	d.t.Helper()
	target, err := url.Parse(variable(d.environ, serverVariable))
	if err != nil {
		d.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = &http.Transport{DisableKeepAlives: true}
	b.next = proxy
	return d.without(serverVariable).with(serverVariable + "=" + listen(d.t, b))
}

// TestWorldFailsBetweenAnyTwoWrites: whatever write fails, each account is as it
// was or as the file says, and the next apply goes on from there.
func TestWorldFailsBetweenAnyTwoWrites(t *testing.T) {
	whole := newDesk(t)
	whole.do("apply", "-f", worldFile(t, harbour))
	want := whole.do("export")
	file := worldFile(t, harbour)
	for at := 0; ; at++ {
		d := newDesk(t)
		b := &breaker{at: at}
		r := d.behind(b).try("", "apply", "-f", file)
		if b.writes <= at {
			if at < 12 || r.code != exitOK {
				t.Fatalf("%d writes and exit %d; the test has lost its way", at, r.code)
			}
			return
		}
		if r.code != exitUnavailable {
			t.Fatalf("write %d failed: exit %d\n%s%s", at, r.code, r.out, r.err)
		}
		_, accounts, _ := strings.Cut(d.do("export"), "\naccounts:\n")
		for _, end := range []string{"\ninterlinks:", "\nfederations:"} {
			accounts, _, _ = strings.Cut(accounts, end)
		}
		for account := range strings.SplitSeq(accounts, "  - name: ") {
			if !strings.Contains(want, strings.TrimRight(account, "\n")) {
				t.Errorf("write %d failed: half done:\n%s", at, account)
			}
		}
		if r := d.try("", "apply", "-f", file); r.code != exitOK {
			t.Fatalf("after write %d failed: %+v", at, r)
		}
		if got := d.do("export"); got != want {
			t.Errorf("after write %d failed and the next apply:\n%s", at, got)
		}
	}
}

// TestWorldMeetsAnotherEdit: who edits an account between plan and write wins;
// the account stays as that edit left it, and the next apply goes on.
func TestWorldMeetsAnotherEdit(t *testing.T) {
	d := newDesk(t)
	d.do("apply", "-f", worldFile(t, harbour))
	file := worldFile(t, strings.Replace(harbour, "label: Reception", "label: Front desk", 1))
	b := &breaker{at: 0, before: func() { d.do("number", "update", "1001", "-a", "Brown", "--private") }}
	r := d.behind(b).try("", "apply", "-f", file)
	if r.code != exitConflict || !strings.Contains(r.err, "412 stale") {
		t.Fatalf("apply: %+v", r)
	}
	if got := d.do("number", "get", "1001", "-a", "Brown", "-o", "yaml"); !strings.Contains(got, "label: Reception") || !strings.Contains(got, "private: true") {
		t.Errorf("the other edit is lost:\n%s", got)
	}
	d.do("apply", "-f", file)
	if got := d.do("plan", "-f", file); got != "no changes\n" {
		t.Errorf("after the next apply:\n%s", got)
	}
}

// TestWorldOfAPartner: a partner keeps its own part of the tree in a file.
func TestWorldOfAPartner(t *testing.T) {
	d := newDesk(t)
	d.do("apply", "-f", worldFile(t, harbour))
	d.do("account", "create", "--name", "Stranger")
	token := d.read("token", "token", "create", "-a", "Harbour", "--name", "T")
	rita := d.without(tokenVariable).with(tokenVariable + "=" + token)
	exported := rita.do("export")
	if strings.Contains(exported, "Stranger") || !strings.Contains(exported, "name: Andrews") {
		t.Errorf("a partner's world:\n%s", exported)
	}
	if got := rita.do("plan", "-f", worldFile(t, exported)); got != "no changes\n" {
		t.Errorf("a partner's plan:\n%s", got)
	}
	file := worldFile(t, strings.Replace(exported, "label: Reception", "label: Front desk", 1))
	rita.do("apply", "-f", file)
	if got := d.do("number", "get", "1001", "-a", "Brown", "-o", "yaml"); !strings.Contains(got, "Front desk") {
		t.Errorf("applied by the partner:\n%s", got)
	}
}

// TestWorldFileIsRefused: a file that names what it does not have, or says one
// thing twice, is refused before anything is asked.
func TestWorldFileIsRefused(t *testing.T) {
	d := newDesk(t)
	for text, says := range map[string]string{
		"accounts: []":                                                                                                           "version",
		"version: 1\nacounts: []":                                                                                                "acounts",
		"version: 1\naccounts: [{name: A}, {name: A}]":                                                                           "two are called",
		"version: 1\naccounts: [{name: A, parent: B}]":                                                                           `no account "B"`,
		"version: 1\naccounts: [{name: A, parent: B}, {name: B, parent: A}]":                                                     "above itself",
		"version: 1\naccounts: [{name: A, numbers: [{number: 1001, trunk: T}]}]":                                                 "quotes",
		"version: 1\ninterlinks: [{a: {account: A, name: x}, b: {account: B, name: y}}]":                                         `no account "A"`,
		"version: 1\naccounts: [{name: A}]\ninterlinks: [{a: {account: A, name: x}, b: {account: A, name: y}}]":                  "itself",
		"version: 1\naccounts: [{name: A}]\nfederations: [{name: F, owner: A, members: [B]}]":                                    `no account "B"`,
		"version: 1\naccounts: [{name: A}]\nfederations: [{name: F, owner: A, members: [A]}, {name: G, owner: A, members: [A]}]": "member of",
		"version: 1\naccounts: [{name: A}, {name: B}]\ninterlinks: [{a: {account: A, name: x}, b: {account: B, name: y}}, {a: {account: B, name: x}, b: {account: A, name: y}}]": "twice",
		"version: 1\naccounts: [\n": "line",
	} {
		if r := d.try(text, "plan", "-f", "-"); r.code != exitInvalid || !strings.Contains(r.err, says) {
			t.Errorf("%s\nexit %d, says %s", text, r.code, r.err)
		}
	}
}
