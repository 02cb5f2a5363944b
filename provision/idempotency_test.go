package provision

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

func TestIdempotency(t *testing.T) {
	w := newWorld(t)
	body := obj{"name": "Brown"}
	first := w.do(post("/v1/accounts", body).with("Idempotency-Key", "k1")).want(201)
	again := w.do(post("/v1/accounts", body).with("Idempotency-Key", "k1")).want(201)
	if first.text != again.text || first.etag() != again.etag() || first.header.Get("Location") != again.header.Get("Location") ||
		again.header.Get("Content-Type") != first.header.Get("Content-Type") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("%v %s\n%v %s", first.header, first.text, again.header, again.text)
	}
	if len(w.do(get("/v1/accounts")).ids("id")) != 1 {
		t.Fatal("two accounts")
	}
	w.do(post("/v1/accounts", obj{"name": "Smith"}).with("Idempotency-Key", "k1")).want(422, "idempotency_mismatch")
	w.do(post("/v1/accounts", body).with("Idempotency-Key", "k2")).want(201)
	w.do(post("/v1/accounts?dry_run=false", body).with("Idempotency-Key", "k3")).want(201)
	w.do(post("/v1/accounts?dry_run=false", body).with("Idempotency-Key", "k3")).want(201).is("version", 1)
	if len(w.do(get("/v1/accounts")).ids("id")) != 3 {
		t.Fatal("dry_run=false was not repeatable")
	}
	// The same key on another route is another key.
	w.trunk("/v1/accounts/"+first.str("id"), "192.0.2.1")
	w.do(post("/v1/accounts/"+first.str("id")+"/interlinks", obj{"name": "x"}).with("Idempotency-Key", "k1")).want(201)
	for _, bad := range []string{"with space", "tab\t", strings.Repeat("k", 129), "ä"} {
		w.do(post("/v1/accounts", body).with("Idempotency-Key", bad)).want(422, "idempotency_key_invalid")
	}
}

func TestRefusedRequestsMayBeSentAgain(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	trunk := w.trunk(brown, "192.0.2.1")
	taken := w.number(brown, trunk, "2001", nil).str("id")
	again := post(brown+"/numbers", obj{"number": "2001", "trunk": trunk}).with("Idempotency-Key", "k")
	w.do(again).want(409, "number_taken")
	w.do(del(brown + "/numbers/" + taken)).want(204)
	w.do(again).want(201)
}

// After a failure nobody knows whether the write happened: the key stays taken.
func TestFailedRequestKeepsItsKey(t *testing.T) {
	w := newWorld(t)
	w.store.broken = errBroken
	again := post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")
	w.do(again).want(503)
	w.store.broken = nil
	w.do(again).want(409, "idempotency_running")
}

func TestRunningRequestIsAConflict(t *testing.T) {
	w := newWorld(t)
	var second *reply
	again := post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")
	w.store.before = func() { second = w.do(again) }
	w.do(again).want(201)
	second.want(409, "idempotency_running")
}

func TestBrokenMemoryIsAFailure(t *testing.T) {
	w := newWorld(t)
	r := post("/v1/accounts", obj{"name": "x"}).with("Idempotency-Key", "k")
	w.do(r).want(201)
	for _, a := range w.store.answers {
		a.stored = a.stored[1:]
	}
	w.do(r).want(500, "internal_error")
}

func TestOneOfManyAtOnceIsCarriedOut(t *testing.T) {
	w := newWorld(t)
	var all sync.WaitGroup
	replies := make([]*reply, 16)
	for i := range replies {
		all.Go(func() { replies[i] = w.do(post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")) })
	}
	all.Wait()
	for _, r := range replies {
		if r.status != 201 && r.status != 409 {
			t.Errorf("status %d", r.status)
		}
	}
	if n := len(w.do(get("/v1/accounts")).ids("id")); n != 1 {
		t.Fatalf("%d accounts", n)
	}
}

func TestWithoutMemoryTheKeyIsRefused(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Idempotency = nil })
	w.do(post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")).want(422, "idempotency_unavailable", "Idempotency-Key")
	w.do(post("/v1/accounts", obj{"name": "Brown"})).want(201)
}

// deaf forgets to remember.
type deaf struct{ Idempotency }

func (deaf) Finish(context.Context, directory.RequestKey, []byte) error {
	return &directory.Error{Kind: directory.KindUnavailable, Code: "store_unavailable"}
}

// An answer that cannot be remembered is given all the same: the write is done.
func TestAnswerIsGivenThoughNotRemembered(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Idempotency = deaf{c.Idempotency} })
	w.do(post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")).want(201)
	w.do(post("/v1/accounts", obj{"name": "Brown"}).with("Idempotency-Key", "k")).want(409, "idempotency_running")
}
