package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// numbersOf asks and returns the numbers of the entries, page by page.
func numbersOf(t testing.TB, s *Store, q directory.AuditQuery) (numbers []uint64) {
	t.Helper()
	for {
		entries, err := s.AuditEntries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			numbers = append(numbers, e.Number)
			q.Beyond = e.AuditPosition
		}
		if len(entries) < q.Limit {
			return numbers
		}
	}
}

// trailOfThree writes entries 1 to 6: two accounts below one, a link, a note.
func trailOfThree(t testing.TB, s *Store) {
	t.Helper()
	below := func(id string) *directory.Account {
		a := account(id)
		a.Parent = "acc_r"
		return a
	}
	apply(t, s, directory.Create(account("acc_r")))
	apply(t, s, directory.Create(below("acc_a")))
	apply(t, s, directory.Create(below("acc_b")), directory.Create(account("acc_x")))
	apply(t, s, directory.Create(&directory.Interlink{ID: "lnk_1", A: directory.Side{Account: "acc_a", Name: "B", Version: 1}, B: &directory.Side{Account: "acc_x", Name: "A", Version: 1}}))
	if err := s.Note(t.Context(), tester, directory.Note{Object: "call:1", Outcome: "done", Accounts: []directory.AccountID{"acc_b"}}); err != nil {
		t.Fatal(err)
	}
	apply(t, s, directory.Delete(s.View().Interlink("lnk_1")))
}

func TestAuditEntriesByAccount(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		trailOfThree(t, s)
		for account, want := range map[directory.AccountID][]uint64{
			"": {6, 5, 4, 3, 2, 1}, "acc_r": {6, 5, 4, 3, 2, 1}, "acc_a": {6, 4, 2}, "acc_b": {5, 3}, "acc_x": {6, 4, 3}, "acc_none": nil,
		} {
			for _, limit := range []int{1, 2, 100} {
				if got := numbersOf(t, s, directory.AuditQuery{Account: account, Limit: limit}); !slices.Equal(got, want) {
					t.Errorf("%q by %d: %v, want %v", account, limit, got, want)
				}
				up := numbersOf(t, s, directory.AuditQuery{Account: account, Limit: limit, Ascending: true})
				if slices.Reverse(up); !slices.Equal(up, want) {
					t.Errorf("%q by %d upwards: %v, want %v", account, limit, up, want)
				}
			}
			late := directory.AuditQuery{Account: account, Limit: 10, From: time.Now().Add(time.Hour)}
			if got := numbersOf(t, s, late); got != nil {
				t.Errorf("%q later: %v", account, got)
			}
			early := directory.AuditQuery{Account: account, Limit: 10, To: time.Now().Add(-time.Hour)}
			if got := numbersOf(t, s, early); got != nil {
				t.Errorf("%q earlier: %v", account, got)
			}
			around := directory.AuditQuery{Account: account, Limit: 10, From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Hour)}
			if got := numbersOf(t, s, around); !slices.Equal(got, want) {
				t.Errorf("%q around: %v, want %v", account, got, want)
			}
		}
		entries, err := s.AuditEntries(t.Context(), directory.AuditQuery{Account: "acc_b", Limit: 1})
		if err != nil || len(entries) != 1 {
			t.Fatal(entries, err)
		}
		if e := entries[0]; e.Actor != tester || e.Note == nil || e.Note.Object != "call:1" || !slices.Equal(e.Note.Paths[0], directory.AccountPath{"acc_b", "acc_r"}) {
			t.Fatalf("the note reads %+v", e)
		}
	})
}

// The account a change concerns stays findable by those above once it is gone.
func TestAuditOfADeletedAccount(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		trailOfThree(t, s)
		apply(t, s, directory.Delete(s.View().Account("acc_a")))
		entries, err := s.AuditEntries(t.Context(), directory.AuditQuery{Account: "acc_r", Limit: 1})
		if err != nil || len(entries) != 1 || entries[0].Changes[0].After != nil || entries[0].Changes[0].ID != "acc_a" {
			t.Fatalf("%+v, %v", entries, err)
		}
	})
}

func TestAuditKeepsACount(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t, func(c *Config) { c.AuditKept = 5 })
		for i := range 20 {
			apply(t, s, directory.Create(account("acc_"+strconv.Itoa(i))))
			if f, err := s.notary.seal(t.Context()); f != nil || err != nil {
				t.Fatalf("after %d: %v, %v", i, f, err)
			}
		}
		if got := numbersOf(t, s, directory.AuditQuery{Limit: 3}); !slices.Equal(got, []uint64{20, 19, 18, 17, 16}) {
			t.Fatalf("kept %v", got)
		}
		if keys := b.client.Keys(t.Context(), keyTrailOf+"*").Val(); len(keys) != 5 {
			t.Fatalf("indexes left: %v", keys)
		}
		oldest, newest, err := s.AuditEnd(t.Context())
		if err != nil || oldest != 16 || newest.Number != 20 {
			t.Fatalf("from %d to %v, %v", oldest, newest, err)
		}
		report, err := s.VerifyAudit(t.Context())
		if err != nil || report.Broken != 0 || report.Entries != 5 || report.First != 16 || report.Sealed != 20 {
			t.Fatalf("%+v, %v", report, err)
		}
	})
}

// Whatever is done to the trail without the cluster's key is found.
func TestAuditTrailTellsOfTampering(t *testing.T) {
	rewrite := func(t *testing.T, c redis.UniversalClient, edit func([]auditLine) []auditLine) {
		t.Helper()
		var lines []auditLine
		for _, m := range c.XRange(t.Context(), keyAudit, "-", "+").Val() {
			l, err := parseLine(m)
			if err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
		lines = edit(lines)
		// All that can be done without the key: the hashes fit again.
		prev := lines[0].Prev
		c.Del(t.Context(), keyAudit)
		for i := range lines {
			lines[i].Prev = prev
			lines[i].Hash = lines[i].sum()
			prev = lines[i].Hash
			if err := c.XAdd(t.Context(), lines[i].stream()).Err(); err != nil {
				t.Fatal(err)
			}
		}
		last := lines[len(lines)-1]
		c.HSet(t.Context(), keyChain, "n", last.N, "ms", last.At, "hash", last.Hash)
	}
	renumber := func(lines []auditLine) []auditLine {
		for i := range lines {
			lines[i].N = uint64(i + 1)
		}
		return lines
	}
	for name, c := range map[string]struct {
		broken uint64
		edit   func([]auditLine) []auditLine
	}{
		"edited": {3, func(l []auditLine) []auditLine {
			l[2].Data = []byte(strings.Replace(string(l[2].Data), "staff:test", "staff:evil", 1))
			return l
		}},
		"removed": {6, func(l []auditLine) []auditLine { return renumber(slices.Delete(l, 2, 3)) }},
		"moved": {6, func(l []auditLine) []auditLine {
			l[2].Data, l[3].Data, l[2].MAC, l[3].MAC = l[3].Data, l[2].Data, l[3].MAC, l[2].MAC
			return l
		}},
		"moved in time": {6, func(l []auditLine) []auditLine {
			l[3].At = l[2].At
			l[2].At = l[1].At - 1
			l[1].At, l[0].At = l[0].At-2, l[0].At-3
			return l
		}},
		"the end cut": {6, func(l []auditLine) []auditLine { return l[:5] }},
		"hidden":      {6, func(l []auditLine) []auditLine { l[3].Accounts = "acc_b"; return l }},
		"doubled":     {6, func(l []auditLine) []auditLine { return renumber(append(l[:3:3], l[2:]...)) }},
	} {
		t.Run(name, func(t *testing.T) {
			forEachBackend(t, func(t *testing.T, b *backend) {
				s := b.open(t)
				trailOfThree(t, s)
				if r, err := s.VerifyAudit(t.Context()); err != nil || r.Broken != 0 || r.Sealed != 6 || r.Entries != 6 {
					t.Fatalf("%+v, %v", r, err)
				}
				rewrite(t, b.client, c.edit)
				// A node that has seen nothing finds it, too.
				for _, s := range []*Store{b.open(t), s} {
					r, err := s.VerifyAudit(t.Context())
					if err != nil || r.Broken == 0 || r.Broken > c.broken+1 {
						t.Fatalf("%+v, %v", r, err)
					}
				}
				// What is written afterwards does not heal it.
				apply(t, s, directory.Create(account("acc_later")))
				if r, err := s.VerifyAudit(t.Context()); err != nil || r.Broken == 0 || r.Broken > c.broken+1 {
					t.Fatalf("%+v, %v", r, err)
				}
			})
		})
	}
}

// The hashes alone name the first entry that was touched.
func TestAuditTrailNamesTheFirstBrokenEntry(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		trailOfThree(t, s)
		m := b.client.XRange(t.Context(), keyAudit, "-", "+").Val()
		b.client.XDel(t.Context(), keyAudit, m[2].ID)
		r, err := s.VerifyAudit(t.Context())
		if err != nil || r.Broken != 3 || r.Reason != "it is missing" {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

// A forged entry, well chained, before any node has sealed it.
func TestAuditTrailRefusesAForgedEntry(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		s := b.open(t)
		trailOfThree(t, s)
		if f, err := s.notary.seal(t.Context()); f != nil || err != nil {
			t.Fatal(f, err)
		}
		forged := auditText{data: `{"actor":{"principal":"staff:other"}}`, mac: fmt.Sprintf("%064d", 0)}
		if _, err := s.runNote(t.Context(), forged); err != nil {
			t.Fatal(err)
		}
		f, err := s.notary.seal(t.Context())
		if err != nil || f == nil || f.number != 7 {
			t.Fatalf("%+v, %v", f, err)
		}
		if r, err := s.VerifyAudit(t.Context()); err != nil || r.Broken != 7 || r.Sealed != 6 {
			t.Fatalf("%+v, %v", r, err)
		}
	})
}

// Notes survive an embedded store's restart, with the chain.
func TestEmbeddedKeepsTheTrail(t *testing.T) {
	dir := t.TempDir()
	s := mustOpenOnDisk(t, dir)
	trailOfThree(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		s = mustOpenOnDisk(t, dir)
		r, err := s.VerifyAudit(t.Context())
		if err != nil || r.Broken != 0 || r.Entries != 6+n || r.Sealed != uint64(6+n) {
			t.Fatalf("%+v, %v", r, err)
		}
		if got := numbersOf(t, s, directory.AuditQuery{Account: "acc_x", Limit: 10}); !slices.Equal(got, []uint64{6, 4, 3}) {
			t.Fatalf("acc_x: %v", got)
		}
		if n == 0 {
			s.embedded.data.journal.size = compactAt // as if it had grown
		}
		if err := s.Note(t.Context(), tester, directory.Note{Outcome: "done", Accounts: []directory.AccountID{"acc_b"}}); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
