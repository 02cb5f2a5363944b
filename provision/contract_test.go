package provision

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// contract is the published document as a client reads it, with no help from
// what the server knows.
type contract struct {
	paths              map[string]obj
	schemas, responses obj
}

var published = sync.OnceValue(func() *contract {
	text, err := Document()
	if err != nil {
		panic(err)
	}
	var d struct {
		Paths      map[string]obj
		Components struct{ Schemas, Responses obj }
	}
	if err := json.Unmarshal(text, &d); err != nil {
		panic(err)
	}
	return &contract{d.Paths, d.Components.Schemas, d.Components.Responses}
})

// operation finds what the document says of a request; nil for nothing.
func (c *contract) operation(method, path string) obj {
	path, _, _ = strings.Cut(path, "?")
	asked := strings.Split(path, "/")
	best, literal := "", -1
	for template := range c.paths {
		parts := strings.Split(template, "/")
		if len(parts) != len(asked) {
			continue
		}
		same := 0
		for i, p := range parts {
			switch {
			case p == asked[i]:
				same++
			case !strings.HasPrefix(p, "{") || asked[i] == "":
				same = -len(parts)
			}
		}
		if same > literal {
			best, literal = template, same
		}
	}
	op, _ := c.paths[best][strings.ToLower(method)].(obj)
	return op
}

// held holds an answer to the document: its status, its code where it is a
// problem, and every member of its body where it is none.
func (r *reply) held() {
	r.t.Helper()
	c := published()
	op := c.operation(r.ask.method, r.ask.path)
	code, _ := r.body["code"].(string)
	if op == nil || r.status >= 400 && slices.Contains([]string{"route_not_found", "method_not_allowed"}, code) {
		return
	}
	at := fmt.Sprintf("%s %s: %d", r.ask.method, r.ask.path, r.status)
	answer, ok := op["responses"].(obj)[strconv.Itoa(r.status)].(obj)
	if ok && answer["$ref"] != nil {
		answer, ok = c.responses[lastPart(answer["$ref"].(string))].(obj)
	}
	if ok && r.status >= 400 {
		documented, _ := answer[problemExtension].([]any)
		ok = slices.Contains(documented, any(code))
	}
	if !ok {
		r.t.Errorf("%s %s is not documented for %v\n%s", at, code, op["operationId"], r.text)
		return
	}
	content, _ := answer["content"].(obj)
	media, _, _ := strings.Cut(r.header.Get("Content-Type"), ";")
	switch {
	case r.text == "" && content == nil, media == "text/event-stream":
		return
	case content[media] == nil:
		r.t.Errorf("%s comes as %q, which is not documented", at, media)
		return
	}
	var body any
	if err := json.Unmarshal([]byte(r.text), &body); err != nil {
		r.t.Errorf("%s: %v", at, err)
		return
	}
	for _, fault := range c.faults(content[media].(obj)["schema"].(obj), body, "") {
		r.t.Errorf("%s is not what the document says: %s\n%s", at, fault, r.text)
	}
}

func lastPart(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// faults holds a value to a JSON schema (2020-12, as far as the document uses
// it). A member that the schema does not name is a fault of an answer, too.
func (c *contract) faults(schema obj, v any, at string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		return c.faults(c.schemas[lastPart(ref)].(obj), v, at)
	}
	if len(schema) == 0 {
		return nil // anything
	}
	for _, either := range []string{"anyOf", "oneOf"} {
		if options, ok := schema[either].([]any); ok {
			return c.noneOf(options, v, at)
		}
	}
	fault := func(format string, args ...any) []string { return []string{at + ": " + fmt.Sprintf(format, args...)} }
	if !typed(schema["type"], v) {
		return fault("%v is not %v", v, schema["type"])
	}
	if enum, ok := schema["enum"].([]any); ok && v != nil && !slices.Contains(enum, v) {
		return fault("%v is none of %v", v, enum)
	}
	switch v := v.(type) {
	case obj:
		return c.faultsOfObject(schema, v, at)
	case []any:
		if n, ok := schema["maxItems"].(float64); ok && len(v) > int(n) {
			return fault("%d items", len(v))
		}
		var out []string
		for i, item := range v {
			out = append(out, c.faults(schema["items"].(obj), item, fmt.Sprintf("%s/%d", at, i))...)
		}
		return out
	case string:
		return faultsOfText(schema, v, fault)
	case float64:
		least, bounded := schema["minimum"].(float64)
		if bounded && v < least {
			return fault("%v is less than %v", v, least)
		}
		if most, ok := schema["maximum"].(float64); ok && v > most {
			return fault("%v is more than %v", v, most)
		}
	}
	return nil
}

func (c *contract) noneOf(options []any, v any, at string) []string {
	var all []string
	for _, o := range options {
		f := c.faults(o.(obj), v, at)
		if len(f) == 0 {
			return nil
		}
		all = append(all, f...)
	}
	return all
}

func (c *contract) faultsOfObject(schema, v obj, at string) []string {
	var out []string
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, there := v[name.(string)]; !there {
			out = append(out, fmt.Sprintf("%s/%s is missing", at, name))
		}
	}
	properties, _ := schema["properties"].(obj)
	for name, value := range v {
		member, named := properties[name].(obj)
		if !named {
			if member, named = schema["additionalProperties"].(obj); !named {
				out = append(out, fmt.Sprintf("%s/%s is not documented", at, name))
				continue
			}
		}
		out = append(out, c.faults(member, value, at+"/"+name)...)
	}
	return out
}

func faultsOfText(schema obj, v string, fault func(string, ...any) []string) []string {
	if most, ok := schema["maxLength"].(float64); ok && utf8.RuneCountInString(v) > int(most) {
		return fault("%q is too long", v)
	}
	if least, ok := schema["minLength"].(float64); ok && utf8.RuneCountInString(v) < int(least) {
		return fault("%q is too short", v)
	}
	if pattern, ok := schema["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(v) {
		return fault("%q does not match %s", v, pattern)
	}
	switch schema["format"] {
	case "date-time":
		// RFC 3339, and in UTC by the API's manners.
		if t, err := time.Parse(time.RFC3339Nano, v); err != nil || t.Location() != time.UTC {
			return fault("%q is not a time in UTC", v)
		}
	case "uri":
		if _, err := url.Parse(v); err != nil {
			return fault("%q is not a URI", v)
		}
	}
	return nil
}

// typed reports whether a value is of a type, or of one of several.
func typed(want, v any) bool {
	switch want := want.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(want, func(t any) bool { return typed(t, v) })
	case string:
		switch v := v.(type) {
		case nil:
			return want == "null"
		case bool:
			return want == "boolean"
		case string:
			return want == "string"
		case float64:
			return want == "number" || want == "integer" && v == math.Trunc(v)
		case []any:
			return want == "array"
		case obj:
			return want == "object"
		}
	}
	return false
}
