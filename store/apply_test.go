package store

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

func TestApplyIsSeenAtOnceAndCountsVersions(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")), directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")))
		got := s.View().Account("acc_a")
		if got == nil || got.Version != 1 || s.View().Trunk("trk_a") == nil {
			t.Fatalf("view has %+v", got)
		}
		off := *got
		off.Enabled = false
		apply(t, s, directory.Replace(got, &off))
		if now := s.View().Account("acc_a"); now.Version != 2 || now.Enabled {
			t.Fatalf("view has %+v", now)
		}
		// The same write again names a version that is gone.
		wantError(t, s.Apply(t.Context(), tester, directory.Replace(got, &off)), directory.KindStale, "stale")
		wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_a"))), directory.KindStale, "stale")
		ghost := account("acc_ghost")
		ghost.Version = 3
		wantError(t, s.Apply(t.Context(), tester, directory.Delete(ghost)), directory.KindNotFound, "not_found")
	})
}

func TestClaims(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")), directory.Create(account("acc_b")),
			directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")), directory.Create(number("num_1", "acc_a", "trk_a", "2001")))
		same := account("acc_c")
		same.Realm = "ACC_A.example"
		wantError(t, s.Apply(t.Context(), tester, directory.Create(same)), directory.KindConflict, "realm_taken")
		wantError(t, s.Apply(t.Context(), tester, directory.Create(number("num_2", "acc_a", "trk_a", "2001"))), directory.KindConflict, "number_taken")
		wantError(t, s.Apply(t.Context(), tester, directory.Create(trunk("trk_b", "acc_b", "192.0.2.1"))), directory.KindConflict, "source_taken")
		wantError(t, s.Apply(t.Context(), tester,
			directory.Create(number("num_2", "acc_a", "trk_a", "2002")), directory.Create(number("num_3", "acc_a", "trk_a", "2002"))),
			directory.KindConflict, "number_taken")
		if s.View().Size(directory.KindNumber) != 1 {
			t.Fatal("a refused list wrote something")
		}
		// Two numbers change places in one list; a freed claim can be taken.
		apply(t, s, directory.Create(number("num_2", "acc_a", "trk_a", "2002")))
		one, two := s.View().InternalNumber("num_1"), s.View().InternalNumber("num_2")
		swapped1, swapped2 := *one, *two
		swapped1.Number, swapped2.Number = two.Number, one.Number
		apply(t, s, directory.Replace(one, &swapped1), directory.Replace(two, &swapped2))
		if n, ok := s.View().Number("acc_a", "2001"); !ok || n.ID != "num_2" {
			t.Fatalf("2001 is %+v", n)
		}
		apply(t, s, directory.Delete(s.View().InternalNumber("num_2")))
		apply(t, s, directory.Create(number("num_4", "acc_a", "trk_a", "2001")))
	})
}

func TestIntegrity(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		wantError(t, s.Apply(t.Context(), tester, directory.Create(trunk("trk_a", "acc_a", "192.0.2.1"))), directory.KindConflict, "missing_required")
		apply(t, s, directory.Create(account("acc_a")), directory.Create(trunk("trk_a", "acc_a", "192.0.2.1")),
			directory.Create(number("num_1", "acc_a", "trk_a", "2001")), directory.Create(limitsOf("acc_a", 0, 1)))
		a, tr, n, l := s.View().Account("acc_a"), s.View().Trunk("trk_a"), s.View().InternalNumber("num_1"), s.View().LimitsOf("acc_a")
		wantError(t, s.Apply(t.Context(), tester, directory.Delete(a)), directory.KindConflict, "in_use")
		wantError(t, s.Apply(t.Context(), tester, directory.Delete(tr)), directory.KindConflict, "in_use")
		wantError(t, s.Apply(t.Context(), tester, directory.Delete(n), directory.Delete(tr), directory.Create(number("num_2", "acc_a", "trk_a", "2002"))),
			directory.KindConflict, "missing_required")
		if s.View().Trunk("trk_a") == nil {
			t.Fatal("a refused list deleted something")
		}
		// A list that deletes what depends on it too is fine, in any order.
		apply(t, s, directory.Delete(a), directory.Delete(n), directory.Delete(tr), directory.Delete(l))
		for _, k := range directory.Kinds() {
			if s.View().Size(k) != 0 {
				t.Fatalf("%s left", k)
			}
		}
		for _, key := range []string{keyClaims, keyDependents} {
			if left := b.client.HGetAll(t.Context(), key).Val(); len(left) != 0 {
				t.Fatalf("%s holds %v", key, left)
			}
		}
		if s.Apply(t.Context(), tester, directory.Create(account("acc_a")), directory.Create(account("acc_a"))) == nil {
			t.Fatal("one object twice in a list is taken")
		}
	})
}

// A demand writes nothing, and the list fails where it does not hold.
func TestDemand(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")), directory.Create(limitsOf("acc_a", 0, 1)))
		read := s.View().LimitsOf("acc_a")
		absent := directory.NoLimits("acc_b")
		apply(t, s, directory.Unchanged(read), directory.Create(account("acc_b")), directory.Unchanged(absent))
		if now := s.View().LimitsOf("acc_a"); now.Version != 1 || *now != *read || s.View().LimitsOf("acc_b") != nil {
			t.Fatalf("the demand wrote %+v", now)
		}
		apply(t, s, directory.Replace(read, limitsOf("acc_a", 0, 2)), directory.Create(limitsOf("acc_b", 0, 1)))
		for _, demand := range []directory.Change{directory.Unchanged(read), directory.Unchanged(absent)} {
			wantError(t, s.View().Check(directory.Create(account("acc_c")), demand), directory.KindStale, "stale")
			wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_c")), demand), directory.KindStale, "stale")
		}
		gone := s.View().LimitsOf("acc_b")
		apply(t, s, directory.Delete(gone))
		wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_c")), directory.Unchanged(gone)), directory.KindStale, "stale")
		if s.View().Account("acc_c") != nil {
			t.Fatal("a list was carried out whose demand did not hold")
		}
	})
}

func TestOneOfManyRedeems(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		apply(t, first, directory.Create(account("acc_a")))
		pending := &directory.Interlink{ID: "lnk_1", A: directory.Side{Account: "acc_a", Name: "x", Version: 1}, Secret: directory.InterlinkSecret{KeyHash: "h"}}
		apply(t, first, directory.Create(pending))
		before := first.View().Interlink("lnk_1")
		for i := range 8 {
			apply(t, first, directory.Create(account("acc_r"+strconv.Itoa(i))))
		}
		var won, stale atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			s := first
			if i%2 == 1 {
				s = second
			}
			wg.Go(func() {
				after := *before
				after.Secret = directory.InterlinkSecret{}
				after.B = &directory.Side{Account: directory.AccountID("acc_r" + strconv.Itoa(i)), Name: "y", Version: 1}
				switch err := s.Apply(context.Background(), tester, directory.Replace(before, &after)); {
				case err == nil:
					won.Add(1)
				case strings.HasPrefix(err.Error(), "stale"):
					stale.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || stale.Load() != 7 {
			t.Fatalf("%d redeemed, %d stale", won.Load(), stale.Load())
		}
	})
}

func TestAuditKeepsNoSecrets(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")))
		apply(t, s, directory.Create(&directory.Interlink{
			ID: "lnk_1", A: directory.Side{Account: "acc_a", Name: "to Smith", Version: 1},
			Secret: directory.InterlinkSecret{KeyHash: "hash-secret", KeySealed: "sealed-secret"},
		}))
		wantError(t, s.Apply(t.Context(), tester, directory.Create(account("acc_a"))), directory.KindStale, "stale")
		entries := b.client.XRange(t.Context(), keyAudit, "-", "+").Val()
		if len(entries) != 2 {
			t.Fatalf("%d audit entries for 2 writes", len(entries))
		}
		data := entries[1].Values["data"].(string)
		if strings.Contains(data, "secret") {
			t.Fatalf("the audit has a secret: %s", data)
		}
		var e struct {
			Actor   directory.Actor
			Changes []struct {
				Kind, ID      string
				Before, After map[string]any
			}
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if e.Actor != tester || len(e.Changes) != 1 || e.Changes[0].ID != "lnk_1" || e.Changes[0].Before != nil || e.Changes[0].After["version"] != 1.0 {
			t.Fatalf("audit entry %s", data)
		}
	})
}

func TestLimitsReachTheLedgerWithTheWrite(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		apply(t, s, directory.Create(account("acc_a")))
		apply(t, s, directory.Create(limitsOf("acc_a", 0, 5, 5, 0, 0)))
		key := s.keys.limits("acc_a")
		if got := b.client.HGetAll(t.Context(), key).Val(); got["v"] != "1" || got["i"] != "5" {
			t.Fatalf("the ledger has %v", got)
		}
		lower := limitsOf("acc_a", 1, 1, 1, 0, 0)
		apply(t, s, directory.Replace(s.View().LimitsOf("acc_a"), lower))
		// An older version, shown late, changes nothing.
		old := s.View().LimitsOf("acc_a").Version - 1
		s.scripts.caps.run(t.Context(), b.client, []string{key}, old, 9, 9, 9, 9, 9, capsKept)
		if got := b.client.HGetAll(t.Context(), key).Val(); got["v"] != "2" || got["i"] != "1" {
			t.Fatalf("the ledger has %v", got)
		}
		apply(t, s, directory.Delete(s.View().LimitsOf("acc_a")))
		if n := b.client.Exists(t.Context(), key).Val(); n != 0 {
			t.Fatal("deleted limits are left in the ledger")
		}
	})
}
