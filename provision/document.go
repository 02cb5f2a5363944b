package provision

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"
)

func (s *Server) apiConfig() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info:    &huma.Info{Title: "Interlink", Version: apiVersion, Description: apiDescription},
			Servers: []*huma.Server{{URL: "/", Description: "The gateway that serves this document, at api_listen."}},
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
	return s.document()
}

// publish serves the document and the page made of it.
func (s *Server) publish() error {
	spec, err := s.document()
	if err != nil {
		return err
	}
	page, err := renderDocs(s.api.OpenAPI())
	if err != nil {
		return err
	}
	s.router.Path(openAPIPath).Methods(http.MethodGet).Handler(fixed("application/json", spec, ""))
	s.router.Path(docsPath).Methods(http.MethodGet).Handler(fixed("text/html; charset=utf-8", page,
		"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"))
	return nil
}

// document completes what huma knows of the routes and writes it down.
func (s *Server) document() ([]byte, error) {
	doc := s.api.OpenAPI()
	problems := s.problemResponse()
	preview := doc.Components.Schemas.Schema(reflect.TypeFor[Preview](), true, "Preview")
	link := doc.Components.Schemas.Schema(reflect.TypeFor[Interlink](), true, "Interlink")
	for _, op := range operationsOf(doc) {
		complete(op, problems)
		switch {
		case op.Method == http.MethodPost && strings.HasSuffix(op.Path, "/redeem"):
			describe(op, http.StatusOK, preview)
			describe(op, http.StatusCreated, link)
		case op.Path == accountPath+"/federation":
			describe(op, http.StatusOK, orNull(op.Responses["200"].Content["application/json"].Schema))
		}
	}
	s.loosen()
	spec, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("provision: OpenAPI document: %w", err)
	}
	return spec, nil
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
func fixed(contentType string, content []byte, policy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		if policy != "" {
			w.Header().Set("Content-Security-Policy", policy)
		}
		// A client that went away cannot be told anything.
		_, _ = w.Write(content)
	})
}

// complete marks If-Match as required, which the server answers with a 428 of
// its own, and names the answers an operation can give.
func complete(op *huma.Operation, problem *huma.MediaType) {
	codes := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if op.Path == eventsPath {
		stream := &huma.MediaType{Schema: &huma.Schema{Type: "string", Description: "text/event-stream"}}
		op.Responses["200"] = &huma.Response{Description: "A stream that lasts until either side ends it.", Content: map[string]*huma.MediaType{"text/event-stream": stream}}
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "header" && p.Name == "If-Match" && op.Method == http.MethodPost:
			codes = append(codes, http.StatusPreconditionFailed)
		case p.In == "header" && p.Name == "If-Match":
			p.Required = true
			codes = append(codes, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusConflict)
		case p.In == "query" && p.Name == "dry_run" && op.DefaultStatus == http.StatusCreated:
			created := *op.Responses["201"]
			created.Description, created.Headers = "Dry run: what would be created.", nil
			op.Responses["200"] = &created
		}
	}
	if op.RequestBody != nil {
		codes = append(codes, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
		if op.Method == http.MethodPost {
			codes = append(codes, http.StatusConflict)
		}
	}
	if strings.HasSuffix(op.Path, "/redeem") || strings.HasSuffix(op.Path, "/join") || op.Path == loginPath {
		codes = append(codes, http.StatusTooManyRequests)
	}
	sort.Ints(codes)
	delete(op.Responses, "default")
	for _, code := range codes {
		op.Responses[fmt.Sprint(code)] = &huma.Response{
			Description: http.StatusText(code), Content: map[string]*huma.MediaType{"application/problem+json": problem},
		}
	}
}

// problemResponse registers Problem and takes huma's own error model out.
func (s *Server) problemResponse() *huma.MediaType {
	registry := s.api.OpenAPI().Components.Schemas
	schema := registry.Schema(reflect.TypeFor[Problem](), true, "Problem")
	delete(registry.Map(), "ErrorModel")
	delete(registry.Map(), "ErrorDetail")
	return &huma.MediaType{Schema: schema}
}

// describe sets the schema of one answer.
func describe(op *huma.Operation, status int, schema *huma.Schema) {
	op.Responses[fmt.Sprint(status)].Content = map[string]*huma.MediaType{"application/json": {Schema: schema}}
}
