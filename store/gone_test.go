package store

import (
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// billed is an account with a bill, minutes and one call on terms that has ended.
func billed(t *testing.T, b *backend, s *Store) (bills func() int64) {
	t.Helper()
	apply(t, s, directory.Create(account("acc_a")))
	apply(t, s, licence("acc_a", "lic_1", 1_000))
	talk(t, s, 1)
	keys := s.tallyKeys("acc_a")
	bills = func() int64 { return b.client.Exists(t.Context(), keys[1], keys[3]).Val() }
	if bills() != 2 {
		t.Fatalf("%d of bill and minutes are there", bills())
	}
	return bills
}

// demolish deletes the account with its licence.
func demolish(s *Store) []directory.Change {
	list := []directory.Change{directory.Delete(s.View().Account("acc_a"))}
	for _, l := range directory.List[*directory.Licence](s.View(), directory.KindLicence, "acc_a") {
		list = append(list, directory.Delete(l))
	}
	return list
}

// What a deleted account's calls have cost goes with it, its call log a while
// later, and other accounts keep theirs.
func TestADeletedAccountLeavesNothing(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		bills := billed(t, b, s)
		apply(t, s, directory.Create(account("acc_b")))
		if a := admit(t, s, lease(2), onCredit(routing.RoleCaller, "acc_b", 0, routing.Terms{Price: 5, Added: 100})); a.Verdict != routing.Admitted {
			t.Fatalf("%+v", a)
		}
		confirm(t, s, lease(2), 0)
		release(t, s, lease(2))
		s.Write(&routing.CDR{Lease: lease(1), Caller: "acc_a", Callee: "acc_b", Result: routing.ResultAnswered})
		eventually(t, "the record is filed", func() bool { return s.writer.idle() })
		apply(t, s, demolish(s)...)
		if bills() != 0 || b.client.ZScore(t.Context(), s.keys.meters(), "acc_a").Err() == nil {
			t.Errorf("%d of bill and minutes are left", bills())
		}
		if got := spending(t, s, "acc_b"); got.Spent != 5 {
			t.Errorf("another account: %+v", got)
		}
		if left := b.client.TTL(t.Context(), keyCallLog("acc_a")).Val(); left <= 0 || left > logOutlives {
			t.Errorf("the call log stays for %v", left)
		}
		if left := b.client.TTL(t.Context(), keyCallLog("acc_b")).Val(); left > 0 {
			t.Errorf("another account's call log stays for %v", left)
		}
	})
}

// The bill of calls that outlive their account goes after them.
func TestADeletedAccountsLastCallIsForgotten(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		bills := billed(t, b, s)
		admit(t, s, lease(2), paidCallOf("acc_a"))
		confirm(t, s, lease(2), 0)
		apply(t, s, demolish(s)...)
		if bills() == 0 {
			t.Fatal("a call that runs is counted nowhere")
		}
		release(t, s, lease(2))
		due(t, b, s)
		if bills() != 0 {
			t.Errorf("%d of bill and minutes are left", bills())
		}
	})
}

// due has the sweep look at all accounts that are to be looked at.
func due(t *testing.T, b *backend, s *Store) {
	t.Helper()
	for _, z := range b.client.ZRangeWithScores(t.Context(), s.keys.meters(), 0, -1).Val() {
		z.Score -= float64((s.cfg.ConfirmedTTL + 2*callOutlives*time.Millisecond).Milliseconds())
		b.client.ZAdd(t.Context(), s.keys.meters(), z)
	}
	if err := s.sweepDue(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A process that dies right after an account was deleted, or right before, leaves
// the rest to the sweep.
func TestTheSweepForgetsWhatTheWriterDidNot(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		bills := billed(t, b, s)
		due(t, b, s) // the call's own mark is gone
		changes := demolish(s)
		if marked, err := s.condemn(t.Context(), changes); err != nil || len(marked) != 1 {
			t.Fatalf("%v, %v", marked, err)
		}
		due(t, b, s)
		if bills() != 2 || b.client.ZCard(t.Context(), s.keys.meters()).Val() != 0 {
			t.Fatal("an account that was not deleted has lost its bill, or keeps the mark")
		}
		if _, err := s.condemn(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		w, err := s.newWrite(tester, changes)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.runApply(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		other := b.open(t)
		due(t, b, other)
		if bills() != 0 {
			t.Errorf("%d of bill and minutes are left", bills())
		}
	})
}

// A restart of an embedded store does not bring a deleted account's bill back.
func TestARestartForgetsDeletedAccounts(t *testing.T) {
	dir := t.TempDir()
	s := openPaid(t, dir)
	talk(t, s, 1)
	admit(t, s, lease(2), paidCallOf("acc_a"))
	confirm(t, s, lease(2), 0)
	apply(t, s, demolish(s)...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpenOnDisk(t, dir)
	defer s.Close()
	keys := s.tallyKeys("acc_a")
	if n := s.client.Exists(t.Context(), keys...).Val(); n != 0 || s.embedded.data.books.runs != 0 {
		t.Errorf("%d keys are left, and %d calls", n, s.embedded.data.books.runs)
	}
}
