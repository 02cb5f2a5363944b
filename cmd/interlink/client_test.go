package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// desk is the command line beside a running gateway.
type desk struct {
	t       *testing.T
	environ []string
}

// newDesk starts a gateway that keeps nothing; the first administrator sits at
// the desk.
func newDesk(t *testing.T) *desk {
	t.Helper()
	g, _, _ := startGateway(t, testConfig())
	return &desk{t, []string{"INTERLINK_SERVER=http://" + g.APIAddr(), "INTERLINK_TOKEN=" + testToken, "XDG_CONFIG_HOME=" + t.TempDir()}}
}

// without takes variables out of the environment.
func (d *desk) without(names ...string) *desk {
	left := slices.DeleteFunc(slices.Clone(d.environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.Contains(names, name)
	})
	return &desk{d.t, left}
}

func (d *desk) with(kv ...string) *desk { return &desk{d.t, append(slices.Clone(d.environ), kv...)} }

// result is what a command printed and how it ended.
type result struct {
	out, err string
	code     int
}

// try runs a command line; in is its standard input.
func (d *desk) try(in string, args ...string) result {
	d.t.Helper()
	var out, errs bytes.Buffer
	cmd := newCommand(d.environ)
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(in))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	err := cmd.ExecuteContext(testContext(d.t))
	printError(&errs, err)
	return result{out.String(), errs.String(), exitCode(err)}
}

// do runs a command line that must succeed, and returns what it printed.
func (d *desk) do(args ...string) string {
	d.t.Helper()
	r := d.try("", args...)
	if r.code != exitOK {
		d.t.Fatalf("interlink %s: exit %d\n%s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// read runs a command with -o json and returns a field of what it printed.
func (d *desk) read(field string, args ...string) string {
	d.t.Helper()
	var answer map[string]any
	text := d.do(append(args, "-o", "json")...)
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		d.t.Fatalf("%v: %s", err, text)
	}
	value, ok := answer[field].(string)
	if !ok {
		d.t.Fatalf("interlink %s: no %s in %s", strings.Join(args, " "), field, text)
	}
	return value
}

// fails runs a command that must end with a code and tell of all these.
func (d *desk) fails(code int, tells []string, args ...string) {
	d.t.Helper()
	r := d.try("", args...)
	for _, text := range tells {
		if !strings.Contains(r.err, text) {
			d.t.Errorf("interlink %s says nothing of %q: %s", strings.Join(args, " "), text, r.err)
		}
	}
	if r.code != code || r.out != "" {
		d.t.Errorf("interlink %s: exit %d, want %d\n%s%s", strings.Join(args, " "), r.code, code, r.out, r.err)
	}
}

// masked has one spelling for what is another at each run.
func masked(text string) string {
	text = regexp.MustCompile(`\b([a-z]{3})_[0-9A-Z]{26}\b`).ReplaceAllString(text, "${1}_00000000000000000000000000")
	text = regexp.MustCompile(`\b[a-z0-9]{12}\.test\.invalid`).ReplaceAllString(text, "realm.test.invalid")
	text = regexp.MustCompile(`version: \d{6,}`).ReplaceAllString(text, "version: 123456789")
	return regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(text, "2026-01-01T00:00:00Z")
}

// golden compares with a file of testdata/cli, or writes it with UPDATE_GOLDEN set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "cli", name)
	got = masked(got)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
	}
}

// TestCommandLine is a conversation about two accounts, a link and their limits,
// looked at in every form.
func TestCommandLine(t *testing.T) {
	d := newDesk(t)
	brown := d.read("id", "account", "create", "--name", "Brown", "--timezone", "Europe/Berlin")
	d.do("account", "create", "--name", "Smith", "--enabled=false")
	d.do("trunk", "create", "-a", "Brown", "--name", "PBX", "--addresses", "127.0.0.12", "--source-addresses", "127.0.0.12,127.0.0.13")
	d.do("number", "create", "-a", brown, "--number", "1001", "--trunk", "PBX", "--label", "Reception")
	d.do("number", "create", "-a", "Brown", "--number", "10xx", "--trunk", "PBX", "--private")
	golden(t, "accounts.txt", d.do("account", "list", "--sort", "name"))
	golden(t, "trunks.txt", d.do("trunk", "list", "-a", "Brown"))
	for _, form := range forms() {
		golden(t, "numbers."+form, d.do("number", "list", "-a", "Brown", "-o", form))
		golden(t, "number."+form, d.do("number", "get", "1001", "-a", "Brown", "-o", form))
	}

	d.do("number", "update", "1001", "-a", "Brown", "--label", "null", "--private=true")
	if got := d.do("number", "get", "1001", "-a", "Brown"); !strings.Contains(got, "label       -\n") || !regexp.MustCompile(`private +true`).MatchString(got) {
		t.Errorf("updated:\n%s", got)
	}
	d.do("limits", "set", "-a", "Brown", "--inbound-trunks", "1", "--outbound-trunks", "2", "--twoway-trunks", "3", "--burst-trunks", "4")
	d.do("limits", "set", "-a", "Brown", "--burst-trunks", "5") // the others stay
	golden(t, "limits.txt", d.do("limits", "get", "-a", "Brown"))
	golden(t, "capacity.txt", d.do("limits", "capacity", "-a", "Brown"))

	key := d.read("authorization_key", "interlink", "create", "-a", "Brown", "--name", "To Smith")
	// A slip of the finger is told without asking the server, where it would count
	// as an attempt.
	for _, args := range [][]string{
		{"interlink", "preview", "--name", "To Brown", "--authorization-key-file", "-"},
		{"interlink", "redeem", "--name", "To Brown", "--authorization-key-file", "-"}, {"federation", "join", "--access-code-file", "-"},
	} {
		if r := d.try(key[1:], append(args, "-a", "Smith")...); r.code != exitInvalid || !strings.Contains(r.err, "check symbols") || strings.Contains(r.err, key[1:9]) {
			t.Errorf("%s: %+v", args, r)
		}
	}
	if r := d.try(key, "interlink", "preview", "-a", "Smith", "--name", "To Brown", "--authorization-key-file", "-"); r.code != exitOK || !strings.Contains(r.out, "peer.name") {
		t.Errorf("preview: %+v", r)
	}
	if r := d.try(key, "interlink", "redeem", "-a", "Smith", "--name", "To Brown", "--authorization-key-file", "-"); r.code != exitOK {
		t.Fatalf("redeem: %+v", r)
	}
	d.do("interlink", "update", "To Smith", "-a", "Brown", "--priority", "5", "--prefix", "9")
	d.do("interlink", "suspend", "To Brown", "-a", "Smith")
	golden(t, "interlinks.txt", d.do("interlink", "list", "-a", "Brown"))
	if got := d.do("explain", "Smith", "1001"); !strings.Contains(got, "reason account_disabled") {
		t.Errorf("explain:\n%s", got)
	}
	d.do("interlink", "delete", "To Brown", "-a", "Smith")
	if got := d.do("interlink", "list", "-a", "Brown"); strings.Contains(got, "Smith") {
		t.Errorf("ended on one side only:\n%s", got)
	}
}

// TestExitCodes: each sort of failure has a code of its own, and says what the
// problem says.
func TestExitCodes(t *testing.T) {
	d := newDesk(t)
	d.do("account", "create", "--name", "Brown")
	d.do("account", "create", "--name", "Twin")
	d.do("account", "create", "--name", "Twin")
	d.do("trunk", "create", "-a", "Brown", "--name", "PBX", "--addresses", "127.0.0.12", "--source-addresses", "127.0.0.12")
	d.do("number", "create", "-a", "Brown", "--number", "1001", "--trunk", "PBX")

	d.fails(exitUsage, []string{"unknown command"}, "acount", "list")
	d.fails(exitUsage, []string{"unknown flag"}, "account", "list", "--nonsense")
	d.fails(exitUsage, []string{"accepts 1 arg"}, "account", "get")
	d.fails(exitUsage, []string{"--account is needed"}, "trunk", "list")
	d.fails(exitUsage, []string{"acc_", "Twin"}, "account", "get", "Twin")
	d.fails(exitUsage, []string{"--inbound-trunks"}, "limits", "set", "-a", "Brown", "--inbound-trunks", "many")
	d.fails(exitUsage, []string{"--output"}, "account", "list", "-o", "xml")
	d.fails(exitNotFound, []string{`no account called "Nobody"`}, "account", "get", "Nobody")
	d.fails(exitNotFound, []string{"404 not_found", "request req_"}, "account", "get", "acc_00000000000000000000000000")
	d.fails(exitInvalid, []string{"422 name_required", "/name"}, "account", "create", "--name", " ")
	d.fails(exitConflict, []string{"409 number_taken", "/number"}, "number", "create", "-a", "Brown", "--number", "1001", "--trunk", "PBX")
	d.fails(exitConflict, []string{"412 stale"}, "trunk", "delete", "PBX", "-a", "Brown", "--if-match", "99")
	d.fails(exitConflict, []string{"409 in_use"}, "trunk", "delete", "PBX", "-a", "Brown")
	d.without("INTERLINK_TOKEN").with("INTERLINK_TOKEN=wrong").fails(exitRefused, []string{"401 token_invalid"}, "me")
	d.without("INTERLINK_TOKEN").fails(exitRefused, []string{"no token"}, "me")
	d.fails(exitUnavailable, []string{"refused"}, "me", "--server", "http://127.0.0.1:1")
	d.fails(exitFailure, []string{"no such file"}, "me", "--token-file", filepath.Join(t.TempDir(), "none"))

	token := d.read("token", "token", "create", "-a", "Brown", "--name", "Reader", "--scopes", "read")
	reader := d.without("INTERLINK_TOKEN").with("INTERLINK_TOKEN=" + token)
	reader.fails(exitRefused, []string{"403 forbidden"}, "number", "delete", "1001")
	if got := reader.do("number", "list"); !strings.Contains(got, "1001") {
		t.Errorf("without --account, the token's own account:\n%s", got)
	}
	d.do("token", "revoke", "Reader", "-a", "Brown")
	reader.fails(exitRefused, []string{"401 token_invalid"}, "number", "list")
}

// TestLoginAndAccess: a session is kept where only its owner reads it, and acting
// as an account begins and ends there.
func TestLoginAndAccess(t *testing.T) {
	d := newDesk(t)
	password := d.read("id", "account", "create", "--name", "Harbour", "--reseller")
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("correct horse battery\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d.do("user", "create", "-a", password, "--email", "rita@harbour.example", "--first-name", "Rita", "--last-name", "H", "--role", "admin", "--password-file", file)
	d.do("account", "create", "--name", "Brown", "--parent", "Harbour")

	rita := d.without("INTERLINK_TOKEN")
	rita.fails(exitRefused, []string{"401 login_failed"}, "login", "--email", "nobody@harbour.example", "--password-file", file)
	rita.do("login", "--email", "rita@harbour.example", "--password-file", file)
	saved := filepath.Join(variable(rita.environ, "XDG_CONFIG_HOME"), "interlink", "sessions.json")
	if info, err := os.Stat(saved); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the session's file: %v %v", info, err)
	}
	if kind := rita.read("kind", "me"); kind != "partner" {
		t.Errorf("logged in as %s", kind)
	}
	rita.fails(exitNotFound, nil, "account", "get", "Nobody")
	rita.do("access", "start", "Brown", "--reason", "a ticket")
	if kind := rita.read("kind", "me"); kind != "admin" {
		t.Errorf("acting as %s", kind)
	}
	rita.fails(exitRefused, []string{"403 forbidden"}, "token", "create", "--name", "T")
	rita.do("access", "end")
	rita.fails(exitUsage, []string{"do not act"}, "access", "end")
	if kind := rita.read("kind", "me"); kind != "partner" {
		t.Errorf("back as %s", kind)
	}
	if err := os.Chmod(saved, 0o644); err != nil {
		t.Fatal(err)
	}
	rita.fails(exitFailure, []string{"others can read it"}, "me")
	if err := os.Chmod(saved, 0o600); err != nil {
		t.Fatal(err)
	}
	rita.do("logout")
	rita.fails(exitRefused, []string{"no token"}, "me")
}

// TestFederationByCommand: an account joins, is accepted by its name, and leaves.
func TestFederationByCommand(t *testing.T) {
	d := newDesk(t)
	for _, name := range []string{"Harbour", "Brown", "Smith"} {
		d.do("account", "create", "--name", name)
	}
	code := d.read("access_code", "federation", "create", "--name", "Harbour firms", "--owner", "Harbour")
	for _, name := range []string{"Brown", "Smith"} {
		if r := d.try(code, "federation", "join", "-a", name, "--access-code-file", "-"); r.code != exitOK {
			t.Fatalf("join: %+v", r)
		}
	}
	if got := d.do("federation", "requests", "Harbour firms"); !strings.Contains(got, "Brown") || !strings.Contains(got, "Smith") {
		t.Errorf("requests:\n%s", got)
	}
	d.do("federation", "accept", "Harbour firms", "Brown")
	d.do("federation", "decline", "Harbour firms", "Smith")
	golden(t, "members.txt", d.do("federation", "members", "Harbour firms"))
	if status := d.read("status", "federation", "of", "-a", "Brown"); status != "member" {
		t.Errorf("Brown is %s", status)
	}
	if again := d.read("access_code", "federation", "rotate", "Harbour firms"); again == code {
		t.Error("the code is the old one")
	}
	d.do("federation", "leave", "-a", "Brown")
	d.fails(exitNotFound, []string{"no federation"}, "federation", "leave", "-a", "Brown")
}

// TestSettingsByCommand: what is set piece by piece keeps its other pieces.
func TestSettingsByCommand(t *testing.T) {
	d := newDesk(t)
	d.do("account", "create", "--name", "Brown")
	if r := d.try("classes: [{name: premium, pattern: 0900x.}, {name: abroad, pattern: 00x.}]", "restriction", "set-classes", "-f", "-"); r.code != exitOK {
		t.Fatalf("classes: %+v", r)
	}
	d.do("restriction", "set", "-a", "Brown", "--classes", "premium=deny,abroad=deny")
	d.do("restriction", "set", "-a", "Brown", "--classes", "abroad=")
	if got := d.do("restriction", "get", "-a", "Brown"); !strings.Contains(got, "classes.premium  deny") || strings.Contains(got, "abroad") {
		t.Errorf("restrictions:\n%s", got)
	}
	d.do("permissions", "set", "-a", "Brown", "--features", "reports=hidden")
	if got := d.do("permissions", "diff", "-a", "Brown"); !strings.Contains(got, "reports") {
		t.Errorf("diff:\n%s", got)
	}
	d.do("permissions", "publish", "-a", "Brown")
	d.do("settings", "set", "-a", "Brown", "--call-log-sync=false")
	d.do("credit", "add", "-a", "Brown", "--amount", "5000", "--currency", "EUR", "--note", "Payment")
	if got := d.do("credit", "get", "-a", "Brown", "-o", "yaml"); !strings.Contains(got, "balance: 5000\n") {
		t.Errorf("credit:\n%s", got)
	}
	d.do("licence", "create", "-a", "Brown", "--valid-from", "2026-01-01T00:00:00Z", "--valid-until", "2999-01-01T00:00:00Z", "--free-minutes", "100", "--addon-minutes", "0", "--remarks", "internal")
	d.do("plan", "create", "--name", "Business", "--currency", "EUR", "--per-minute", "3")
	d.do("plan", "select", "-a", "Brown", "--plans", "Business")
	d.do("provider", "create", "--name", "Carrier", "--capacity", "10")
	d.do("provider", "connect", "-a", "Brown", "--provider", "Carrier")
	golden(t, "configuration.yaml", d.do("configuration", "get", "-a", "Brown", "-o", "yaml"))
	// What changed is for -o json and yaml: it makes no column.
	if got := d.do("audit", "list", "--limit", "3"); strings.Count(got, "\n") != 4 || !strings.Contains(got, "OUTCOME") || strings.Contains(got, "before=") {
		t.Errorf("audit:\n%s", got)
	}
	if got := d.read("id", "webhook", "create", "-a", "Brown", "--url", "https://198.41.0.4/hook", "--events", "number.*", "--enabled=false"); !strings.HasPrefix(got, "whk_") {
		t.Errorf("webhook %s", got)
	}
	if r := d.try("", "account", "create", "--name", "Never", "--dry-run"); r.code != exitOK || strings.Contains(d.do("account", "list"), "Never") {
		t.Errorf("the dry run: %+v", r)
	}
	d.do("account", "create", "--name", "Once", "--idempotency-key", "k")
	d.do("account", "create", "--name", "Once", "--idempotency-key", "k")
	if got := d.do("account", "list", "--q", "once", "-o", "json"); strings.Count(got, `"Once"`) != 1 {
		t.Errorf("twice:\n%s", got)
	}
}

// TestCompletion: nouns, forms and the names of accounts are offered.
func TestCompletion(t *testing.T) {
	d := newDesk(t)
	d.do("account", "create", "--name", "Brown")
	d.do("account", "create", "--name", "Bristol")
	d.do("account", "create", "--name", "Smith")
	for args, want := range map[string][]string{
		"inter":               {"interlink"},
		"account get B":       {"Bristol", "Brown"},
		"trunk list -a S":     {"Smith"},
		"trunk list -o ":      {"table", "json", "yaml"},
		"explain --ap":        {"--api"},
		"number get -a Brown": nil,
	} {
		words := strings.Split(args, " ")
		got := d.do(append([]string{"__complete"}, words...)...)
		for _, w := range want {
			if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(w) + `\b`).MatchString(got) {
				t.Errorf("%q offers no %s:\n%s", args, w, got)
			}
		}
	}
}

// TestNouns holds the table itself: no verb stands twice, and every one can be
// made a command.
func TestNouns(t *testing.T) {
	for _, n := range nouns() {
		seen := map[string]bool{}
		for _, v := range n.verbs {
			if seen[v.name] || v.name == "" || v.short == "" || v.run == nil {
				t.Errorf("%s %s stands twice or says too little", n.name, v.name)
			}
			seen[v.name] = true
			if flags := verbCommand(nil, n, v).Flags(); flags.Lookup("output") == nil || v.writes != (flags.Lookup("dry-run") != nil) {
				t.Errorf("%s %s lacks a flag", n.name, v.name)
			}
		}
	}
}

// TestOutputForms: the forms say the same, and no name writes to the terminal.
func TestOutputForms(t *testing.T) {
	answer := []map[string]any{{"name": "a\x1b[31m\tb", "list": []string{"x", "y"}, "peer": map[string]any{"name": "P"}, "none": nil, "number": "2001"}}
	var table, text bytes.Buffer
	if err := printAnswer(&table, asTable, []string{"name", "list", "peer", "none", "gone"}, answer); err != nil {
		t.Fatal(err)
	}
	if want := "NAME      LIST  PEER  NONE  GONE\na [31m b  x,y   P     -     -\n"; table.String() != want {
		t.Errorf("%q, want %q", table.String(), want)
	}
	if err := printAnswer(&text, asYAML, nil, answer); err != nil {
		t.Fatal(err)
	}
	var back []map[string]any
	if err := yaml.Unmarshal(text.Bytes(), &back); err != nil || back[0]["number"] != "2001" || back[0]["none"] != nil {
		t.Errorf("%v %v", back, err)
	}
}

// listen serves a handler for the length of a test and returns its URL.
func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}
