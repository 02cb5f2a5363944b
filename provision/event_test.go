package provision

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// observationFixture has a webhook, and lets streams end as soon as they have
// begun.
func observationFixture(w *world, account string) fixture {
	w.server.EndStreams()
	hook := w.do(post(account+"/webhooks", obj{"url": "https://93.184.216.34/hook"})).want(201).str("id")
	return fixture{named: []string{"{webhook}", hook}, bodies: map[string]any{
		"POST " + webhooksPath: obj{"url": "https://93.184.216.34/other"},
	}}
}

// heard is one event of a stream.
type heard struct{ id, name, data string }

func (h heard) field(t *testing.T, path ...string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(h.data), &v); err != nil {
		t.Fatal(err)
	}
	for _, p := range path {
		v = v.(obj)[p]
	}
	return v
}

// ear is somebody who listens.
type ear struct {
	t      *testing.T
	events chan heard
	stop   context.CancelFunc
	last   string
}

// serveWorld serves a world over TCP until the test ends.
func serveWorld(t *testing.T, w *world) *httptest.Server {
	server := httptest.NewServer(w.server.Handler())
	t.Cleanup(func() {
		w.server.EndStreams()
		server.Close()
	})
	return server
}

func listenTo(t *testing.T, server *httptest.Server, token, query, last string) *ear {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1/events"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("status %d, %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	e := &ear{t: t, events: make(chan heard, 1000), stop: stop}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(e.events)
		defer res.Body.Close()
		var now heard
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				now.id = value
			case "event":
				now.name = value
			case "data":
				now.data = value
			case "":
				if now.name != "" {
					e.events <- now
				}
				now = heard{}
			}
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
	return e
}

// next waits for the next event.
func (e *ear) next() heard {
	e.t.Helper()
	select {
	case h, ok := <-e.events:
		if !ok {
			e.t.Fatal("the stream ended")
		}
		if h.id != "" {
			e.last = h.id
		}
		return h
	case <-time.After(20 * time.Second):
		e.t.Fatal("no event comes")
	}
	panic("unreachable")
}

// until collects the names of events up to one.
func (e *ear) until(name string) (names []string) {
	e.t.Helper()
	for {
		h := e.next()
		names = append(names, h.name)
		if h.name == name {
			return names
		}
	}
}

// ended waits until the stream has ended.
func (e *ear) ended() {
	e.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case _, ok := <-e.events:
			if !ok {
				return
			}
		case <-deadline:
			e.t.Fatal("the stream does not end")
		}
	}
}

// begins hears how a stream of somebody's with an account of their own begins.
func (e *ear) begins() {
	e.t.Helper()
	if h := e.next(); h.name != "ready" || h.id == "" {
		e.t.Fatalf("first comes %+v", h)
	}
	if h := e.next(); h.name != "call.snapshot" || h.id != "" {
		e.t.Fatalf("second comes %+v", h)
	}
}

func TestEventsResumeExactly(t *testing.T) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	admin := w.admin(w.brown)
	e := listenTo(t, server, admin, "", "")
	e.begins()
	var seen []string
	link := func(n int) {
		w.do(post(w.brown+"/interlinks", obj{"name": fmt.Sprint(n)}).as(admin)).want(201)
		w.do(post(w.smith+"/interlinks", obj{"name": fmt.Sprint(n)})).want(201) // none of Brown's business
	}
	n := 0
	for range 4 {
		for range 3 { // while listening
			link(n)
			n++
			h := e.next()
			if h.name != "interlink.created" || h.field(t, "account") != idIn(w.brown) || h.field(t, "version") != 1.0 {
				t.Fatalf("heard %+v", h)
			}
			seen = append(seen, h.field(t, "id").(string))
		}
		e.stop()
		for range 2 { // while away
			link(n)
			n++
		}
		e = listenTo(t, server, admin, "", e.last)
		e.begins()
		for range 2 {
			seen = append(seen, e.next().field(t, "id").(string))
		}
	}
	var want []string
	for _, entry := range w.store.trail {
		for _, c := range entry.Changes {
			if strings.Contains(entry.Actor.Action, "interlinks") && c.Paths[0][0] == idOf(w.brown) && len(c.Before) == 0 && entry.Actor.Principal != "staff:admin" {
				want = append(want, c.ID)
			}
		}
	}
	if len(want) != n || !slices.Equal(seen, want) {
		t.Fatalf("seen %v\nwant %v", seen, want)
	}
}

// A stream that breaks between two events of one write goes on with the second.
func TestEventsResumeWithinAWrite(t *testing.T) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	e := listenTo(t, server, testToken, "", "")
	e.next()
	w.do(del(w.reseller + "?cascade=true")).want(204)
	var all []heard
	for range w.store.trail[len(w.store.trail)-1].Changes {
		all = append(all, e.next())
	}
	for i, h := range all[:len(all)-1] {
		again := listenTo(t, server, testToken, "", h.id)
		for _, want := range all[i+1:] {
			if got := again.next(); got != want {
				t.Fatalf("after event %d comes %+v, want %+v", i, got, want)
			}
		}
		again.stop()
		again.ended()
	}
}

func TestEventsAreScoped(t *testing.T) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	partner, admin, other := w.admin(w.reseller), w.admin(w.brown), w.admin(w.other)
	ears := map[string]*ear{}
	for name, token := range map[string]string{"partner": partner, "brown": admin, "other": other} {
		ears[name] = listenTo(t, server, token, "", "")
		ears[name].begins()
	}
	w.do(change(w.smith, obj{"enabled": false})).want(200)
	w.do(post("/v1/providers", obj{"name": "Carrier", "capacity": 1})).want(201)
	for _, account := range []string{w.other, w.brown} {
		w.do(post(account+"/interlinks", obj{"name": "the last"})).want(201)
	}
	if got := ears["brown"].next(); got.name != "interlink.created" || got.field(t, "account") != idIn(w.brown) {
		t.Errorf("Brown hears %+v", got)
	}
	if got := ears["other"].next(); got.name != "interlink.created" || got.field(t, "account") != idIn(w.other) {
		t.Errorf("the stranger hears %+v", got)
	}
	if got := ears["partner"].until("interlink.created"); !slices.Equal(got, []string{"account.changed", "interlink.created"}) {
		t.Errorf("the partner hears %v", got)
	}
	w.do(get("/v1/events").as(w.plain(w.brown))).want(403, "forbidden")
	w.do(get("/v1/events?account="+idIn(w.other)).as(admin)).want(404, "not_found")
}

func TestEventsThatCannotBeResumed(t *testing.T) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	newest := eventID(w.store.trail[len(w.store.trail)-1].AuditPosition)
	for _, last := range []string{"nonsense", "1-1", newest + "9", newest + ".x", "99999999999999-1"} {
		e := listenTo(t, server, testToken, "", last)
		if h := e.next(); h.name != "reset" || h.id != newest {
			t.Errorf("after %q comes %+v", last, h)
		}
	}
	// The entries behind the last one heard are trimmed away.
	w.store.mu.Lock() // the streams above still read
	w.store.trail = w.store.trail[2:]
	first := directory.AuditPosition{Ms: w.store.trail[0].Ms, Number: 1}
	w.store.mu.Unlock()
	if h := listenTo(t, server, testToken, "", eventID(first)).next(); h.name != "reset" {
		t.Errorf("after a trimmed entry comes %+v", h)
	}
}

func TestOB3LiveCallsAreStreamed(t *testing.T) {
	t.Run("of the accounts named", func(t *testing.T) {
		testLiveCalls(t, func(w observed) (token, query string) { return testToken, "?account=" + idIn(w.brown) })
	})
	t.Run("of the own account", func(t *testing.T) {
		testLiveCalls(t, func(w observed) (token, query string) { return w.admin(w.brown), "" })
	})
}

func testLiveCalls(t *testing.T, as func(observed) (token, query string)) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	w.call(1, w.brown, w.smith)
	w.call(3, w.other, w.smith) // none of Brown's business
	token, query := as(w)
	e := listenTo(t, server, token, query, "")
	e.next() // ready
	if h := e.next(); h.name != "call.snapshot" || len(h.field(t, "calls").([]any)) != 1 {
		t.Fatalf("first comes %+v", h)
	}
	second := w.call(2, w.smith, w.brown)
	h := e.next()
	if h.name != "call.started" || h.field(t, "call", "id") != callID(second) || h.field(t, "call", "direction") != "inbound" || h.id != "" {
		t.Fatalf("then comes %+v", h)
	}
	w.store.mu.Lock()
	w.store.live[2].Confirmed = true
	w.store.mu.Unlock()
	if h := e.next(); h.name != "call.answered" || h.field(t, "call", "id") != callID(second) {
		t.Fatalf("then comes %+v", h)
	}
	w.store.mu.Lock()
	w.store.live = w.store.live[:2]
	w.store.mu.Unlock()
	if h := e.next(); h.name != "call.ended" || h.field(t, "call", "id") != callID(second) {
		t.Fatalf("then comes %+v", h)
	}
}

func TestEventStreamsEnd(t *testing.T) {
	w := newObserved(t)
	server := serveWorld(t, w.world)
	admin := w.admin(w.brown)
	session := listenTo(t, server, admin, "", "")
	session.next()
	for range maxOwnStreams {
		listenTo(t, server, testToken, "", "").next()
	}
	w.do(get("/v1/events")).want(429, "too_many_streams")
	// Who logs out hears no more than that.
	w.do(post("/v1/logout", nil).as(admin)).want(204)
	session.ended()
	last := listenTo(t, server, w.admin(w.brown), "", "")
	last.next()
	w.server.EndStreams()
	last.ended()
	w.do(requestFor("HEAD", "/v1/events", nil)).want(200)
}

// stubborn takes nothing from a while on.
type stubborn struct {
	http.ResponseWriter
	takes int
}

func (d *stubborn) Write(b []byte) (int, error) {
	if d.takes--; d.takes < 0 {
		return 0, errors.New("i/o timeout")
	}
	return d.ResponseWriter.Write(b)
}

func (d *stubborn) Flush() {}

// A reader that takes nothing in time is cut off.
func TestEventsCutOffASlowReader(t *testing.T) {
	w := newObserved(t)
	r := httptest.NewRequest("GET", "/v1/events", nil)
	r.Header.Set("Authorization", "Bearer "+testToken)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.server.Handler().ServeHTTP(&stubborn{httptest.NewRecorder(), 1}, r)
	}()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
			w.do(change(w.brown, obj{"enabled": true})).want(200)
		}
	}
}
