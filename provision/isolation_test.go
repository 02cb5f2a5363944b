package provision

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestIsolation asks for every operation of the served document as every kind of
// principal, with the ids of every account and with ids that nothing has, and
// holds the answers to the tables in matrix_test.go. What is allowed is
// rehearsed; what is not is asked for in earnest and must change nothing. What
// is hidden answers, byte for byte, as what does not exist.
func TestIsolation(t *testing.T) {
	s, m := newTown(t), newMatrix(t)
	operations := s.operations()
	for op := range m.class {
		if _, served := operations[op]; !served {
			t.Errorf("%s stands in the table and is not served", op)
		}
	}
	cells := 0
	for _, op := range slices.Sorted(maps.Keys(operations)) {
		if m.class[op] == "" {
			t.Errorf("%s has no class in the table", op)
			continue
		}
		if op == "POST "+loginPath {
			continue // needs no principal; login_test.go
		}
		for role := range s.tokens {
			for _, e := range s.targets(m, op) {
				s.cell(t, m, op, operations[op], role, e)
				cells++
			}
		}
	}
	t.Logf("%d operations, %d cells", len(operations), cells)
}

// targets are the estates that make a difference to an operation, and nobody's.
func (s *town) targets(m matrix, op string) []*estate {
	var out []*estate
	switch area, _, _ := strings.Cut(m.class[op], ":"); {
	case area == "guild":
		out = []*estate{s.estates["reseller"], s.estates["rival"]}
	case area == "platform":
		out = []*estate{s.estates["brown"]}
	default:
		out = slices.Collect(maps.Values(s.estates))
	}
	return append(out, nobody(s.estates["brown"]))
}

// cell checks one operation, one principal and one account.
func (s *town) cell(t *testing.T, m matrix, op string, doc documented, role string, e *estate) {
	t.Helper()
	want := m.expect(op, role, e.name)
	area, _, _ := strings.Cut(m.class[op], ":")
	if area == "platform" && e.name == "nobody" && strings.Contains(op, "{") && want == "yes" {
		want = "hidden"
	}
	asks := func(e *estate) asked { return s.by(role, s.request(t, op, doc, e, e)) }
	a := asks(e)
	if want == "yes" && doc.has("query", "dry_run") {
		a = a.rehearsed()
	}
	before := s.state()
	got := s.do(a)
	where := fmt.Sprintf("%s as %s, of %s", op, role, e.name)
	verdict := verdictOf(got.status)
	if area == "named" && got.status == http.StatusUnprocessableEntity {
		verdict = "hidden" // a body names what does not exist
	}
	if verdict != want {
		t.Errorf("%s: %d (%s), want %s\n%s", where, got.status, verdict, want, got.text)
		return
	}
	if s.state() != before {
		t.Errorf("%s: answered %d and changed something", where, got.status)
	}
	switch want {
	case "yes":
		s.leaks(t, m, where, role, e, got)
	case "hidden":
		alike(t, where, got, s.do(asks(nobody(e))))
	}
}

// by lets a principal ask; who is not known comes from another address each
// time, so that no throttle answers instead.
func (s *town) by(role string, a asked) asked {
	s.count++
	a = a.from(fmt.Sprintf("10.%d.%d.%d:4711", s.count>>16&255, s.count>>8&255, s.count&255))
	if role == "none" {
		return a.with("Authorization", "")
	}
	return a.as(s.tokens[role])
}

// state changes with every write.
func (s *town) state() string {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return fmt.Sprint(s.store.seq, len(s.store.trail), len(s.store.ended))
}

// verdictOf reads a status. A conflict is with the state of things: who may not
// ask is told so before.
func verdictOf(status int) string {
	switch {
	case status < 300, status == http.StatusConflict:
		return "yes"
	case status == http.StatusForbidden:
		return "no"
	case status == http.StatusNotFound:
		return "hidden"
	case status == http.StatusUnauthorized:
		return "unknown"
	}
	return fmt.Sprint(status)
}

// alike demands one answer, to the byte. All requests have one request id.
func alike(t *testing.T, where string, got, none *reply) {
	t.Helper()
	if got.status != none.status || got.text != none.text || !maps.EqualFunc(got.header, none.header, slices.Equal[[]string]) {
		t.Errorf("%s: differs from what does not exist:\n%d %v\n%s\n%d %v\n%s", where, got.status, got.header, got.text, none.status, none.header, none.text)
	}
}

// leaks looks in an answer for what belongs to accounts that are hidden from the
// asker. What it asked for itself it may hear again.
func (s *town) leaks(t *testing.T, m matrix, where, role string, asked *estate, got *reply) {
	t.Helper()
	for name, e := range s.estates {
		standing := m.standings[role][name]
		if standing != "-" || name == asked.name {
			continue
		}
		for _, mark := range e.marks {
			if strings.Contains(got.text, mark) && !s.shared(role, name, mark) {
				t.Errorf("%s: the answer shows %s of %s\n%s", where, mark, name, got.text)
			}
		}
	}
}

// shared are the marks of a hidden account that somebody may see all the same:
// an account names its parent, a federation's id shows to its members and to who
// asks to join, and a join request's to who made it.
func (s *town) shared(role, owner, mark string) bool {
	named := s.estates[owner].named
	switch mark {
	case named["{account}"]:
		return owner == "reseller" && role != "other"
	case named["{federation}"]:
		return slices.Contains([]string{"steward", "member", "applicant"}, role)
	case named["{request}"]:
		return role == "applicant"
	}
	return false
}

// An object is found below its own account, federation or kind only, whoever
// asks: what belongs to another is, byte for byte, what does not exist.
func TestIsolationBelowTheWrongParent(t *testing.T) {
	s, m := newTown(t), newMatrix(t)
	checked := 0
	for op, doc := range s.operations() {
		_, template, _ := strings.Cut(op, " ")
		if len(parameter.FindAllString(template, -1)) < 2 {
			continue
		}
		for role := range s.tokens {
			for _, pair := range [][2]string{{"brown", "smith"}, {"brown", "foreign"}, {"reseller", "rival"}, {"rival", "reseller"}, {"foreign", "brown"}} {
				own, others, none := s.estates[pair[0]], s.estates[pair[1]], nobody(s.estates["brown"])
				if strings.HasPrefix(m.class[op], "guild:") && pair[0] == "brown" {
					continue // both belong to one federation
				}
				before := s.state()
				got := s.do(s.by(role, s.request(t, op, doc, own, others)))
				where := fmt.Sprintf("%s as %s, %s's below %s", op, role, pair[1], pair[0])
				if got.status < 400 || s.state() != before {
					t.Errorf("%s: answered %d", where, got.status)
				}
				alike(t, where, got, s.do(s.by(role, s.request(t, op, doc, own, none))))
				checked++
			}
		}
	}
	if checked < 1000 {
		t.Errorf("only %d requests were compared", checked)
	}
}

// What a body or a query names is hidden as well as what a path names.
func TestIsolationOfWhatIsNamed(t *testing.T) {
	s := newTown(t)
	brown := s.estates["brown"]
	number := brown.path + "/numbers/" + brown.named["{number}"]
	named := map[string]func(e *estate) asked{
		"parent": func(e *estate) asked { return get("/v1/accounts?parent=" + e.named["{account}"]) },
		"below":  func(e *estate) asked { return post("/v1/accounts", obj{"name": "N", "parent": e.named["{account}"]}) },
		"explain": func(e *estate) asked {
			return post("/v1/explain", obj{"account": e.named["{account}"], "dialled": "2001"})
		},
		"owner":  func(e *estate) asked { return post("/v1/federations", obj{"name": "N", "owner": e.named["{account}"]}) },
		"audit":  func(e *estate) asked { return get("/v1/audit?account=" + e.named["{account}"]) },
		"events": func(e *estate) asked { return get("/v1/events?account=" + e.named["{account}"]) },
		"trunk": func(e *estate) asked {
			return post(brown.path+"/numbers", obj{"number": "7", "trunk": e.named["{trunk}"]})
		},
		"trunk change": func(e *estate) asked { return change(number, obj{"trunk": e.named["{trunk}"]}) },
	}
	for what, ask := range named {
		for _, role := range []string{"partner", "program", "admin", "access", "reader", "user", "applicant"} {
			for _, hidden := range []string{"rival", "foreign"} {
				before := s.state()
				got := s.do(s.by(role, ask(s.estates[hidden]).with(requestIDHeader, "same")))
				where := fmt.Sprintf("%s: %s's as %s", what, hidden, role)
				if got.status < 400 && what != "parent" || s.state() != before {
					t.Errorf("%s: answered %d\n%s", where, got.status, got.text)
				}
				alike(t, where, got, s.do(s.by(role, ask(nobody(brown)).with(requestIDHeader, "same"))))
			}
		}
	}
}

// BenchmarkHidden compares how long it takes to say that an account is not
// there: one that is hidden, and one that nothing has.
func BenchmarkHidden(b *testing.B) {
	s := newTown(b)
	for name, e := range map[string]*estate{"hidden": s.estates["foreign"], "nobody": nobody(s.estates["brown"])} {
		a := s.request(b, "GET "+numberPath, documented{}, e, e).as(s.tokens["admin"])
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				s.do(a).want(http.StatusNotFound)
			}
		})
	}
}
