package store

import (
	"fmt"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func lastCallsOf(t testing.TB, s *Store, accounts ...directory.AccountID) []time.Time {
	t.Helper()
	last, err := s.LastCalls(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for _, a := range accounts {
		times = append(times, last(a))
	}
	return times
}

// called files a record of a call inside one account.
func called(t testing.TB, s *Store, n int, account directory.AccountID, at time.Time) {
	t.Helper()
	s.Write(&routing.CDR{Lease: lease(n), Caller: account, Callee: account, Started: at, Ended: at.Add(time.Second), Result: routing.ResultAnswered})
	eventually(t, "the record is filed", func() bool { return s.writer.idle() })
}

func TestLastCalls(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s, other := b.open(t), b.open(t)
		at := time.UnixMilli(1_700_000_000_000).UTC()
		want := func(accounts []directory.AccountID, times ...time.Time) {
			t.Helper()
			for _, s := range []*Store{s, other} {
				for i, got := range lastCallsOf(t, s, accounts...) {
					if !got.Equal(times[i]) {
						t.Errorf("%s: %v, want %v", accounts[i], got, times[i])
					}
				}
			}
		}
		both := []directory.AccountID{"acc_a", "acc_b"}
		want(both, time.Time{}, time.Time{})
		called(t, s, 1, "acc_a", at)
		want(both, at, time.Time{})
		called(t, other, 2, "acc_b", at.Add(time.Hour))
		// A long call is filed after a short one that began later.
		called(t, s, 3, "acc_a", at.Add(-time.Minute))
		want(both, at, at.Add(time.Hour))
		called(t, other, 4, "acc_a", at.Add(time.Minute))
		want(both, at.Add(time.Minute), at.Add(time.Hour))
		apply(t, s, directory.Create(account("acc_b")))
		apply(t, s, directory.Delete(s.View().Account("acc_b")))
		called(t, s, 5, "acc_a", at.Add(2*time.Minute))
		if left := s.client.HLen(t.Context(), keyLastCalls).Val() + s.client.ZCard(t.Context(), keyLastCallOrder).Val(); left != 2 {
			t.Errorf("%d entries for one account", left)
		}
		want(both[:1], at.Add(2*time.Minute))
		// Redis lost its data.
		if err := s.client.FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
		want(both, time.Time{}, time.Time{})
	})
}

// Many accounts that were noted in one millisecond are read page by page.
func TestLastCallsOfMany(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		const many = 3*lastCallPage + 17
		var accounts []directory.AccountID
		noted := latest{}
		for i := range many {
			id := directory.AccountID(fmt.Sprintf("acc_%05d", i))
			accounts = append(accounts, id)
			noted.add(id, int64(1000+i))
		}
		if err := noted.sent(noted.send(t.Context(), s.client)); err != nil || len(noted) != 0 {
			t.Fatalf("%v, %d left", err, len(noted))
		}
		for i, got := range lastCallsOf(t, s, accounts...) {
			if got.UnixMilli() != int64(1000+i) {
				t.Fatalf("%s: %v", accounts[i], got)
			}
		}
	})
}

func TestLastCallsSurviveAnEmbeddedStore(t *testing.T) {
	dir := t.TempDir()
	cfg := Config{Embedded: true, DataDir: dir, ClusterKey: []byte("0123456789abcdef"), Log: quiet()}
	first, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(1_700_000_000_000).UTC()
	called(t, first, 1, "acc_a", at)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := lastCallsOf(t, s, "acc_a"); !got[0].Equal(at) {
		t.Errorf("last call %v", got[0])
	}
}
