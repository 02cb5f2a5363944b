package provision

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

// docsTopic is a topic with its operations, as the page shows it.
type docsTopic struct {
	Name, Anchor, Text string
	Operations         []docsOperation
}

// docsOperation is one operation as the page shows it.
type docsOperation struct {
	Method, Path, ID, Summary, Text string
	Scopes                          []docsScope
	Parameters                      []*huma.Param
	Body, Answer                    *docsObject
	Request, Response               string // the example
	Refusals                        []docsRefusal
}

// docsScope is a permission that an operation needs, and who has it.
type docsScope struct{ Name, Who string }

// docsRefusal is the codes of one status.
type docsRefusal struct {
	Status string
	Codes  []string
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
	told, err := examples()
	if err != nil {
		return nil, err
	}
	byTopic := map[string][]docsOperation{}
	for _, op := range operationsOf(doc) {
		byTopic[op.Tags[0]] = append(byTopic[op.Tags[0]], docsOperationOf(doc, op, told[op.OperationID]))
	}
	var list []docsTopic
	for _, tag := range doc.Tags {
		list = append(list, docsTopic{tag.Name, "topic-" + strings.ReplaceAll(strings.ToLower(tag.Name), " ", "-"), tag.Description, byTopic[tag.Name]})
	}
	var page bytes.Buffer
	err = t.Execute(&page, map[string]any{
		"Title": doc.Info.Title, "Version": doc.Info.Version, "Paragraphs": strings.Split(doc.Info.Description, "\n\n"),
		"Topics": list, "Codes": codes(),
	})
	if err != nil {
		return nil, fmt.Errorf("provision: documentation page: %w", err)
	}
	return page.Bytes(), nil
}

func docsOperationOf(doc *huma.OpenAPI, op *huma.Operation, e example) docsOperation {
	out := docsOperation{
		Method: op.Method, Path: op.Path, ID: op.OperationID,
		Summary: op.Summary, Text: op.Description, Parameters: op.Parameters,
	}
	for _, requirement := range op.Security {
		for _, scope := range requirement[bearer] {
			out.Scopes = append(out.Scopes, docsScope{scope, whoMay(permission(scope), ofPlatform(op.Path))})
		}
	}
	if op.RequestBody != nil {
		out.Body = docsObjectOf(doc, op.RequestBody.Content["application/json"])
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if r.Ref == "" && (out.Answer == nil || status == "201") {
			out.Answer = docsObjectOf(doc, r.Content["application/json"])
		}
		if r.Ref != "" {
			codes, _ := doc.Components.Responses[refName(r.Ref)].Extensions[problemExtension].([]string)
			out.Refusals = append(out.Refusals, docsRefusal{status, codes})
		}
	}
	if e.Target != "" {
		out.Request, out.Response = e.curl(op), docsExample(e.Answer)
	}
	return out
}

// docsExample indents JSON; a text is shown as it is.
func docsExample(answer json.RawMessage) string {
	var text string
	if json.Unmarshal(answer, &text) == nil {
		return text
	}
	var out bytes.Buffer
	if json.Indent(&out, answer, "", "  ") != nil {
		return ""
	}
	return out.String()
}

func docsObjectOf(doc *huma.OpenAPI, media *huma.MediaType) *docsObject {
	if media == nil || media.Schema == nil {
		return nil
	}
	ref := media.Schema.Ref
	if ref == "" && len(media.Schema.AnyOf) > 0 {
		ref = media.Schema.AnyOf[0].Ref
	}
	if ref == "" {
		return nil
	}
	schema := doc.Components.Schemas.SchemaFromRef(ref)
	out := &docsObject{Name: refName(ref)}
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
	case len(s.OneOf)+len(s.AnyOf) > 0:
		var either []string
		for _, option := range append(slices.Clone(s.OneOf), s.AnyOf...) {
			either = append(either, docsType(option))
		}
		return strings.Join(either, " or ")
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
	if len(s.Enum) > 0 && s.Type != "null" {
		t += fmt.Sprintf(" %v", s.Enum)
	}
	return t
}
