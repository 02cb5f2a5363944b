package routing

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

var update = flag.Bool("update", false, "write what is decided into testdata/routes")

// TestRoutes reads testdata/routes/*.txt: a plan (see parsePlan), a line "---",
// and questions "Brown dials 2001", each followed by the decision expected,
// indented. go test -update writes the decisions; read the diff.
func TestRoutes(t *testing.T) {
	files, err := filepath.Glob("testdata/routes/*.txt")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d files: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			plan, questions, ok := strings.Cut(string(text), "\n---\n")
			if !ok {
				t.Fatal("no line of dashes")
			}
			view, err := parsePlan(plan)
			if err != nil {
				t.Fatal(err)
			}
			got := plan + "\n---\n" + answers(t, view, questions)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(text) {
				t.Errorf("want\n%s\ngot\n%s", text, got)
			}
		})
	}
}

// answers returns the questions, each with its decision below.
func answers(t *testing.T, view *directory.View, questions string) string {
	var b strings.Builder
	asked := 0
	for line := range strings.SplitSeq(strings.TrimRight(questions, "\n"), "\n") {
		switch {
		case strings.HasPrefix(line, "\t"):
			continue
		case line == "" || strings.HasPrefix(line, "#"):
			b.WriteString(line + "\n")
			continue
		}
		caller, dialled, ok := strings.Cut(line, " dials")
		if !ok {
			t.Fatalf("%q is no question", line)
		}
		asked++
		call := Call{Caller: directory.AccountID(caller), Dialled: strings.TrimPrefix(dialled, " ")}
		fmt.Fprintf(&b, "%s\n%s", line, answer(view, call))
	}
	if asked == 0 {
		t.Fatal("no question asked")
	}
	return b.String()
}

func answer(view *directory.View, call Call) string {
	var trail Trail
	d := NewRouter(view).Route(call, &trail)
	var b strings.Builder
	if r := d.Route; d.Reason == None {
		fmt.Fprintf(&b, "\troute: %q at %s over %s, number %s", r.User, r.Callee, r.Trunk.ID, r.Number)
		if r.Interlink != "" {
			fmt.Fprintf(&b, ", %s", r.Interlink)
		}
		if r.Federation != "" {
			fmt.Fprintf(&b, ", in %s", r.Federation)
		}
		b.WriteString("\n")
	} else {
		fmt.Fprintf(&b, "\trefuse: %s\n", d.Reason)
	}
	if d.Hidden != None {
		fmt.Fprintf(&b, "\tfor %s only: %s\n", d.Owner, d.Hidden)
	}
	for _, s := range trail.Steps {
		fmt.Fprintf(&b, "\t%-6s %-8s (of %s) %s\n", s.Step, s.Result, s.About, s.Detail)
	}
	return b.String()
}
