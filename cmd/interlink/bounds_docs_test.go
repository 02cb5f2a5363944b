package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/provision"
)

// docs/api/bounds.md tells of every bound as the code has it, and of no other.
func TestBoundsAreDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "api", "bounds.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for _, b := range provision.Bounds() {
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", b.Name, thousands(b.Most), b.Text)
	}
	if rows := "|---|---|---|\n" + want.String() + "\n"; !strings.Contains(string(text), rows) {
		t.Errorf("the table is not\n%s", rows)
	}
}

// thousands writes 100000 as 100,000.
func thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", thousands(n/1000), n%1000)
}
