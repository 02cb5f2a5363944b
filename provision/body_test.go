package provision

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Whatever is sent, the answer is a success or a problem, never a failure.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x"}`, `{"name":"\ud800"}`, `{"name":"x","limits":{"inbound_trunks":1e400}}`, `{"name":["x"]}`, `{"":1}`, `{"a":{"b":[{"c":null}]}}`,
		`{"name":"x","enabled":null,"limits":null}`, `{"na\u006de":"x","name":"y"}`, `[[[[]]]]`, `-`, "{\"a\":\x00}", `{"name":1e999}`, `{"name~/":1,"name~/":2}`,
	} {
		f.Add(seed)
	}
	w := newWorldFor(f)
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/accounts?dry_run=true", "/v1/explain"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+testToken)
			rec := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(rec, r)
			if rec.Code >= 500 {
				t.Fatalf("%s: %d\n%s", path, rec.Code, rec.Body)
			}
			if rec.Code >= 400 && rec.Header().Get("Content-Type") != "application/problem+json" {
				t.Fatalf("%s: %d is no problem\n%s", path, rec.Code, rec.Body)
			}
		}
	})
}

// A name that is written in two ways is one name.
func TestEscapedNamesAreTheSameName(t *testing.T) {
	w := newWorld(t)
	w.do(post("/v1/accounts", `{"na\u006de":"x","name":"y"}`)).want(400, "field_twice", "/name")
	w.do(post("/v1/accounts", `{"a/b~c":1}`)).want(422, "unknown_field", "/a~1b~0c")
	w.do(post("/v1/accounts", `{"\u212aind":1}`)).want(422, "unknown_field")
	w.do(post("/v1/accounts", "\ufeff{}")).want(400, "malformed_json")
}
