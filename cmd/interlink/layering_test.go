package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/pbx-interlink/interlink"

// rooms lists every package of the module and which of our own it may import,
// itself aside; what it imports through those is subject to their rows. A
// package that is not listed fails the test: decide where it belongs first. A
// name that ends in "/..." stands for everything below.
var rooms = []struct {
	pkg   string
	may   []string
	tests []string // what its tests may import beside that
	why   string
}{
	{"directory", nil, nil,
		"the nouns everything else is about; whoever knows a noun must not get an engine with it"},
	{"routing", []string{"directory"}, nil,
		"a decision is a pure function of the directory and the call; explain, the proxy and the tests share it"},
	{"sip", []string{"directory", "routing", "sip/..."}, []string{"bench/testbed"},
		"SIP works against routing's interfaces, so that any ledger and any directory serves it"},
	{"sip/wire", nil, nil, "what SIP looks like in octets; it knows of no call"},
	{"sip/transport", nil, []string{"bench/testbed"}, "sockets and loops; they know of no SIP"},
	{"sip/wheel", nil, nil, "timers; they know of nobody"},
	{"store", []string{"directory", "routing"}, []string{"bench/testbed"},
		"one adapter for Redis; whoever imported it would depend on Redis"},
	{"provision", []string{"directory", "routing"}, []string{"bench/testbed"},
		"the API works against its own small interfaces; a call must not depend on it nor it on SIP"},
	{"media", []string{"directory", "routing"}, []string{"bench/testbed"},
		"RTP is optional; signalling must work without it"},
	{"console", nil, nil, "assets that talk to the public API like any other client"},
	{"cmd/interlink", []string{"directory", "routing", "sip", "sip/...", "store", "provision", "media", "console"}, []string{"bench/testbed"},
		"the one place that sees all rooms and wires them"},
	{"bench/testbed", nil, nil,
		"starts real programs for tests and benchmarks of any room, so it must not know one"},
	{"bench", []string{"bench/testbed"}, nil, "measures the program from outside, as an operator would run it"},
	{"bench/ledger", []string{"bench/testbed", "directory", "routing", "store"}, nil,
		"measures the ledger without calls, which only the store's own interface can do"},
	{"bench/...", []string{"bench/testbed"}, nil, "as bench"},
	{"tools/...", nil, nil, "programs that make check runs, in a module of their own; what they need must not get into the gateway"},
}

// foreign lists who may import what is not ours; everything not named here is
// open to all. Tests may only where tests says so.
var foreign = []struct {
	path  string // an import path and everything below it
	users []string
	tests []string // packages whose tests may too
	why   string
}{
	{"github.com/emiago/sipgo", []string{"sip", "sip/...", "cmd/interlink", "bench/sipgo"}, []string{"bench/testbed"},
		"the SIP library stays behind the SIP room; cmd/interlink has the pretend PBXs of dev mode, and the bench a proxy to compare with"},
	{"github.com/redis/go-redis", []string{"store", "bench/sipgo"}, []string{"bench/testbed"},
		"Redis is reached through the store only; the bench has a proxy of its own to compare with"},
	{"github.com/alicebob/miniredis", []string{"store"}, nil,
		"the embedded engine is the store's own business"},
	{"net/http", []string{"provision", "cmd/interlink", "console", "bench/testbed", "bench", "bench/..."}, []string{"store", "sip", "media"},
		"the API and the debug listener speak HTTP; a call has nothing to do with it"},
	{"github.com/gorilla/mux", []string{"provision"}, nil, "one room routes HTTP"},
	{"github.com/danielgtaylor/huma", []string{"provision"}, nil, "one room describes the API"},
	{"github.com/spf13/cobra", []string{"cmd/interlink"}, nil, "one room has a command line"},
	{"github.com/knadh/koanf", []string{"cmd/interlink"}, nil, "one room reads files and the environment"},
}

// standardOnly are packages that import, tests aside, the standard library and
// what rooms allows, nothing else.
var standardOnly = []string{"directory", "routing", "sip/wire", "sip/wheel", "console", "bench/testbed"}

// TestLayering reads the imports of all files, of all platforms and tests too.
// Run it with -count=1: the test cache may not notice a new file elsewhere.
func TestLayering(t *testing.T) {
	packages := 0
	seen := map[string]bool{}
	for _, f := range sourceFiles(t) {
		if !seen[f.pkg] {
			seen[f.pkg] = true
			packages++
		}
		for _, imported := range f.imports {
			if complaint := judge(f.pkg, f.test, imported); complaint != "" {
				t.Errorf("%s imports %s: %s", f.name, imported, complaint)
			}
		}
		if room(f.pkg) < 0 {
			t.Errorf("%s: package %s is not listed in rooms", f.name, f.pkg)
		}
	}
	if packages < 8 {
		t.Errorf("saw %d packages; the walk has lost its way", packages)
	}
}

// The rules themselves refuse what they are there to refuse.
func TestLayeringRules(t *testing.T) {
	for _, c := range []struct {
		pkg      string
		test     bool
		imported string
		allowed  bool
	}{
		{"sip", false, module + "/store", false},
		{"sip", true, module + "/store", false},
		{"store", false, module + "/sip", false},
		{"store", false, module + "/sip/wire", false},
		{"provision", true, module + "/store", false},
		{"media", false, module + "/sip", false},
		{"routing", false, module + "/store", false},
		{"directory", false, module + "/routing", false},
		{"directory", false, "pgregory.net/rapid", false},
		{"directory", true, "pgregory.net/rapid", true},
		{"directory", false, "net/http", false},
		{"routing", true, "net/http/httptest", false},
		{"routing", false, module + "/directory", true},
		{"sip", false, module + "/sip/wire", true},
		{"sip/wire", false, module + "/sip", false},
		{"provision", false, "github.com/redis/go-redis/v9", false},
		{"provision", true, "github.com/alicebob/miniredis/v2", false},
		{"store", false, "github.com/redis/go-redis/v9", true},
		{"store", false, "github.com/emiago/sipgo/sip", false},
		{"sip/wire", false, "github.com/emiago/sipgo/sip", false}, // the standard library only
		{"sip/transport", true, "github.com/emiago/sipgo", true},
		{"bench/relay", false, module + "/store", false},
		{"cmd/interlink", false, module + "/store", true},
		{"cmd/interlink", false, module + "/bench/testbed", false},
		{"cmd/interlink", true, module + "/bench/testbed", true},
		{"net", false, "strings", true},
	} {
		if complaint := judge(c.pkg, c.test, c.imported); (complaint == "") != c.allowed {
			t.Errorf("%s (test %v) imports %s: %q, want allowed %v", c.pkg, c.test, c.imported, complaint, c.allowed)
		}
	}
}

// judge says what is wrong with an import, "" for nothing.
func judge(pkg string, test bool, imported string) string {
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		i := room(pkg)
		if i < 0 || own == pkg || covered(rooms[i].may, own) || test && covered(rooms[i].tests, own) {
			return ""
		}
		return fmt.Sprintf("%s may not: %s", pkg, rooms[i].why)
	}
	for _, f := range foreign {
		if !covered([]string{f.path, f.path + "/..."}, imported) || covered(f.users, pkg) || test && covered(f.tests, pkg) {
			continue
		}
		return fmt.Sprintf("%s may not: %s", pkg, f.why)
	}
	first, _, _ := strings.Cut(imported, "/")
	if !test && strings.Contains(first, ".") && covered(standardOnly, pkg) {
		return pkg + " has the standard library only"
	}
	return ""
}

// room is the row of a package, the more exact one first, or -1.
func room(pkg string) int {
	wide := -1
	for i, r := range rooms {
		if r.pkg == pkg {
			return i
		}
		if covered([]string{r.pkg}, pkg) {
			wide = i
		}
	}
	return wide
}

func covered(list []string, name string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		below, ok := strings.CutSuffix(entry, "...")
		return entry == name || ok && strings.HasPrefix(name, below)
	})
}

// notOurs are folders without code of the module; the last two are not in the
// repository.
var notOurs = []string{"testdata", "bin", "tmp"}

type sourceFile struct {
	name, pkg string
	test      bool
	imports   []string
}

// sourceFiles reads the imports of every Go file of the module.
func sourceFiles(t *testing.T) []sourceFile {
	var files []sourceFile
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains(notOurs, d.Name())) {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		f := sourceFile{name: rel, pkg: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go")}
		for _, i := range parsed.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
