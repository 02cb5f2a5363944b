package provision

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// refusals are the codes of the problems an operation can answer with, by
// status: those that follow from its form, and its own. Tests hold every answer
// they get to this.
func (c completion) refusals(op *huma.Operation) map[int][]string {
	r := refusalCodes{}
	r.add(http.StatusBadRequest, "query_malformed")
	r.add(http.StatusUnprocessableEntity, "unknown_parameter", "parameter_twice")
	r.add(http.StatusTooManyRequests, "rate_limited")
	r.add(http.StatusInternalServerError, "internal_error")
	r.add(http.StatusServiceUnavailable, "not_ready", "store_unavailable")
	if !openToAll(op.Method, op.Path) {
		r.add(http.StatusUnauthorized, "token_missing", "token_invalid", "token_mistyped")
	}
	if len(c.needs[op.OperationID]) > 0 {
		r.add(http.StatusForbidden, "forbidden")
	}
	if op.Method != http.MethodGet && !openToAll(op.Method, op.Path) && op.Path != "/v1/explain" {
		// What the write needs was deleted at the same moment, or something else
		// was changed over and over.
		r.add(http.StatusConflict, "missing_required", "conflict")
	}
	r.ofParameters(op)
	r.ofBody(op)
	for status, codes := range c.own[op.OperationID] {
		r.add(status, strings.Fields(codes)...)
	}
	for status := range r {
		slices.Sort(r[status])
		r[status] = slices.Compact(r[status])
	}
	return r
}

type refusalCodes map[int][]string

func (r refusalCodes) add(status int, codes ...string) { r[status] = append(r[status], codes...) }

func (r refusalCodes) ofParameters(op *huma.Operation) {
	for _, p := range op.Parameters {
		switch {
		case p.In == "path":
			r.add(http.StatusNotFound, "not_found")
			r.add(http.StatusUnprocessableEntity, "invalid")
		case p.Name == "cursor":
			r.add(http.StatusUnprocessableEntity, "cursor_invalid")
		case p.Name == "If-Match":
			r.add(http.StatusPreconditionFailed, "stale")
			if op.Method != http.MethodPost {
				r.add(http.StatusPreconditionRequired, "precondition_required")
			}
		case p.Name == "Idempotency-Key":
			r.add(http.StatusUnprocessableEntity, "idempotency_key_invalid", "idempotency_mismatch", "idempotency_unavailable")
			r.add(http.StatusConflict, "idempotency_running", "bound_reached")
		default:
			r.add(http.StatusUnprocessableEntity, "invalid")
		}
	}
}

func (r refusalCodes) ofBody(op *huma.Operation) {
	switch {
	case op.RequestBody != nil:
		r.add(http.StatusBadRequest, "body_required", "body_unreadable", "malformed_json", "field_twice", "json_too_deep")
		r.add(http.StatusRequestEntityTooLarge, "body_too_large")
		r.add(http.StatusUnsupportedMediaType, "media_type_unsupported")
		r.add(http.StatusUnprocessableEntity, "invalid", "unknown_field", "required")
	case op.Method == http.MethodPost, op.Method == http.MethodPut:
		r.add(http.StatusUnprocessableEntity, "body_unexpected")
	}
}

// problemExtension lists the codes of an answer for programs.
const problemExtension = "x-problem-codes"

// refuse documents what an operation refuses. Answers that operations have in
// common stand in the document once.
func (c completion) refuse(op *huma.Operation) error {
	for status, codes := range c.refusals(op) {
		name, err := c.refusal(status, codes)
		if err != nil {
			return err
		}
		op.Responses[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + name}
	}
	return nil
}

// refusal returns the name under which an answer stands among the components.
func (c completion) refusal(status int, codes []string) (string, error) {
	links := make([]string, len(codes))
	for i, code := range codes {
		links[i] = fmt.Sprintf("[%s](%s#%s)", code, docsPath, code)
	}
	description := http.StatusText(status) + ": " + strings.Join(links, ", ") + "."
	base := strings.NewReplacer(" ", "", "-", "").Replace(http.StatusText(status))
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name += strconv.Itoa(n)
		}
		there := c.doc.Components.Responses[name]
		if there != nil && there.Description != description {
			continue
		}
		if there != nil {
			return name, nil
		}
		example, err := json.Marshal(exampleProblem(status, codes[0]))
		if err != nil {
			return "", fmt.Errorf("provision: example of %s: %w", codes[0], err)
		}
		c.doc.Components.Responses[name] = &huma.Response{
			Description: description, Headers: refusalHeaders(status), Extensions: map[string]any{problemExtension: codes},
			Content: map[string]*huma.MediaType{"application/problem+json": {Schema: c.problem, Example: json.RawMessage(example)}},
		}
		return name, nil
	}
}

func refusalHeaders(status int) map[string]*huma.Header {
	header := func(name, text string) map[string]*huma.Header {
		return map[string]*huma.Header{name: {Description: text, Schema: &huma.Schema{Type: huma.TypeString}}}
	}
	switch status {
	case http.StatusUnauthorized:
		return header("WWW-Authenticate", "How to authenticate (RFC 6750 §3).")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return header("Retry-After", "In how many seconds to come again.")
	}
	return nil
}

func exampleProblem(status int, code string) *Problem {
	text := ""
	for _, c := range codes() {
		if c.Code == code {
			text = c.Text
		}
	}
	p := newProblem(status, code, text)
	p.RequestID = "req_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"
	return p
}
