package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

func TestIdempotency(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		ctx := t.Context()
		key := func(scope string) directory.RequestKey { return directory.RequestKey{Scope: scope, Key: "key"} }
		begin := func(s *Store, scope, fingerprint string) ([]byte, error) {
			return s.Begin(ctx, key(scope), []byte(fingerprint))
		}
		if done, err := begin(first, "staff", "body"); done != nil || err != nil {
			t.Fatalf("%q, %v", done, err)
		}
		_, err := begin(second, "staff", "body")
		wantError(t, err, directory.KindConflict, "idempotency_running")
		_, err = begin(second, "staff", "another body")
		wantError(t, err, directory.KindInvalid, "idempotency_mismatch")
		if done, err := begin(second, "partner", "body"); done != nil || err != nil {
			t.Fatalf("another scope: %q, %v", done, err)
		}
		if err := first.Finish(ctx, key("staff"), []byte("the password is hunter2")); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{first, second} {
			if done, err := begin(s, "staff", "body"); string(done) != "the password is hunter2" || err != nil {
				t.Fatalf("%q, %v", done, err)
			}
		}
		_, err = begin(second, "staff", "another body")
		wantError(t, err, directory.KindInvalid, "idempotency_mismatch")
		if stored := b.client.HGet(ctx, keyIdempotency(key("staff")), "answer").Val(); stored == "" || strings.Contains(stored, "hunter2") {
			t.Fatalf("stored in the clear: %q", stored)
		}
		// A node of another cluster would be refused, were this not gone.
		if err := b.client.Del(ctx, keyCluster).Err(); err != nil {
			t.Fatal(err)
		}
		stranger := b.open(t, func(c *Config) { c.ClusterKey = []byte("another key, 16+") })
		if _, err = begin(stranger, "staff", "body"); err == nil {
			t.Fatal("another cluster key opens the answer")
		}
		if err := second.Abandon(ctx, key("partner")); err != nil {
			t.Fatal(err)
		}
		if done, err := begin(first, "partner", "another body"); done != nil || err != nil {
			t.Fatalf("after Abandon: %q, %v", done, err)
		}
		if err := first.Finish(ctx, key("partner"), nil); err != nil {
			t.Fatal(err)
		}
		if done, err := begin(first, "partner", "another body"); done == nil || len(done) != 0 || err != nil {
			t.Fatalf("an empty answer: %#v, %v", done, err)
		}
		if b.advance != nil {
			begin(first, "staff", "x")
			b.advance(answerKept - time.Minute)
			if done, err := begin(first, "staff", "body"); done == nil || err != nil {
				t.Fatalf("within the day: %q, %v", done, err)
			}
			b.advance(2 * time.Minute)
			if done, err := begin(first, "staff", "body"); done != nil || err != nil {
				t.Fatalf("after the day: %q, %v", done, err)
			}
			b.advance(runningKept + time.Second)
			if done, err := begin(first, "staff", "other"); done != nil || err != nil {
				t.Fatalf("after its process died: %q, %v", done, err)
			}
		}
	})
}

// What an account has remembered is bounded, whoever of it asks; others, and the
// platform, have room. What is forgotten or abandoned leaves its place.
func TestIdempotencyIsBounded(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		ctx := t.Context()
		const most = 5
		key := func(owner directory.AccountID, n int) directory.RequestKey {
			return directory.RequestKey{Owner: owner, Most: most, Scope: fmt.Sprint("user ", n%2), Key: fmt.Sprint(n)}
		}
		begun := func(k directory.RequestKey) {
			t.Helper()
			if done, err := s.Begin(ctx, k, nil); done != nil || err != nil {
				t.Fatalf("%+v: %q, %v", k, done, err)
			}
		}
		for n := range most {
			begun(key("brown", n))
			if n > 0 {
				if err := s.Finish(ctx, key("brown", n), []byte("done")); err != nil {
					t.Fatal(err)
				}
			}
		}
		full := func() {
			t.Helper()
			_, err := s.Begin(ctx, key("brown", most), nil)
			wantError(t, err, directory.KindConflict, "idempotency_full")
		}
		full()
		if done, err := s.Begin(ctx, key("brown", 1), nil); string(done) != "done" || err != nil {
			t.Errorf("one that is remembered: %q, %v", done, err)
		}
		begun(key("smith", most))
		for n := range 2 * most {
			begun(key("", n))
		}
		if err := s.Abandon(ctx, key("brown", 0)); err != nil {
			t.Fatal(err)
		}
		begun(key("brown", most))
		_, err := s.Begin(ctx, key("brown", most+1), nil)
		wantError(t, err, directory.KindConflict, "idempotency_full")
		if b.advance != nil {
			b.advance(runningKept + time.Second) // its process died
			begun(key("brown", most+1))
		}
	})
}
