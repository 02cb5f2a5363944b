package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

func TestOtherNodesFollow(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		writer := b.open(t)
		for i := range 20 {
			apply(t, writer, directory.Create(account("acc_"+strconv.Itoa(i))))
		}
		reader := b.open(t)
		if n := reader.View().Size(directory.KindAccount); n != 20 {
			t.Fatalf("loaded %d accounts of 20", n)
		}
		for i := range 50 {
			apply(t, writer, directory.Create(account("acc_n"+strconv.Itoa(i))))
		}
		apply(t, writer, directory.Delete(writer.View().Account("acc_3")))
		seq, _ := writer.View().Seq()
		if err := reader.View().WaitFor(t.Context(), seq); err != nil {
			t.Fatal(err)
		}
		if n := reader.View().Size(directory.KindAccount); n != 69 || reader.View().Account("acc_3") != nil {
			t.Fatalf("reader has %d accounts of 69", n)
		}
		if err := reader.Ready(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestLostDataLoadsAnew(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")))
		apply(t, s, directory.Create(account("acc_b")))
		if err := b.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the view is empty", func() bool { return s.View().Size(directory.KindAccount) == 0 })
		apply(t, s, directory.Create(account("acc_c")))
		if s.View().Account("acc_c") == nil {
			t.Fatal("a write after the loss is not seen")
		}
	})
}

// The change stream alone is lost: what it held was never seen here.
func TestLostStreamLoadsAnew(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")))
		// As if another node had written and the stream had gone at once.
		other := *account("acc_b")
		other.Version = 1
		value, err := json.Marshal(&other)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.client.HSet(t.Context(), keyObjects(directory.KindAccount), "acc_b", objectValue(1, value)).Err(); err != nil {
			t.Fatal(err)
		}
		if _, err := b.client.TxPipelined(t.Context(), func(p redis.Pipeliner) error {
			p.Del(t.Context(), keyChanges)
			p.Incr(t.Context(), keySeq)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the view is loaded anew", func() bool { return s.View().Account("acc_b") != nil })
	})
}

func TestGapsLoadAnew(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")))
		ctx := t.Context()
		put := func(seq int, id string) {
			a := account(id)
			a.Version = 1
			value := fmt.Sprintf(`1 {"id":%q,"name":"n","realm":%q,"timezone":"UTC","enabled":true,"version":1,"created_at":"0001-01-01T00:00:00Z"}`, id, id)
			b.client.HSet(ctx, keyObjects(directory.KindAccount), id, value)
			b.client.Set(ctx, keySeq, seq, 0)
			b.client.XAdd(ctx, &redis.XAddArgs{Stream: keyChanges, Values: []any{"seq", seq, "at", 1, "data", "[]"}})
		}
		// Entries that the stream does not hold any more.
		put(7, "acc_jump")
		eventually(t, "a jump ahead is noticed", func() bool { return s.View().Account("acc_jump") != nil })
		// An older copy of Redis.
		b.client.Del(ctx, keyChanges)
		b.client.HDel(ctx, keyObjects(directory.KindAccount), "acc_jump")
		b.client.Set(ctx, keySeq, 1, 0)
		eventually(t, "an older copy is noticed", func() bool { return s.View().Account("acc_jump") == nil })
		// The same number, another entry.
		b.client.Del(ctx, keyChanges)
		put(1, "acc_other")
		eventually(t, "another history is noticed", func() bool { return s.View().Account("acc_other") != nil })
		if s.watch.reloads.Load() < 3 {
			t.Fatalf("%d reloads", s.watch.reloads.Load())
		}
	})
}

func TestWatchOutlivesRedis(t *testing.T) {
	r := startRedis(t)
	b := (&backend{url: r.url}).dial(t)
	s := b.open(t)
	apply(t, s, directory.Create(account("acc_a")))
	r.cmd.Process.Kill()
	r.cmd.Wait()
	eventually(t, "the loss is told", func() bool { return s.Ready() != nil })
	if s.View().Account("acc_a") == nil {
		t.Fatal("the view went with Redis")
	}
	wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_b"))), directory.KindUnavailable, "store_unavailable")
	if err := r.run("redis-server"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the store is ready again", func() bool { return s.Ready() == nil })
	apply(t, s, directory.Create(account("acc_b")))
	if s.View().Account("acc_b") == nil || s.View().Account("acc_a") != nil {
		t.Fatal("the view is not that of the new, empty Redis")
	}
}

// BenchmarkPropagation measures how long another node takes to see a write,
// counted from the return of Apply on this one.
func BenchmarkPropagation(b *testing.B) {
	back := realBackend(b)
	writer, reader := back.open(b), back.open(b)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		apply(b, writer, directory.Create(account("acc_"+strconv.Itoa(i))))
		seq, _ := writer.View().Seq()
		from := time.Now()
		if err := reader.View().WaitFor(b.Context(), seq); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(from))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
