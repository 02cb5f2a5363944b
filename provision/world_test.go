package provision

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testToken = "a-token-for-tests"

// sipStatus is enough of sip's table for explain.
func sipStatus(r routing.Reason) int {
	switch r {
	case routing.NumberNotFound:
		return 404
	case routing.AmbiguousNumber:
		return 484
	case routing.CalleeLinesFull, routing.CalleeParentLinesFull:
		return 486
	}
	return 403
}

// world is a server with its store, and a conversation with it.
type world struct {
	t      testing.TB
	store  *store
	server *Server
}

func newWorld(t *testing.T, change ...func(*Config)) *world {
	t.Helper()
	return newWorldFor(t, change...)
}

func newWorldFor(t testing.TB, change ...func(*Config)) *world {
	t.Helper()
	st := newStore()
	cfg := Config{
		View: st.view, Repository: st, Calls: st, CallLog: st, Trail: st, Courier: st, Idempotency: st,
		Router: routing.NewRouter(st.view), StatusOf: sipStatus,
		ClusterKey: []byte("0123456789abcdef0123456789abcdef"), AdminToken: testToken, RealmSuffix: "Interlink.invalid",
		PasswordMemory: 64, // tests need no protection
	}
	for _, c := range change {
		c(&cfg)
	}
	server, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, store: st, server: server}
}

// asked is a request on its way.
type asked struct {
	method, path string
	body         string
	header       http.Header
	remote       string
}

// from sends the request from another address and port.
func (a asked) from(remote string) asked {
	a.remote = remote
	return a
}

func (a asked) with(name, value string) asked {
	a.header = a.header.Clone()
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(name, value)
	return a
}

func (a asked) match(tag string) asked { return a.with("If-Match", tag) }

func requestFor(method, path string, body any) asked {
	a := asked{method: method, path: path, header: http.Header{"Authorization": {"Bearer " + testToken}}}
	switch b := body.(type) {
	case nil:
	case string:
		a.body = b
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			panic(err)
		}
		a.body = string(encoded)
	}
	return a
}

type obj = map[string]any

func get(path string) asked              { return requestFor(http.MethodGet, path, nil) }
func del(path string) asked              { return requestFor(http.MethodDelete, path, nil).match("*") }
func post(path string, body any) asked   { return requestFor(http.MethodPost, path, body) }
func put(path string, body any) asked    { return requestFor(http.MethodPut, path, body).match("*") }
func change(path string, body any) asked { return requestFor(http.MethodPatch, path, body).match("*") }

// reply is what came back.
type reply struct {
	t      testing.TB
	ask    asked
	status int
	header http.Header
	text   string
	body   obj
}

func (w *world) do(a asked) *reply {
	w.t.Helper()
	r := httptest.NewRequest(a.method, a.path, strings.NewReader(a.body))
	r.Header = a.header.Clone()
	if a.remote != "" {
		r.RemoteAddr = a.remote
	}
	rec := httptest.NewRecorder()
	w.server.Handler().ServeHTTP(rec, r)
	res := rec.Result()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	out := &reply{t: w.t, ask: a, status: res.StatusCode, header: res.Header, text: string(text)}
	if strings.Contains(res.Header.Get("Content-Type"), "json") && len(text) > 0 {
		if err := json.Unmarshal(text, &out.body); err != nil {
			w.t.Fatalf("%s %s: answer is not JSON: %v\n%s", a.method, a.path, err, text)
		}
	}
	out.held()
	return out
}

// want demands a status and, of a problem, the code and the pointer or
// parameter it blames.
func (r *reply) want(status int, problem ...string) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s %s %s: status %d, want %d\n%s", r.ask.method, r.ask.path, r.ask.body, r.status, status, r.text)
	}
	if status >= 400 {
		r.wantProblem()
	}
	if len(problem) > 0 && r.body["code"] != problem[0] {
		r.t.Fatalf("%s %s %s: code %v, want %s\n%s", r.ask.method, r.ask.path, r.ask.body, r.body["code"], problem[0], r.text)
	}
	if len(problem) > 1 {
		blamed := []string{}
		list, _ := r.body["errors"].([]any)
		for _, e := range list {
			for _, key := range []string{"pointer", "parameter"} {
				if v, ok := e.(obj)[key].(string); ok {
					blamed = append(blamed, v)
				}
			}
		}
		if !slices.Contains(blamed, problem[1]) {
			r.t.Fatalf("%s %s %s: blames %q, want %s\n%s", r.ask.method, r.ask.path, r.ask.body, blamed, problem[1], r.text)
		}
	}
	return r
}

// wantProblem holds every error answer to RFC 9457 and to the list of codes.
func (r *reply) wantProblem() {
	r.t.Helper()
	code, _ := r.body["code"].(string)
	known := slices.ContainsFunc(codes(), func(c codeText) bool { return c.Code == code })
	switch {
	case r.header.Get("Content-Type") != "application/problem+json":
		r.t.Fatalf("%s %s: content type %q of an error", r.ask.method, r.ask.path, r.header.Get("Content-Type"))
	case !known:
		r.t.Fatalf("%s %s: code %q is not documented\n%s", r.ask.method, r.ask.path, code, r.text)
	case r.body["status"] != float64(r.status), r.body["title"] == "", r.body["detail"] == "", r.body["type"] != "/docs#"+code:
		r.t.Fatalf("%s %s: incomplete problem\n%s", r.ask.method, r.ask.path, r.text)
	case r.body["request_id"] != r.header.Get(requestIDHeader) || r.body["request_id"] == "":
		r.t.Fatalf("%s %s: request id %v in the body, %q in the header", r.ask.method, r.ask.path, r.body["request_id"], r.header.Get(requestIDHeader))
	}
}

// field digs into the answer: "lines.allowed", "items.0.id".
func (r *reply) field(path string) any {
	r.t.Helper()
	var v any = r.body
	for _, key := range strings.Split(path, ".") {
		switch x := v.(type) {
		case obj:
			var ok bool
			if v, ok = x[key]; !ok {
				r.t.Fatalf("%s %s: no %s in %s", r.ask.method, r.ask.path, path, r.text)
			}
		case []any:
			i := strings.Index("0123456789", key)
			if i < 0 || i >= len(x) {
				r.t.Fatalf("%s %s: no %s in %s", r.ask.method, r.ask.path, path, r.text)
			}
			v = x[i]
		default:
			r.t.Fatalf("%s %s: no %s in %s", r.ask.method, r.ask.path, path, r.text)
		}
	}
	return v
}

func (r *reply) str(path string) string {
	r.t.Helper()
	s, ok := r.field(path).(string)
	if !ok {
		r.t.Fatalf("%s %s: %s is %v", r.ask.method, r.ask.path, path, r.field(path))
	}
	return s
}

// is demands a value; numbers are float64, as JSON has them.
func (r *reply) is(path string, want any) *reply {
	r.t.Helper()
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got := r.field(path); got != want {
		r.t.Fatalf("%s %s: %s is %v, want %v\n%s", r.ask.method, r.ask.path, path, got, want, r.text)
	}
	return r
}

func (r *reply) etag() string { return r.header.Get("ETag") }

// ids lists the ids of a page.
func (r *reply) ids(key string) []string {
	r.t.Helper()
	out := []string{}
	items, ok := r.field("items").([]any)
	if !ok {
		r.t.Fatalf("%s %s: items is not a list: %s", r.ask.method, r.ask.path, r.text)
	}
	for _, it := range items {
		out = append(out, it.(obj)[key].(string))
	}
	return out
}

// account creates an account and returns its path.
func (w *world) account(name string) string {
	w.t.Helper()
	return "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": name})).want(201).str("id")
}

// trunk gives an account a trunk and returns its id.
func (w *world) trunk(account, address string) string {
	w.t.Helper()
	return w.do(post(account+"/trunks", obj{"name": "PBX", "addresses": []string{address + ":5060"}, "source_addresses": []string{address}})).want(201).str("id")
}

func (w *world) number(account, trunk, number string, more obj) *reply {
	w.t.Helper()
	body := obj{"number": number, "trunk": trunk}
	for k, v := range more {
		body[k] = v
	}
	return w.do(post(account+"/numbers", body)).want(201)
}

// link links two accounts and returns the interlink's path on either side.
func (w *world) link(a, b string) (onA, onB string) {
	w.t.Helper()
	made := w.do(post(a+"/interlinks", obj{"name": "to the other"})).want(201)
	w.do(post(b+"/interlinks/redeem", obj{"name": "to the one", "authorization_key": made.str("authorization_key")})).want(201)
	id := made.str("id")
	return a + "/interlinks/" + id, b + "/interlinks/" + id
}

func idOf(path string) directory.AccountID {
	return directory.AccountID(path[strings.LastIndexByte(path, '/')+1:])
}

// call lets one account call another, with one line taken on each.
func (w *world) call(n byte, from, to string) routing.LeaseID {
	lease := routing.LeaseID{15: n}
	at := time.Date(2026, 5, 1, 12, 0, int(n), 0, time.UTC)
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.live = append(w.store.live, routing.LiveCall{
		Lease: lease, Caller: idOf(from), Callee: idOf(to), From: "1001", To: "2001", Started: at, Since: at.Add(time.Second),
		Claims: []routing.Claim{{Account: idOf(from), Role: routing.RoleCaller}, {Account: idOf(to), Role: routing.RoleCallee}},
	})
	for id, outbound := range map[directory.AccountID]bool{idOf(from): true, idOf(to): false} {
		l := w.store.lines[id]
		if outbound || from == to {
			l.Outbound++
		}
		if !outbound || from == to {
			l.Inbound++
		}
		w.store.lines[id] = l
	}
	return lease
}
