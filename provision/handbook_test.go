package provision

import (
	"fmt"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// page reads a page of the API's handbook.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../docs/api/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The table of rights says what permission.go grants.
func TestHandbookTellsOfRights(t *testing.T) {
	text, g := page(t, "README.md"), newGrants()
	mark := func(set permissionSet, p permission) string {
		if set[p] {
			return "yes"
		}
		return "–"
	}
	var want []string
	for _, p := range staffPermissions() {
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |", p,
			mark(g.user, p), mark(g.admin, p), mark(g.owner, p), mark(g.partner, p), mark(g.staff, p)))
	}
	for _, row := range want {
		if !strings.Contains(text, row+" ") {
			t.Errorf("docs/api/README.md lacks the row\n%s", row)
		}
	}
	rows := regexp.MustCompile("(?m)^\\| `[a-z]+\\.[a-z]+` \\|").FindAllString(text, -1)
	if len(rows) != len(want) {
		t.Errorf("docs/api/README.md has %d rows of rights, want %d", len(rows), len(want))
	}
}

// Every page that the index names is there, and every page is in the index.
func TestHandbookIsIndexed(t *testing.T) {
	index := page(t, "README.md")
	entries, err := os.ReadDir("../docs/api")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "README.md" && !strings.Contains(index, "("+name+")") {
			t.Errorf("docs/api/README.md does not name %s", name)
		}
	}
	for part := range strings.SplitSeq(index, "](") {
		name, _, _ := strings.Cut(part, ")")
		if strings.HasSuffix(name, ".md") && !strings.ContainsAny(name, " \n") {
			if _, err := os.Stat("../docs/api/" + name); err != nil {
				t.Errorf("docs/api/README.md names %s, which is not there", name)
			}
		}
	}
}

// The table of features says what features has, in its order.
func TestHandbookTellsOfFeatures(t *testing.T) {
	text := page(t, "settings.md")
	at := 0
	for _, f := range features() {
		levels := ""
		for i, level := range f.levels {
			if i > 0 {
				levels += ", "
			}
			levels += string(level)
		}
		i := strings.Index(text, fmt.Sprintf("| `%s` | %s |", f.name, levels))
		if i < at {
			t.Fatalf("docs/api/settings.md lacks %s with %s, or has it elsewhere", f.name, levels)
		}
		at = i
		row, _, _ := strings.Cut(text[i:], "\n")
		for _, p := range slices.Concat(f.read, f.write) {
			if !strings.Contains(row, "`"+string(p)+"`") {
				t.Errorf("docs/api/settings.md: %s does not say that it takes %s", f.name, p)
			}
		}
	}
}

// Every address in the handbook's commands is one that is served. What a command
// calls $API is the gateway's address, without the version.
func TestHandbookAddressesAreServed(t *testing.T) {
	w := newWorld(t)
	entries, err := os.ReadDir("../docs/api")
	if err != nil {
		t.Fatal(err)
	}
	variable, seen := regexp.MustCompile(`\$[A-Za-z_]+`), 0
	for _, e := range entries {
		for _, m := range regexp.MustCompile(`\$(?:API|api)(/[^\s"'?\\)]*)`).FindAllStringSubmatch(page(t, e.Name()), -1) {
			path := m[1]
			if strings.HasPrefix(m[0], "$api") {
				path = "/v1" + path
			}
			path = variable.ReplaceAllString(path, "x")
			served := false
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
				var found mux.RouteMatch
				served = served || w.server.router.Match(httptest.NewRequest(method, path, nil), &found) && found.MatchErr == nil
			}
			if seen++; !served {
				t.Errorf("docs/api/%s asks for %s, which nobody serves", e.Name(), m[0])
			}
		}
	}
	if seen < 20 {
		t.Errorf("found %d addresses only", seen)
	}
}
