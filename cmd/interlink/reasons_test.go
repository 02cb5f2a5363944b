package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/routing"
	"github.com/pbx-interlink/interlink/sip"
)

// docs/reasons.md has one row for every reason, with the status that is sent,
// and none besides.
func TestReasonsAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/reasons.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if len(cells) != 4 {
			t.Errorf("a row of %d cells: %s", len(cells), line)
			continue
		}
		for i := range cells {
			if cells[i] = strings.TrimSpace(cells[i]); cells[i] == "" {
				t.Errorf("an empty cell: %s", line)
			}
		}
		name := strings.Trim(cells[0], "`")
		if rows[name] != nil {
			t.Errorf("%s stands twice", name)
		}
		rows[name] = strings.Fields(cells[1])
	}
	statuses := map[string]map[string]bool{}
	for _, r := range routing.Reasons() {
		name := r.String()
		if statuses[name] == nil {
			statuses[name] = map[string]bool{}
		}
		statuses[name][strconv.Itoa(sip.StatusOf(r))] = true
	}
	for name, want := range statuses {
		said := 0
		for _, word := range rows[name] {
			switch {
			case want[word]:
				said++
			case word != "or":
				t.Errorf("%s: the page says %s, sent is %v", name, word, want)
			}
		}
		if said != len(want) {
			t.Errorf("%s: the page says %v, sent is %v", name, rows[name], want)
		}
	}
	for name := range rows {
		if statuses[name] == nil {
			t.Errorf("%s is no reason", name)
		}
	}
}
