package store

import (
	"strings"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

func TestIdempotency(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		ctx := t.Context()
		begin := func(s *Store, scope, fingerprint string) ([]byte, error) {
			return s.Begin(ctx, scope, "key", []byte(fingerprint))
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
		if err := first.Finish(ctx, "staff", "key", []byte("the password is hunter2")); err != nil {
			t.Fatal(err)
		}
		for _, s := range []*Store{first, second} {
			if done, err := begin(s, "staff", "body"); string(done) != "the password is hunter2" || err != nil {
				t.Fatalf("%q, %v", done, err)
			}
		}
		_, err = begin(second, "staff", "another body")
		wantError(t, err, directory.KindInvalid, "idempotency_mismatch")
		if stored := b.client.HGet(ctx, keyIdempotency("staff", "key"), "answer").Val(); stored == "" || strings.Contains(stored, "hunter2") {
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
		if err := second.Abandon(ctx, "partner", "key"); err != nil {
			t.Fatal(err)
		}
		if done, err := begin(first, "partner", "another body"); done != nil || err != nil {
			t.Fatalf("after Abandon: %q, %v", done, err)
		}
		if err := first.Finish(ctx, "partner", "key", nil); err != nil {
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
