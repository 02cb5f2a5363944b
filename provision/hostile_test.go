package provision

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// schemas reads the served document for what an operation takes.
type schemas struct{ doc obj }

func (w *world) schemas() schemas {
	return schemas{w.do(get("/openapi.json")).want(200).body}
}

// dig walks through objects; nil where there is nothing.
func dig(v any, path ...string) any {
	for _, p := range path {
		o, _ := v.(obj)
		v = o[p]
	}
	return v
}

// resolve follows a reference and takes null out of a choice.
func (s schemas) resolve(v any) obj {
	schema, _ := v.(obj)
	if ref, ok := schema["$ref"].(string); ok {
		return s.resolve(dig(s.doc, "components", "schemas", ref[strings.LastIndexByte(ref, '/')+1:]))
	}
	return schema
}

// body is the schema of what an operation takes; nil for nothing.
func (s schemas) body(op string) obj {
	method, path, _ := strings.Cut(op, " ")
	v := dig(s.doc, "paths", path, strings.ToLower(method), "requestBody", "content", "application/json", "schema")
	if v == nil {
		return nil
	}
	return s.resolve(v)
}

// types lists what JSON types a schema allows.
func typesOf(schema obj) []string {
	out := []string{}
	choices, _ := schema["oneOf"].([]any)
	for _, c := range choices {
		out = append(out, typesOf(c.(obj))...)
	}
	switch t := schema["type"].(type) {
	case string:
		return append(out, t)
	case []any:
		for _, one := range t {
			out = append(out, one.(string))
		}
	}
	return out
}

// sample is something a schema accepts: its example, or made of its parts.
func (s schemas) sample(v any) any {
	schema := s.resolve(v)
	types := typesOf(schema)
	if list, ok := schema["examples"].([]any); ok && len(list) > 0 && !slices.Contains(types, "array") {
		return list[0]
	}
	if list, ok := schema["enum"].([]any); ok {
		return list[0]
	}
	switch {
	case slices.Contains(types, "object"):
		out, required := obj{}, schema["required"]
		list, _ := required.([]any)
		for _, name := range list {
			out[name.(string)] = s.sample(dig(schema, "properties", name.(string)))
		}
		return out
	case slices.Contains(types, "array"):
		return []any{}
	case slices.Contains(types, "integer"), slices.Contains(types, "number"):
		return 1
	case slices.Contains(types, "boolean"):
		return true
	}
	return "sample"
}

// hostile is one value that should not be sent.
type hostile struct {
	name string
	json string
	// wrong says that the schema, or plain sense, refuses it.
	wrong bool
}

// of lists what is sent in place of a value with this schema.
func (s schemas) hostiles(schema obj) []hostile {
	list := []hostile{{"null", "null", false}, {"deep", strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), true}}
	types := typesOf(schema)
	for kind, text := range map[string]string{"boolean": "true", "number": "1.5", "string": `"surprise"`, "object": `{"surprise":1}`, "array": `[{"surprise":[]}]`} {
		if !slices.Contains(types, kind) && len(types) > 0 {
			list = append(list, hostile{"a " + kind, text, true})
		}
	}
	if slices.Contains(types, "integer") || slices.Contains(types, "number") {
		for _, n := range []string{"1e400", "-1e400", "1" + strings.Repeat("0", 5_000), "9223372036854775808", "-9223372036854775809", "-0.5", "NaN", "0x1", "01"} {
			list = append(list, hostile{"the number " + n[:min(len(n), 24)], n, true})
		}
		list = append(list, hostile{"a negative number", "-7", schema["minimum"] != nil && schema["minimum"].(float64) > -7})
	}
	if slices.Contains(types, "string") {
		list = append(list,
			hostile{"an empty text", `""`, schema["minLength"] != nil || schema["enum"] != nil || schema["format"] != nil},
			hostile{"a long text", `"` + strings.Repeat("x", 20_000) + `"`, true},
			hostile{"a NUL", `"a\u0000b"`, true}, hostile{"a line break", `"a\r\nb"`, false}, hostile{"an escape", `"a\u001b[2Jb"`, false},
			hostile{"invalid UTF-8", "\"a\xff\"", true}, hostile{"half a surrogate", `"\ud800"`, false}, hostile{"other digits", `"٣"`, false},
			hostile{"markup", `"<script>'\"--"`, false})
	}
	if slices.Contains(types, "array") {
		items := s.resolve(schema["items"])
		one, _ := json.Marshal(s.sample(items))
		list = append(list, hostile{"many of them", "[" + strings.Repeat(string(one)+",", 4_000) + string(one) + "]", true}, hostile{"a list of null", "[null]", false})
		for _, h := range s.hostiles(items) {
			list = append(list, hostile{"a list of " + h.name, "[" + h.json + "]", h.wrong})
		}
	}
	return list
}

// places calls for each member of an object's schema, nested ones included, with
// a function that puts JSON in its place.
func (s schemas) places(schema obj, base obj, pointer string, visit func(pointer string, schema obj, with func(string) string)) {
	properties, _ := schema["properties"].(obj)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		member := s.resolve(properties[name])
		with := func(text string) string {
			rest := maps.Clone(base)
			delete(rest, name)
			encoded, _ := json.Marshal(rest)
			comma := ","
			if len(rest) == 0 {
				comma = ""
			}
			return string(encoded[:len(encoded)-1]) + comma + fmt.Sprintf("%q:%s}", name, text)
		}
		visit(pointer+"/"+name, member, with)
		if !slices.Contains(typesOf(member), "object") || member["properties"] == nil {
			continue
		}
		inner, _ := s.sample(member).(obj)
		s.places(member, inner, pointer+"/"+name, func(p string, m obj, put func(string) string) {
			visit(p, m, func(text string) string { return with(put(text)) })
		})
	}
}

// survives demands that an answer is no failure of the server, and of a refusal
// that it names what is at fault.
func survives(t *testing.T, where string, r *reply, wrong bool, blamed string) {
	t.Helper()
	switch {
	case r.status >= 500:
		t.Errorf("%s: %d\n%.300s", where, r.status, r.text)
	case r.status < 400 && wrong:
		t.Errorf("%s: accepted with %d\n%.300s", where, r.status, r.text)
	case r.status >= 400:
		r.wantProblem()
	}
	if r.status != http.StatusUnprocessableEntity && r.status != http.StatusBadRequest {
		return
	}
	if code := r.body["code"]; code == "malformed_json" || code == "query_malformed" || code == "json_too_deep" {
		return // what cannot be read has no members
	}
	list, _ := r.body["errors"].([]any)
	for _, e := range list {
		for _, key := range []string{"pointer", "parameter"} {
			if v, _ := e.(obj)[key].(string); v != "" && (strings.HasPrefix(v, blamed) || strings.HasPrefix(blamed, v+"/")) {
				return
			}
		}
	}
	t.Errorf("%s: the problem does not name %s\n%.300s", where, blamed, r.text)
}

// TestHostileBodies sends, in place of every member of every body that the served
// document tells of, what does not belong there.
func TestHostileBodies(t *testing.T) {
	s := newTown(t)
	doc, sent := s.schemas(), 0
	e := s.estates["brown"]
	operations := s.operations()
	for _, op := range slices.Sorted(maps.Keys(operations)) {
		schema := doc.body(op)
		if schema == nil {
			continue
		}
		a := s.request(t, op, operations[op], e, e)
		if operations[op].has("query", "dry_run") {
			a = a.rehearsed()
		}
		base := obj{}
		if err := json.Unmarshal([]byte(a.body), &base); err != nil {
			t.Fatal(err)
		}
		before := s.state()
		doc.places(schema, base, "", func(pointer string, member obj, with func(string) string) {
			for _, h := range append(doc.hostiles(member), hostile{"twice", `1,"` + pointer[strings.LastIndexByte(pointer, '/')+1:] + `":1`, true}) {
				ask := s.by("staff", a)
				ask.body = with(h.json)
				// What is only compared or sealed can be any text.
				opaque := pointer == "/current_password" || pointer == "/credentials"
				wrong := h.wrong && !(opaque && h.name == "a NUL")
				survives(t, fmt.Sprintf("%s %s: %s", op, pointer, h.name), s.do(ask), wrong, pointer)
				sent++
			}
			if strings.Count(pointer, "/") > 1 {
				ask := s.by("staff", a)
				ask.body = with(`null,"surprise":1`)
				survives(t, op+" "+pointer+": an unknown neighbour", s.do(ask), true, pointer[:strings.LastIndexByte(pointer, '/')]+"/surprise")
			}
		})
		if op != "POST "+loginPath && s.state() != before {
			t.Errorf("%s: a rehearsal wrote", op)
		}
	}
	if sent < 3_000 {
		t.Errorf("only %d were sent", sent)
	}
	s.do(get(e.path)).want(200)
}

// TestHostileParameters does the same in paths, queries and headers.
func TestHostileParameters(t *testing.T) {
	s := newTown(t)
	e := s.estates["brown"]
	texts := []string{
		"", "\x00", "\xff", "a\r\nX: y", strings.Repeat("x", 5_000), "-1", "0", "1.5", "99999999999999999999", "1e9", "٣", "null", "[]", "{}",
		"..", "../..", "a/b", "*", "' OR 1=1--", "${x}", "%s%n", "true,false",
	}
	operations := s.operations()
	sent := 0
	for _, op := range slices.Sorted(maps.Keys(operations)) {
		doc := operations[op]
		a := s.request(t, op, doc, e, e)
		if doc.has("query", "dry_run") {
			a = a.rehearsed()
		}
		before := s.state()
		for _, p := range doc.Parameters {
			for _, text := range texts {
				if p.In == "header" && strings.ContainsAny(text, "\x00\r\n") {
					continue // no client can send these
				}
				ask := s.by("staff", a)
				switch p.In {
				case "path":
					ask.path = spoiledPath(t, op, e, p.Name, text) + ask.path[len(strings.Split(ask.path, "?")[0]):]
				case "query":
					joint := "?"
					if strings.Contains(a.path, "?") {
						joint = "&"
					}
					ask.path = a.path + joint + p.Name + "=" + url.QueryEscape(text)
				case "header":
					ask = ask.with(p.Name, text)
				}
				wrong := p.In == "path" || (p.Name == "limit" || p.Name == "cursor") && text != "" || p.Name == "dry_run"
				survives(t, fmt.Sprintf("%s %s %s: %.20q", op, p.In, p.Name, text), s.do(ask), wrong, p.Name)
				sent++
			}
		}
		if op != "POST "+loginPath && s.state() != before {
			t.Errorf("%s: something was written", op)
		}
	}
	if sent < 3_000 {
		t.Errorf("only %d were sent", sent)
	}
	s.do(get(e.path)).want(200)
}

// spoiledPath is an operation's path with a text in place of one parameter.
func spoiledPath(t *testing.T, op string, like *estate, name, text string) string {
	t.Helper()
	method, template, _ := strings.Cut(op, " ")
	e := *like
	e.named = maps.Clone(like.named)
	if text == "" {
		text = " " // an empty part would be another path
	}
	for key := range e.named {
		if strings.HasSuffix(key, "{"+name+"}") {
			e.named[key] = url.PathEscape(text)
		}
	}
	e.named["{"+name+"}"] = url.PathEscape(text)
	return fill(t, method, template, &e, &e)
}
