package provision

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"
)

func (s *Server) apiConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Interlink", Version: apiVersion, Description: apiDescription},
			Servers: []*huma.Server{{URL: "http://127.0.0.1:8080", Description: "A gateway on this machine, as api_listen is unless it is set."}},
			Tags:    tags(),
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", Description: "A token; INTERLINK_ADMIN_TOKEN is the first administrator's."},
				},
			},
		},
		// "json" stands for every type that ends in +json.
		Formats:                      map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{s.transform},
	}
}

// Document returns the OpenAPI document that a Server publishes, without one.
func Document() ([]byte, error) {
	s := &Server{router: mux.NewRouter().SkipClean(true)}
	s.api = humamux.New(s.router, s.apiConfig())
	s.routes()
	if err := s.completeDocument(); err != nil {
		return nil, err
	}
	return writeDocument(s.api.OpenAPI())
}

// publish completes the document and serves it and the page made of it. Both are
// written when somebody asks for them first.
func (s *Server) publish() error {
	if err := s.completeDocument(); err != nil {
		return err
	}
	doc := s.api.OpenAPI()
	s.router.Path(openAPIPath).Methods(http.MethodGet).Handler(s.fixed("application/json", "", func() ([]byte, error) { return writeDocument(doc) }))
	s.router.Path(docsPath).Methods(http.MethodGet).Handler(s.fixed("text/html; charset=utf-8",
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		func() ([]byte, error) { return renderDocs(doc) }))
	return nil
}

func writeDocument(doc *huma.OpenAPI) ([]byte, error) {
	spec, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("provision: OpenAPI document: %w", err)
	}
	return spec, nil
}

// completion is what the document gets beside what huma knows.
type completion struct {
	doc     *huma.OpenAPI
	problem *huma.Schema
	needs   map[string][]permission
	own     map[string]map[int]string
	told    map[string]example
}

// completeDocument says what huma cannot know of the routes. It must be done
// before the first request: requests are checked against the same objects.
func (s *Server) completeDocument() error {
	told, err := examples()
	if err != nil {
		return err
	}
	doc := s.api.OpenAPI()
	doc.Components.Responses = map[string]*huma.Response{}
	c := completion{doc, problemSchema(doc), requirements(), ownRefusals(), told}
	preview := doc.Components.Schemas.Schema(reflect.TypeFor[Preview](), true, "Preview")
	link := doc.Components.Schemas.Schema(reflect.TypeFor[Interlink](), true, "Interlink")
	for _, op := range operationsOf(doc) {
		c.complete(op)
		switch {
		case op.Method == http.MethodPost && strings.HasSuffix(op.Path, "/redeem"):
			describe(op, http.StatusOK, preview)
			describe(op, http.StatusCreated, link)
		case op.Path == accountPath+"/federation":
			describe(op, http.StatusOK, orNull(op.Responses["200"].Content["application/json"].Schema))
		}
		if err := c.refuse(op); err != nil {
			return err
		}
		if err := c.told[op.OperationID].show(op); err != nil {
			return err
		}
	}
	s.loosen()
	return nil
}

// operationsOf lists the operations by path, and by method in the order read,
// create, replace, change, delete.
func operationsOf(doc *huma.OpenAPI) []*huma.Operation {
	var ops []*huma.Operation
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil {
				ops = append(ops, op)
			}
		}
	}
	return ops
}

// loosen says of answers what huma cannot: some objects can be null, and a
// client must be ready for members that are added later. What requests are
// checked against stays as it is.
func (s *Server) loosen() {
	doc := s.api.OpenAPI()
	asked := map[string]bool{}
	var mark func(schema *huma.Schema)
	mark = func(schema *huma.Schema) {
		if schema == nil {
			return
		}
		if schema.Ref != "" {
			asked[refName(schema.Ref)] = true
			schema = doc.Components.Schemas.SchemaFromRef(schema.Ref)
		}
		for _, p := range schema.Properties {
			mark(p)
		}
		mark(schema.Items)
	}
	for _, op := range operationsOf(doc) {
		if op.RequestBody != nil {
			mark(op.RequestBody.Content["application/json"].Schema)
		}
	}
	for name, schema := range doc.Components.Schemas.Map() {
		if asked[name] {
			continue
		}
		schema.AdditionalProperties = nil
		for member, p := range schema.Properties {
			if p.Ref != "" && (member == "peer" || member == "target") {
				schema.Properties[member] = &huma.Schema{Description: p.Description, AnyOf: []*huma.Schema{{Ref: p.Ref}, {Type: "null"}}}
			}
		}
	}
}

// orNull lets an answer be null.
func orNull(schema *huma.Schema) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{schema, {Type: "null"}}}
}

// fixed serves what never changes.
func (s *Server) fixed(contentType, policy string, write func() ([]byte, error)) http.Handler {
	content := sync.OnceValues(write)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := content()
		if err != nil {
			s.writeProblem(w, r, s.problem(r.Context(), err))
			return
		}
		w.Header().Set("Content-Type", contentType)
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		// A client that went away cannot be told anything.
		_, _ = w.Write(text)
	})
}

// complete says of an operation what huma cannot: If-Match is required, as the
// server answers with a 428 of its own; what a dry run answers; which scopes are
// needed; and what else a body can be called.
func (c completion) complete(op *huma.Operation) {
	if op.Path == EventsPath {
		stream := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "Server-sent events."}}
		op.Responses["200"] = &huma.Response{Description: "A stream that lasts until either side ends it.", Content: map[string]*huma.MediaType{"text/event-stream": stream}}
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "header" && p.Name == "If-Match":
			p.Required = op.Method != http.MethodPost
		case p.In == "query" && p.Name == "dry_run" && op.DefaultStatus == http.StatusCreated:
			rehearsed := *op.Responses["201"]
			rehearsed.Description, rehearsed.Headers = "Dry run: what would be created.", nil
			rehearsed.Content = maps.Clone(rehearsed.Content)
			for name, media := range rehearsed.Content {
				rehearsed.Content[name] = &huma.MediaType{Schema: media.Schema}
			}
			op.Responses["200"] = &rehearsed
		}
	}
	if op.Method == http.MethodPatch {
		op.RequestBody.Content["application/merge-patch+json"] = &huma.MediaType{Schema: op.RequestBody.Content["application/json"].Schema}
	}
	scopes := []string{}
	for _, p := range c.needs[op.OperationID] {
		scopes = append(scopes, string(p))
	}
	if len(op.Security) > 0 {
		op.Security = []map[string][]string{{bearer: scopes}}
	}
	delete(op.Responses, "default")
}

// problemSchema registers Problem and takes huma's own error model out.
func problemSchema(doc *huma.OpenAPI) *huma.Schema {
	registry := doc.Components.Schemas
	schema := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	delete(registry.Map(), "ErrorModel")
	delete(registry.Map(), "ErrorDetail")
	return schema
}

// describe sets the schema of one answer.
func describe(op *huma.Operation, status int, schema *huma.Schema) {
	op.Responses[fmt.Sprint(status)].Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
}
