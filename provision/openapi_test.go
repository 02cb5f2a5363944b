package provision

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"
)

// document is what the tests read of /openapi.json.
type document struct {
	OpenAPI    string
	Paths      map[string]map[string]documented
	Components struct {
		Schemas map[string]struct {
			Properties map[string]struct {
				Description string
				AnyOf       []any  `json:"anyOf"`
				Ref         string `json:"$ref"`
			}
		}
	}
}

type documented struct {
	OperationID, Summary, Description string
	Parameters                        []struct {
		Name, In, Description string
		Required              bool
	}
	RequestBody *struct{ Required bool }
	Responses   map[string]struct{ Description string }
}

func (d documented) has(in, name string) bool {
	for _, p := range d.Parameters {
		if p.In == in && p.Name == name {
			return true
		}
	}
	return false
}

func (w *world) document() document {
	w.t.Helper()
	var d document
	if err := json.Unmarshal([]byte(w.do(get("/openapi.json")).want(200).text), &d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// The document names every route that is served, and nothing else.
func TestDocumentIsComplete(t *testing.T) {
	w := newWorld(t)
	d := w.document()
	if !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Fatalf("OpenAPI %s", d.OpenAPI)
	}
	if text, err := Document(); err != nil || string(text) != w.do(get("/openapi.json")).want(200).text {
		t.Fatalf("the document without a server is another one (%v)", err)
	}
	served := 0
	err := w.server.router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		if path == "/openapi.json" || path == "/docs" {
			return nil
		}
		for _, m := range methods {
			served++
			op, ok := d.Paths[path][strings.ToLower(m)]
			if !ok || op.Summary == "" || op.Description == "" || op.OperationID == "" {
				t.Errorf("%s %s is not described in the document", m, path)
			}
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s %s: the parameter %s is not described", m, path, p.Name)
				}
				if p.Name == "If-Match" && p.Required == (m == "POST") {
					t.Errorf("%s %s: If-Match required: %v", m, path, p.Required)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	documented := 0
	for _, item := range d.Paths {
		documented += len(item)
	}
	if documented != served || served != len(operations()) {
		t.Fatalf("%d operations served, %d documented, %d described", served, documented, len(operations()))
	}
	for name, schema := range d.Components.Schemas {
		for member, p := range schema.Properties {
			if p.Description == "" {
				t.Errorf("%s.%s is not described", name, member)
			}
		}
	}
	if peer := d.Components.Schemas["Interlink"].Properties["peer"]; len(peer.AnyOf) != 2 {
		t.Error("an interlink's peer cannot be null in the document")
	}
}

func TestDocsPageNeedsNothingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	r := w.do(asked{method: "GET", path: "/docs", header: nil}).want(200)
	for _, no := range []string{"<script", "<link", "<img", `href="http`, `href="/`, "src=", "@import", "url("} {
		if strings.Contains(r.text, no) {
			t.Errorf("the page has %q", no)
		}
	}
	for id := range operationIDs(operations()) {
		if !strings.Contains(r.text, `id="`+id+`"`) {
			t.Errorf("the page lacks %s", id)
		}
	}
	for _, c := range codes() {
		if !strings.Contains(r.text, `id="`+c.Code+`"`) {
			t.Errorf("the page lacks the code %s", c.Code)
		}
	}
	if !slices.IsSortedFunc(codes(), func(a, b codeText) int { return strings.Compare(a.Code, b.Code) }) {
		t.Error("the codes are not in order")
	}
}

func operationIDs(ops map[string]told) map[string]bool {
	ids := map[string]bool{}
	for _, o := range ops {
		ids[o.id] = true
	}
	return ids
}
