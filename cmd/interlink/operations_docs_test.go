package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docs/operations.md has a row for every setting and none besides, with the
// default that is in the code.
func TestSettingsAreDocumented(t *testing.T) {
	rows := tableRows(t, "## Settings")
	for _, s := range settings() {
		row, ok := rows[s.key]
		delete(rows, s.key)
		if !ok {
			t.Errorf("%s is not documented", s.key)
			continue
		}
		if s.fallback != "" && row != "`"+s.fallback+"`" {
			t.Errorf("%s: the document says the default is %s, the code %q", s.key, row, s.fallback)
		}
	}
	for name := range rows {
		t.Errorf("%s is documented and no setting", name)
	}
}

// The example configuration is one that loads.
func TestExampleConfiguration(t *testing.T) {
	cmd := serveCommand(nil)
	if err := cmd.Flags().Set("config", filepath.Join("..", "..", "deploy", "config.example.yaml")); err != nil {
		t.Fatal(err)
	}
	cfg, err := loadConfig(cmd.Flags(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.SIPAdvertise != "sip.example.net" || len(cfg.SIPListen) != 1 {
		t.Errorf("the example was not read: %+v", cfg.SIPListen)
	}
}

// Documents, alerts and the dashboard name metrics that are in the code; the
// table of metrics has all of them.
func TestMetricsAreDocumented(t *testing.T) {
	inCode := metricsInCode(t)
	if len(inCode) < 20 {
		t.Fatalf("found %d metrics in the code; the search has lost its way", len(inCode))
	}
	rows := tableRows(t, "## Metrics")
	for name := range inCode {
		if _, ok := rows[name]; !ok {
			t.Errorf("%s is not in the table of docs/operations.md", name)
		}
	}
	name := regexp.MustCompile(`interlink_[a-z0-9_]+`)
	for _, file := range []string{
		"docs/operations.md", "deploy/prometheus/rules.yml", "deploy/prometheus/rules_test.yml", "deploy/grafana/interlink.json",
	} {
		used := 0
		for _, m := range name.FindAllString(read(t, file), -1) {
			used++
			base := m
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				base = strings.TrimSuffix(base, suffix)
			}
			if !inCode[m] && !inCode[base] {
				t.Errorf("%s names %s, which is not in the code", file, m)
			}
		}
		if used == 0 {
			t.Errorf("%s names no metric at all", file)
		}
	}
}

// Every alert has a row with the first steps, and a test.
func TestAlertsAreDocumented(t *testing.T) {
	rows := tableRows(t, "## Alerts")
	tests := read(t, "deploy/prometheus/rules_test.yml")
	found := regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(read(t, "deploy/prometheus/rules.yml"), -1)
	if len(found) == 0 {
		t.Fatal("no alert found")
	}
	for _, m := range found {
		if _, ok := rows[m[1]]; !ok {
			t.Errorf("%s has no row in docs/operations.md", m[1])
		}
		delete(rows, m[1])
		if !strings.Contains(tests, "alertname: "+m[1]+"\n") {
			t.Errorf("%s has no test", m[1])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		t.Errorf("%s is documented and no alert", name)
	}
}

// metricsInCode are the string literals that look like a metric's name; they
// are written out whole everywhere, so that one can search for them.
func metricsInCode(t *testing.T) map[string]bool {
	t.Helper()
	literal := regexp.MustCompile(`"(interlink_[a-z0-9_]+)"`)
	found := map[string]bool{}
	for _, dir := range []string{"sip", "store", "provision", filepath.Join("cmd", "interlink")} {
		err := filepath.WalkDir(filepath.Join("..", "..", dir), func(path string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			for _, m := range literal.FindAllStringSubmatch(string(b), -1) {
				found[m[1]] = true
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// tableRows are the rows of a section of docs/operations.md: the first cell,
// which stands in backquotes, to the second.
func tableRows(t *testing.T, heading string) map[string]string {
	t.Helper()
	_, section, ok := strings.Cut(read(t, "docs/operations.md"), heading+"\n")
	if !ok {
		t.Fatalf("docs/operations.md has no %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*)\\|").FindAllStringSubmatch(section, -1) {
		if _, twice := rows[m[1]]; twice {
			t.Errorf("%s stands twice", m[1])
		}
		rows[m[1]] = strings.TrimSpace(m[2])
	}
	return rows
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
