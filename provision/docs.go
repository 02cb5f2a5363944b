package provision

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

// docsOperation is one operation as the page shows it.
type docsOperation struct {
	Method, Path, Tag, ID, Summary, Text string
	Parameters                           []*huma.Param
	Body, Answer                         *docsObject
}

// docsObject is one object as the page shows it.
type docsObject struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Type, Text string
	Required         bool
}

// renderDocs writes the documentation page from the OpenAPI document. It needs
// nothing from anywhere else: no script, no font, no picture.
func renderDocs(doc *huma.OpenAPI) ([]byte, error) {
	t, err := template.New("docs").Parse(docsHTML)
	if err != nil {
		return nil, fmt.Errorf("provision: documentation page: %w", err)
	}
	var ops []docsOperation
	for _, op := range operationsOf(doc) {
		ops = append(ops, docsOperationOf(doc, op))
	}
	var page bytes.Buffer
	err = t.Execute(&page, map[string]any{
		"Title": doc.Info.Title, "Version": doc.Info.Version, "Paragraphs": strings.Split(doc.Info.Description, "\n\n"),
		"Operations": ops, "Codes": codes(),
	})
	if err != nil {
		return nil, fmt.Errorf("provision: documentation page: %w", err)
	}
	return page.Bytes(), nil
}

func docsOperationOf(doc *huma.OpenAPI, op *huma.Operation) docsOperation {
	out := docsOperation{
		Method: op.Method, Path: op.Path, Tag: op.Tags[0], ID: op.OperationID,
		Summary: op.Summary, Text: op.Description, Parameters: op.Parameters,
	}
	if op.RequestBody != nil {
		out.Body = docsObjectOf(doc, op.RequestBody.Content["application/json"])
	}
	for _, status := range []string{"200", "201"} {
		if r := op.Responses[status]; r != nil {
			out.Answer = docsObjectOf(doc, r.Content["application/json"])
		}
	}
	return out
}

func docsObjectOf(doc *huma.OpenAPI, media *huma.MediaType) *docsObject {
	if media == nil || media.Schema == nil || media.Schema.Ref == "" {
		return nil
	}
	schema := doc.Components.Schemas.SchemaFromRef(media.Schema.Ref)
	out := &docsObject{Name: refName(media.Schema.Ref)}
	// A list is shown by what it lists.
	if items := schema.Properties["items"]; items != nil && items.Items != nil && items.Items.Ref != "" {
		schema = doc.Components.Schemas.SchemaFromRef(items.Items.Ref)
		out.Name = "list of " + refName(items.Items.Ref)
	}
	for name, p := range schema.Properties {
		out.Fields = append(out.Fields, docsField{Name: name, Type: docsType(p), Text: p.Description, Required: slices.Contains(schema.Required, name)})
	}
	slices.SortFunc(out.Fields, func(a, b docsField) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func docsType(s *huma.Schema) string {
	t := s.Type
	switch {
	case s.Ref != "":
		t = refName(s.Ref)
	case len(s.AnyOf) > 0:
		t = refName(s.AnyOf[0].Ref) + " or null"
	case s.Items != nil && s.Items.Ref != "":
		t = "list of " + refName(s.Items.Ref)
	case s.Items != nil:
		t = "list of " + s.Items.Type
	case s.Format == "date-time":
		t = "time"
	}
	if s.Nullable {
		t += " or null"
	}
	if len(s.Enum) > 0 {
		t += fmt.Sprintf(" %v", s.Enum)
	}
	return t
}
