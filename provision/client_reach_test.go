package provision

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// sent is a request of a client, as it would have gone out.
type sent struct {
	method, path string
	query        []string
	match, body  bool
	lastEvent    bool
}

// catcher answers every request with nothing, and keeps it.
type catcher struct{ got []sent }

func (c *catcher) RoundTrip(r *http.Request) (*http.Response, error) {
	s := sent{method: r.Method, path: r.URL.Path, match: r.Header.Get("If-Match") != "", body: r.Body != nil, lastEvent: r.Header.Get("Last-Event-ID") != ""}
	for name := range r.URL.Query() {
		s.query = append(s.query, name)
	}
	c.got = append(c.got, s)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}")), Request: r}, nil
}

// TestClientReachesEveryOperation calls every method of the client and holds what
// it sends, and the type it answers with, against the document: no operation
// without a method, no method beside the document.
func TestClientReachesEveryOperation(t *testing.T) {
	w := newWorld(t)
	var doc specification
	if err := json.Unmarshal([]byte(w.do(get("/openapi.json")).want(200).text), &doc); err != nil {
		t.Fatal(err)
	}
	reached := map[string]bool{}
	client := reflect.TypeFor[*Client]()
	for i := range client.NumMethod() {
		m := client.Method(i)
		if m.Type.NumIn() < 2 || m.Type.In(1) != reflect.TypeFor[context.Context]() {
			continue // makes another client
		}
		for _, owner := range []directory.AccountID{"acc_x", ""} {
			requests, out := invoke(t, m, owner)
			for _, r := range requests {
				id, complaint := doc.judge(r, out)
				if complaint != "" && owner != "" {
					t.Errorf("%s: %s", m.Name, complaint)
				}
				reached[id] = true
			}
			if len(requests) != 1 {
				t.Errorf("%s sent %d requests", m.Name, len(requests))
			}
		}
	}
	for path, item := range doc.Paths {
		for method, op := range item {
			if !reached[op.OperationID] {
				t.Errorf("no method of the client is for %s: %s %s", op.OperationID, method, path)
			}
		}
	}
}

// invoke calls a method with made-up arguments, accounts being owner.
func invoke(t *testing.T, m reflect.Method, owner directory.AccountID) ([]sent, string) {
	t.Helper()
	c := NewClient("http://gateway.invalid", "x")
	seen := &catcher{}
	c.http = &http.Client{Transport: seen}
	args := []reflect.Value{reflect.ValueOf(c), reflect.ValueOf(t.Context())}
	for i := 2; i < m.Type.NumIn(); i++ {
		args = append(args, madeUp(m.Type.In(i), owner))
	}
	out := m.Func.Call(args)
	if err, _ := out[len(out)-1].Interface().(error); err != nil {
		t.Errorf("%s: %v", m.Name, err)
	}
	name := ""
	if len(out) > 1 {
		name = out[0].Type().Elem().Name()
	}
	return seen.got, name
}

func madeUp(typ reflect.Type, owner directory.AccountID) reflect.Value {
	v := reflect.New(typ).Elem()
	switch {
	case typ == reflect.TypeFor[directory.AccountID]():
		v.SetString(string(owner))
	case typ.Kind() == reflect.String:
		v.SetString("x")
	case typ.Kind() == reflect.Func:
		return reflect.MakeFunc(typ, func([]reflect.Value) []reflect.Value { return []reflect.Value{reflect.Zero(typ.Out(0))} })
	case typ.Kind() == reflect.Uint64:
		v.SetUint(1)
	case typ.Kind() == reflect.Bool:
		v.SetBool(true)
	case typ.Kind() == reflect.Pointer:
		v.Set(reflect.New(typ.Elem()))
		v.Elem().Set(madeUp(typ.Elem(), owner))
	case typ.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(typ, 1, 1))
		v.Index(0).Set(madeUp(typ.Elem(), owner))
	case typ.Kind() == reflect.Struct:
		for i := range typ.NumField() {
			f := typ.Field(i)
			if query := f.Tag.Get("query"); query != "" && f.Type.Kind() == reflect.String || f.Name == "ID" {
				v.Field(i).SetString("x") // so that it is sent
			}
		}
	}
	return v
}

// specification is what this test reads of the document.
type specification struct {
	Paths map[string]map[string]struct {
		OperationID string
		Parameters  []struct{ Name, In string }
		RequestBody *struct{}
		Responses   map[string]struct {
			Content map[string]struct {
				Schema json.RawMessage
			}
		}
	}
}

// judge finds the operation a request is for, and says what is wrong with it.
func (d *specification) judge(r sent, answer string) (id, complaint string) {
	for path, item := range d.Paths {
		op, ok := item[strings.ToLower(r.method)]
		// A literal path goes before one with a parameter at the same place.
		pattern := regexp.MustCompile(`\\\{[a-z]+\\\}`).ReplaceAllString(regexp.QuoteMeta(path), "(x|acc_x)")
		if !ok || !regexp.MustCompile("^"+pattern+"$").MatchString(r.path) {
			continue
		}
		known, guarded := map[string]bool{}, false
		for _, p := range op.Parameters {
			known[p.Name] = true
			guarded = guarded || p.Name == "If-Match"
		}
		for _, name := range r.query {
			if !known[name] {
				return op.OperationID, "there is no query parameter " + name
			}
		}
		if r.match != guarded || r.body != (op.RequestBody != nil) || r.lastEvent && !known["Last-Event-ID"] {
			return op.OperationID, "If-Match or the body is not as in the document"
		}
		var said bytes.Buffer
		for status, response := range op.Responses {
			if strings.HasPrefix(status, "2") {
				for _, content := range response.Content {
					said.Write(content.Schema)
				}
			}
		}
		name := regexp.MustCompile(`\[.*\.`).ReplaceAllString(strings.TrimSuffix(answer, "]"), "")
		if name != "" && !strings.Contains(said.String(), "/"+name+`"`) {
			return op.OperationID, "answers with " + name + ", and the document has " + said.String()
		}
		return op.OperationID, ""
	}
	return "", "no operation is at " + r.method + " " + r.path
}
