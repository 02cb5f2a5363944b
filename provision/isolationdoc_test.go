package provision

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/isolation.md anew")

const isolationHead = `# Who may do what

Written by a test from the tables in provision/matrix_test.go; after a change of them: ` + "`go test ./provision -run TestIsolationDocument -update`" + `.

TestIsolation asks for every operation of the served OpenAPI document as every kind of principal, with the ids of every account of a small tree
and with ids that nothing has, and holds the answers to these tables. An operation that stands in none of them fails the test.

* **404** hides: the answer is, to the byte, headers included, that for an id that nothing has. It changes nothing.
* **403** refuses what may be known, and changes nothing. **401** is what all get without a valid token, an expired one included.
* Who stands in no way to an account (not above it, not its own, not an administrator of its federation) gets 404 for all that is below it; a body
  or a query that names it is answered as if it did not exist.
* What belongs to one account is not found below another, whoever asks.
* No answer shows an id, a realm or a code of an account that is hidden from who asks, but for the id of the account above.

Features that are hidden from a customer ([api/settings.md](api/settings.md)) and a token's scopes take rights away from these; nothing adds any.
`

// TestIsolationDocument keeps docs/isolation.md in step with the tables.
func TestIsolationDocument(t *testing.T) {
	path := filepath.Join("..", "docs", "isolation.md")
	var b strings.Builder
	b.WriteString(isolationHead)
	class := classOf(t)
	section := func(title, text, area, columns string, rows map[string]map[string]string) {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| requests | %s |\n|---|%s\n", title, text,
			strings.ReplaceAll(columns, " ", " | "), strings.Repeat("---|", len(strings.Fields(columns))))
		for _, row := range operationsByClass(class, area) {
			fmt.Fprintf(&b, "| %s |", strings.Join(row.operations, "<br>"))
			for _, c := range strings.Fields(columns) {
				fmt.Fprintf(&b, " %s |", map[string]string{"yes": "yes", "no": "403", "hidden": "404"}[rows[row.class][c]])
			}
			b.WriteString("\n")
		}
	}
	section("With an account", "*above*: staff, or a partner whose account it is below. *owner*: a partner's administrator, at the partner's own account. "+
		"*admin*: the account's administrator, or one of the federation it is a member of. *acting*: somebody above with an access token. "+
		"*reader*: an API token with the scope `read`. *user*: a user without rights.", "account", "above owner admin acting reader user", table(verdicts))
	section("With an account that the body names", "One that is hidden is answered with 422 as unknown; customers found no federation whatever they name.",
		"named", "above owner admin acting reader user", table(verdicts))
	section("With a federation", "*partner*: of the owner's account. *other*: another reseller's. *steward*: a federation administrator. "+
		"*member* and *applicant*: administrators of a member, and of an account that has asked to join. *admin*, *access*, *reader*, *user*: of an account that has no part in it.",
		"guild", "staff partner other steward member applicant admin access reader user", table(guild))
	section("With the platform", "What belongs to no account. Lists have what who asks may see.", "platform", "staff partner other steward admin access reader user", table(platform))
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/isolation.md does not say what the tables say; run this test with -update")
	}
}

type classRow struct {
	class      string
	operations []string
}

// operationsByClass lists an area's classes in the order of the table.
func operationsByClass(class map[string]string, area string) []classRow {
	var out []classRow
	for line := range strings.Lines(classes) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		a, c, _ := strings.Cut(name, ":")
		if a != area || slices.ContainsFunc(out, func(r classRow) bool { return r.class == c }) {
			continue
		}
		row := classRow{class: c}
		for op, of := range class {
			if of == name {
				row.operations = append(row.operations, "`"+strings.Replace(op, "/v1", "", 1)+"`")
			}
		}
		slices.SortFunc(row.operations, func(x, y string) int {
			_, px, _ := strings.Cut(x, " ")
			_, py, _ := strings.Cut(y, " ")
			return strings.Compare(px+x, py+y)
		})
		out = append(out, row)
	}
	return out
}
