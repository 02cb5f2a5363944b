package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Every statement of docs/statements.md has a test that bears its name,
// TestAC7Wizard, TestIL4IL5EachSide or "LI5 LI6 outage" of the tests on real
// programs, and no test names one that is not there.
func TestStatementsHaveTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "statements.md"))
	if err != nil {
		t.Fatal(err)
	}
	named := map[string][]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| ([A-Z]{2}[0-9]+) \|`).FindAllStringSubmatch(string(text), -1) {
		if _, twice := named[m[1]]; twice {
			t.Errorf("%s stands twice", m[1])
		}
		named[m[1]] = nil
	}
	if len(named) < 50 {
		t.Fatalf("docs/statements.md has %d statements; the test has lost its way", len(named))
	}
	id := regexp.MustCompile(`^Test((?:(?:AC|IN|IL|FE|DI|LI|SU|OB)[0-9]+ ?)+)`)
	for _, name := range testNames(t, filepath.Join("..", "..")) {
		m := id.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		for _, row := range regexp.MustCompile(`[A-Z]{2}[0-9]+`).FindAllString(m[1], -1) {
			if _, there := named[row]; !there {
				t.Errorf("%s: there is no statement %s", name, row)
			}
			named[row] = append(named[row], name)
		}
	}
	for _, row := range []string{"LI5", "LI6"} {
		// What holds while the store is away only real programs show.
		if !slices.Contains(named[row], "TestLI5 LI6 outage") {
			t.Errorf("%s is not tested without a store", row)
		}
	}
	for _, row := range slices.Sorted(maps.Keys(named)) {
		if len(named[row]) == 0 {
			t.Errorf("%s has no test", row)
		}
		t.Logf("%s: %s", row, strings.Join(named[row], " "))
	}
}

// testNames lists all test functions below a directory, and the tests on real
// programs as if each were one.
func testNames(t *testing.T, root string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Test") {
				names = append(names, f.Name.Name)
				if f.Name.Name == "TestRealPrograms" {
					names = append(names, programTests(f)...)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// programTests lists the names in the table of TestRealPrograms.
func programTests(f *ast.FuncDecl) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		row, ok := n.(*ast.CompositeLit)
		if ok && len(row.Elts) == 2 {
			if name, ok := row.Elts[0].(*ast.BasicLit); ok {
				names = append(names, "Test"+strings.Trim(name.Value, `"`))
			}
		}
		return true
	})
	return names
}
