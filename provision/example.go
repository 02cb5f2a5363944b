package provision

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// The examples are one story, recorded by a test that asks a fresh server for
// everything in this order: go test ./provision -run TestExamples -update.
//
//go:embed examples.json
var examplesJSON []byte

// example is a request and its answer, as they happened.
type example struct {
	// Operation is the operation's id; empty for what the story needs beside.
	Operation string `json:"operation,omitempty"`
	Method    string `json:"method"`
	// Target is the path with its query.
	Target string `json:"target"`
	// Token is sent where the first administrator's will not do.
	Token   string            `json:"token,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
	Status  int               `json:"status"`
	// Answer is a JSON string where the answer is no JSON.
	Answer json.RawMessage `json:"answer,omitempty"`
}

// examples returns the example of each operation by its id.
func examples() (map[string]example, error) {
	var story []example
	if err := json.Unmarshal(examplesJSON, &story); err != nil {
		return nil, fmt.Errorf("provision: examples: %w", err)
	}
	byID := map[string]example{}
	for _, e := range story {
		byID[e.Operation] = e
	}
	return byID, nil
}

// show puts the example into the operation.
func (e example) show(op *huma.Operation) error {
	if e.Target == "" {
		return nil // a test misses it
	}
	if op.RequestBody != nil && len(e.Body) > 0 {
		for _, media := range op.RequestBody.Content {
			media.Example = e.Body
		}
	}
	if r := op.Responses[strconv.Itoa(e.Status)]; r != nil && len(e.Answer) > 0 {
		for _, media := range r.Content {
			media.Example = e.Answer
		}
	}
	target, err := url.Parse(e.Target)
	if err != nil {
		return fmt.Errorf("provision: example of %s: %w", e.Operation, err)
	}
	values := target.Query()
	for i, part := range strings.Split(op.Path, "/") {
		if strings.HasPrefix(part, "{") {
			values.Set(strings.Trim(part, "{}"), strings.Split(target.Path, "/")[i])
		}
	}
	for _, p := range op.Parameters {
		switch {
		case p.In == "header" && e.Headers[p.Name] != "":
			p.Example = e.Headers[p.Name]
		case p.In == "path" || p.In == "query" && p.Schema.Type == huma.TypeString && values.Has(p.Name):
			p.Example = values.Get(p.Name)
		}
	}
	return nil
}

// curl is the request as a command, with the gateway's address in $API and the
// token in $TOKEN.
func (e example) curl(op *huma.Operation) string {
	var b strings.Builder
	b.WriteString("curl")
	if op.Method != http.MethodGet && (op.Method != http.MethodPost || len(e.Body) == 0) {
		b.WriteString(" -X " + op.Method)
	}
	fmt.Fprintf(&b, ` "$API%s"`, e.Target)
	switch {
	case e.Token != "":
		fmt.Fprintf(&b, " -H 'Authorization: Bearer %s'", e.Token)
	case len(op.Security) > 0:
		b.WriteString(` -H "Authorization: Bearer $TOKEN"`)
	}
	for _, p := range op.Parameters {
		if value := e.Headers[p.Name]; p.In == "header" && value != "" {
			fmt.Fprintf(&b, " \\\n  -H '%s: %s'", p.Name, value)
		}
	}
	if len(e.Body) > 0 {
		fmt.Fprintf(&b, " \\\n  -H 'Content-Type: application/json' -d '%s'", strings.ReplaceAll(docsExample(e.Body), "'", `'\''`))
	}
	return b.String()
}
