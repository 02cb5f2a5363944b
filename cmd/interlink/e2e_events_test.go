package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// told is one event of a stream.
type told struct {
	id, name string
	data     struct{ Kind, ID, Account string }
}

// stream is an event stream that is read while it lasts.
type stream struct {
	mu     sync.Mutex
	text   bytes.Buffer
	events []told
	ended  chan struct{}
}

// followEvents follows a gateway's events; last is the id of the event read last, ""
// for what happens from now on. It returns once the stream has begun.
func followEvents(ctx context.Context, g *testbed.RunningGateway, token, last string) (*stream, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+g.HTTP.String()+"/v1/events", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		defer func() { _ = answer.Body.Close() }()
		body, _ := io.ReadAll(answer.Body)
		return nil, fmt.Errorf("GET /v1/events answered %d: %s", answer.StatusCode, body)
	}
	s := &stream{ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		defer func() { _ = answer.Body.Close() }()
		s.read(answer.Body)
	}()
	return s, testbed.Until(ctx, "listening", func() bool { return s.has(": listening") })
}

// read takes events in until the stream ends; one that is cut off is none.
func (s *stream) read(from io.Reader) {
	var next told
	for lines := bufio.NewScanner(from); lines.Scan(); {
		s.mu.Lock()
		line := lines.Text()
		s.text.WriteString(line + "\n")
		field, value, _ := strings.Cut(line, ": ")
		switch field {
		case "id":
			next.id = value
		case "event":
			next.name = value
		case "data":
			if json.Unmarshal([]byte(value), &next.data) != nil {
				next.name = "not JSON"
			}
		case "":
			if next.name != "" {
				s.events = append(s.events, next)
			}
			next = told{}
		}
		s.mu.Unlock()
	}
}

func (s *stream) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.text.Bytes(), []byte(text))
}

func (s *stream) all() []told {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]told{}, s.events...)
}

// testResume follows an account's events on one node, kills that node while
// numbers are made through another, and goes on there from the event read last:
// nothing is left out, nothing told twice, all in the order of the writes, and
// nothing of anybody else's.
func testResume(t *testing.T, binary string) {
	s := newScene(t, binary)
	doomed, err := testbed.StartGateway(s.ctx, testbed.Gateway{Binary: binary, SIP: sipAddress(t), RedisURL: s.redis.URL(), NodeID: "doomed", Dir: s.dir})
	s.must(err)
	t.Cleanup(doomed.Kill)
	answer, err := s.api.Do(s.ctx, "POST", "/v1/accounts/"+s.brown.ID+"/tokens", "", fields{"name": "Follower"})
	s.must(err)
	var made struct{ Token string }
	s.must(json.Unmarshal(answer.Body, &made))
	s.must(testbed.Until(s.ctx, "known on the other node", func() bool {
		_, err := testbed.NewAPI("http://"+doomed.HTTP.String(), made.Token).Do(s.ctx, "GET", "/v1/me", "", nil)
		return err == nil
	}))
	before, err := followEvents(s.ctx, doomed, made.Token, "")
	s.must(err)

	const numbers, readBefore = 300, 40
	killed := make(chan error)
	go func() {
		err := testbed.Until(s.ctx, "the first events", func() bool { return len(before.all()) > readBefore })
		doomed.Kill() // in the midst of it
		<-before.ended
		killed <- err
	}()
	var brown []string
	for i := range numbers {
		brown = append(brown, s.newNumber(s.brown, 3000+i))
		if i%3 == 0 {
			s.newNumber(s.smith, 3000+i)
		}
	}
	s.must(<-killed)
	read := before.all()
	after, err := followEvents(s.ctx, s.gateway, made.Token, read[len(read)-1].id)
	s.must(err)
	s.must(testbed.Until(s.ctx, "the last event", func() bool { return after.has(brown[numbers-1]) }))

	var numbered []string
	for _, e := range append(read, after.all()...) {
		switch {
		case e.name == "ready", e.name == "call.snapshot":
		case e.data.Account != s.brown.ID || e.name != "number.created":
			t.Errorf("told of %+v", e)
		default:
			numbered = append(numbered, e.data.ID)
		}
	}
	if got, want := strings.Join(numbered, "\n"), strings.Join(brown, "\n"); got != want {
		t.Errorf("told of %d numbers:\n%s\n%d were made:\n%s", len(numbered), got, len(brown), want)
	}
	t.Logf("%d events before the kill, %d after", len(read), len(after.all()))
}

// testWebhookRestart kills an embedded gateway whose webhook has been told
// everything: after the restart it is told what is new, and nothing twice.
func testWebhookRestart(t *testing.T, binary string) {
	s := &scene{t: t, ctx: e2eContext(t), dir: t.TempDir()}
	posted := newMailbox(t)
	options := testbed.Gateway{
		Binary: binary, SIP: sipAddress(t), DataDir: t.TempDir(), Dir: s.dir, Env: []string{"INTERLINK_WEBHOOK_ALLOW_PRIVATE=true"},
	}
	start := func() {
		t.Helper()
		var err error
		s.gateway, err = testbed.StartGateway(s.ctx, options)
		s.must(err)
		s.api = s.gateway.API()
	}
	start()
	t.Cleanup(func() { dismiss(t, s.gateway) })
	brown, err := s.api.Account(s.ctx, "Brown", sipAddress(t))
	s.must(err)
	path := "/v1/accounts/" + brown.ID + "/webhooks"
	answer, err := s.api.Do(s.ctx, "POST", path, "", fields{"url": posted.URL, "events": []string{"number.*"}})
	s.must(err)
	var hook struct{ ID string }
	s.must(json.Unmarshal(answer.Body, &hook))
	told := func(n int) {
		t.Helper()
		s.must(testbed.Until(s.ctx, "told", func() bool {
			answer, err := s.api.Do(s.ctx, "GET", path+"/"+hook.ID+"/deliveries?limit=100", "", nil)
			s.must(err)
			return bytes.Count(answer.Body, []byte(`"delivered"`)) == n
		}))
	}
	const before, after = 20, 5
	for i := range before {
		s.newNumber(brown, 3000+i)
	}
	told(before)
	s.gateway.Kill()
	start()
	told(before)
	for i := range after {
		s.newNumber(brown, 4000+i)
	}
	told(before + after)
	if n := bytes.Count(posted.read(), []byte("Interlink-Delivery: ")); n != before+after {
		t.Errorf("%d deliveries of %d writes came", n, before+after)
	}
}

// newNumber makes a number through the first node and returns its id.
func (s *scene) newNumber(of *testbed.Account, n int) string {
	s.t.Helper()
	answer, err := s.api.Do(s.ctx, "POST", "/v1/accounts/"+of.ID+"/numbers", "", fields{"number": fmt.Sprint(n), "trunk": of.Trunk})
	s.must(err)
	var number struct{ ID string }
	s.must(json.Unmarshal(answer.Body, &number))
	return number.ID
}
