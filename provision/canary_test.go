package provision

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// secretName tells the fields whose values are secrets, wherever they stand.
var secretName = regexp.MustCompile(`password|secret|token|_key$|_code$|credential`)

// notSecret are fields with such a name that hold none.
var notSecret = []string{"credentials_set"}

// canaries are secrets that must never show, by what they are.
type canaries struct {
	n    int
	sent map[string]string
}

// sing makes a secret of its own: long enough for every rule, and with symbols
// that change when they are escaped.
func (c *canaries) sing(what string) string {
	c.n++
	secret := fmt.Sprintf("Canary+%s/%04d", newBearer("api")[4:24], c.n)
	c.sent[secret] = what
	return secret
}

// heardOf returns what shows in a text, in any of the usual spellings.
func (c *canaries) heardOf(text string) []string {
	var out []string
	for secret, what := range c.sent {
		if len(secret) < 8 {
			continue
		}
		spellings := []string{
			secret, strings.ToLower(secret), url.QueryEscape(secret), url.PathEscape(secret),
			hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))),
		}
		for shift := range 3 {
			// However it lies in what is encoded, its inner part looks like this.
			whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + secret))
			inner := whole[4 : len(whole)-4]
			spellings = append(spellings, inner, strings.NewReplacer("+", "-", "/", "_").Replace(inner))
		}
		if slices.ContainsFunc(spellings, func(s string) bool { return strings.Contains(text, s) }) {
			out = append(out, what)
		}
	}
	return out
}

// learn takes the secrets out of an answer that gives them, and returns the
// answer without.
func (c *canaries) learn(op string, v any) {
	switch x := v.(type) {
	case obj:
		for name, member := range x {
			if text, ok := member.(string); ok && secretName.MatchString(name) && !slices.Contains(notSecret, name) {
				c.sent[text] = op + " answered " + name
			}
			c.learn(op, member)
		}
	case []any:
		for _, one := range x {
			c.learn(op, one)
		}
	}
}

// TestSecretCanaries puts a secret into every field that takes one, in requests
// that succeed and in requests that fail in many ways, learns those the server
// makes, and then looks for all of them: in problems, in everything that can be
// read, in the audit trail, the log, the metrics and what is stored.
func TestSecretCanaries(t *testing.T) {
	log, registry := &lines{}, prometheus.NewRegistry()
	s := newTown(t, func(c *Config) {
		c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.Registerer = registry
	})
	s.tokens["staff"] = testToken // which no logout ends
	c := &canaries{sent: map[string]string{
		testToken: "the administrator's token", string(s.server.cfg.ClusterKey): "the cluster key", testPassword: "a password", s.key: "a key", s.code: "a code",
	}}
	for role, token := range s.tokens {
		c.sent[token] = "the token of " + role
	}
	doc, e := s.schemas(), s.estates["brown"]
	fields := map[string]bool{}
	operations := s.operations()
	for _, op := range slices.Sorted(maps.Keys(operations)) {
		a := s.request(t, op, operations[op], e, e)
		s.sings(t, c, op, operations[op], a)
		schema := doc.body(op)
		if schema == nil {
			continue
		}
		base := obj{}
		if err := json.Unmarshal([]byte(a.body), &base); err != nil {
			t.Fatal(err)
		}
		doc.places(schema, base, "", func(pointer string, member obj, with func(string) string) {
			name := pointer[strings.LastIndexByte(pointer, '/')+1:]
			if !secretName.MatchString(name) || slices.Contains(notSecret, name) {
				return
			}
			fields[op+" "+pointer] = true
			s.singsIn(t, c, op+" "+pointer, a, with)
		})
	}
	if len(fields) < 8 {
		t.Errorf("secrets were sent in %d fields only: %v", len(fields), fields)
	}
	for secret := range c.sent {
		if len(secret) < 8 {
			delete(c.sent, secret)
		}
	}
	s.reads(t, c)
	s.looksInside(t, c, log.text(), registry)
	t.Logf("%d fields, %d secrets", len(fields), len(c.sent))
}

// sings carries the operation out, which may make secrets, and sends secrets
// where none belong.
func (s *town) sings(t *testing.T, c *canaries, op string, doc documented, a asked) {
	t.Helper()
	query := s.by("staff", a)
	query.path += "?token=" + url.QueryEscape(c.sing(op+" query"))
	s.quiet(t, c, op+": in the query", query)
	if op != "POST "+loginPath {
		s.quiet(t, c, op+": as a token", a.as(c.sing(op+" bearer")))
		s.quiet(t, c, op+": as a mistyped token", a.as("itk_"+c.sing(op+" mistyped")))
	}
	if doc.RequestBody != nil {
		b := s.by("staff", a)
		b.body = strings.TrimSuffix(b.body, "}") + `,"surprise":"` + c.sing(op+" unknown field") + `"}`
		b.body = strings.Replace(b.body, "{,", "{", 1)
		s.quiet(t, c, op+": in an unknown field", b)
		b.body = `{"name":"` + c.sing(op+" broken JSON")
		s.quiet(t, c, op+": in broken JSON", b)
	}
	if strings.HasPrefix(op, "DELETE ") {
		return // the estate is needed
	}
	if strings.HasPrefix(op, "POST ") && op != "POST "+loginPath {
		a = a.with("Idempotency-Key", fmt.Sprint("k-", len(c.sent)))
	}
	if r := s.do(s.by("staff", a)); r.status < 300 {
		c.learn(op, r.body)
	}
}

// singsIn sends secrets in one field: as it should be, and spoiled in some ways.
func (s *town) singsIn(t *testing.T, c *canaries, where string, a asked, with func(string) string) {
	t.Helper()
	quoted := func(how string) string {
		text, _ := json.Marshal(c.sing(where + ", " + how))
		return string(text)
	}
	for how, text := range map[string]string{
		"as it should be": quoted("good"), "beside an unknown field": quoted("unknown") + `,"surprise":1`, "in a list": "[" + quoted("list") + "]",
		"as a name": "{" + quoted("name") + ":1}", "as an object": `{"a":` + quoted("object") + "}",
		"too long": `"` + strings.Repeat(c.sing(where+", long"), 5_000) + `"`,
		"twice":    quoted("twice") + `,"` + where[strings.LastIndexByte(where, '/')+1:] + `":` + quoted("twice"),
	} {
		ask := s.by("staff", a)
		ask.body = with(text)
		r := s.do(ask)
		if r.status < 300 {
			c.learn(where, r.body)
			continue
		}
		if heard := c.heardOf(r.text); len(heard) > 0 {
			t.Errorf("%s, %s: the problem shows %q\n%.300s", where, how, heard, r.text)
		}
	}
}

// quiet demands a problem without any secret.
func (s *town) quiet(t *testing.T, c *canaries, where string, a asked) {
	t.Helper()
	r := s.do(a)
	if heard := c.heardOf(r.text); len(heard) > 0 || r.status < 400 {
		t.Errorf("%s: %d shows %q\n%.300s", where, r.status, heard, r.text)
	}
}

// shownAgain are the secrets that can be read a second time: a key while it is
// pending, a federation's code (IL1, FE1).
var shownAgain = regexp.MustCompile(`"(authorization_key|access_code)":"[^"]*"`)

// reads asks for all that can be read, as who may read most.
func (s *town) reads(t *testing.T, c *canaries) {
	t.Helper()
	for op, doc := range s.operations() {
		if !strings.HasPrefix(op, "GET ") {
			continue
		}
		for _, name := range []string{"brown", "reseller", "applicant"} {
			r := s.do(s.by("staff", s.request(t, op, doc, s.estates[name], s.estates[name])))
			if heard := c.heardOf(shownAgain.ReplaceAllString(r.text, "")); len(heard) > 0 {
				t.Errorf("%s of %s shows %q", op, name, heard)
			}
		}
	}
	for next := ""; ; {
		r := s.do(s.by("staff", get("/v1/audit?limit=200"+next))).want(200)
		if heard := c.heardOf(r.text); len(heard) > 0 {
			t.Errorf("the audit trail shows %q", heard)
		}
		if r.body["next"] == nil {
			return
		}
		next = "&cursor=" + url.QueryEscape(r.str("next"))
	}
}

// looksInside searches the log, the metrics and what was given to the store.
func (s *town) looksInside(t *testing.T, c *canaries, log string, registry *prometheus.Registry) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var metrics strings.Builder
	for _, f := range families {
		metrics.WriteString(f.String())
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	// Remembered answers are the store's to seal: cmd/interlink looks there.
	var stored, trail strings.Builder
	for _, o := range s.store.objects {
		stored.WriteString(jsonOf(t, o))
	}
	for _, entry := range s.store.trail {
		trail.WriteString(jsonOf(t, entry))
	}
	if len(log) < 10_000 || metrics.Len() < 1_000 || stored.Len() < 10_000 || trail.Len() < 10_000 {
		t.Errorf("too little to look through: %d, %d, %d, %d", len(log), metrics.Len(), stored.Len(), trail.Len())
	}
	for where, text := range map[string]string{
		"the log": log, "the metrics": metrics.String(), "the store": stored.String(), "the trail": trail.String(),
	} {
		if heard := c.heardOf(text); len(heard) > 0 {
			t.Errorf("%s: %q", where, heard)
		}
	}
}
