package provision

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a careless reader drops must not turn a rehearsal into a write.
func TestQueryThatCouldBeMisread(t *testing.T) {
	w := newWorld(t)
	for _, query := range []string{"dry_run=%zz", "%zz=1", "dry_run=true;x=1", "dry_run=true&x=%"} {
		w.do(post("/v1/accounts?"+query, obj{"name": "Brown"})).want(400, "query_malformed")
	}
	for _, query := range []string{"dry_run", "dry_run="} {
		w.do(post("/v1/accounts?"+query, obj{"name": "Brown"})).want(422, "invalid", "dry_run")
	}
	w.do(post("/v1/accounts?dry_run=true&dry_run=false", obj{"name": "Brown"})).want(422, "parameter_twice", "dry_run")
	w.do(get("/v1/accounts?limit=1&limit=2")).want(422, "parameter_twice", "limit")
	if n := len(w.do(get("/v1/accounts?q=&status=&cursor=")).want(200).body["items"].([]any)); n != 0 {
		t.Errorf("%d accounts written", n)
	}
	a := w.account("Smith")
	for _, query := range []string{"cascade", "dry_run"} {
		w.do(del(a+"?"+query)).want(422, "invalid", query)
	}
	w.do(change(a+"?end_calls=", obj{"enabled": false})).want(422, "invalid", "end_calls")
	w.do(get(a)).want(200).is("enabled", true)
}

// A wrong path or method is told before anything is said about the body.
func TestRouteIsCheckedBeforeTheBody(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	w.do(requestFor("PUT", a, nil)).want(405, "method_not_allowed")
	w.do(post(a, "{")).want(405, "method_not_allowed")
	w.do(post("/v1/nothing", nil)).want(404, "route_not_found")
}

// RFC 9110 §9.1: GET and HEAD work everywhere; §9.3.7: OPTIONS tells what does.
func TestHeadAndOptions(t *testing.T) {
	w := newWorld(t)
	a := w.account("Brown")
	server := httptest.NewServer(w.server.Handler())
	defer server.Close()
	send := func(method, path string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+testToken)
		res, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res
	}
	for _, path := range []string{a, "/v1/accounts", "/openapi.json", "/docs", "/v1/accounts/acc_none"} {
		head, whole := send("HEAD", path), send("GET", path)
		if head.StatusCode != whole.StatusCode || head.ContentLength > 0 && head.ContentLength != whole.ContentLength ||
			head.Header.Get("ETag") != whole.Header.Get("ETag") || head.Header.Get("Content-Type") != whole.Header.Get("Content-Type") {
			t.Errorf("HEAD %s: %d %v, GET: %d %v", path, head.StatusCode, head.Header, whole.StatusCode, whole.Header)
		}
	}
	if head := send("HEAD", a+"/interlinks/redeem"); head.StatusCode != http.StatusNotFound {
		t.Errorf("HEAD of an interlink that is not there: %d", head.StatusCode)
	}
	for path, allow := range map[string]string{a: "GET, HEAD, PATCH, DELETE, OPTIONS", "/v1/explain": "POST, OPTIONS", "/docs": "GET, HEAD, OPTIONS"} {
		if res := send("OPTIONS", path); res.StatusCode != http.StatusNoContent || res.Header.Get("Allow") != allow {
			t.Errorf("OPTIONS %s: %d %q", path, res.StatusCode, res.Header.Get("Allow"))
		}
	}
	w.do(requestFor("OPTIONS", "/v1/nothing", nil)).want(404, "route_not_found")
	w.do(requestFor("OPTIONS", a, nil).with("Authorization", "")).want(401, "token_missing")
}
