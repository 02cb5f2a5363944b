package provision

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// least is the beginning of the sorted list.
func TestLeastAgreesWithSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOf(rapid.IntRange(0, 40)).Draw(t, "list")
		n := rapid.IntRange(1, 20).Draw(t, "n")
		sorted := slices.Sorted(slices.Values(list))
		few := newLeast(n, func(a, b *int) int { return cmp.Compare(*a, *b) })
		for i, x := range list {
			if few.add(&x); (few.greatest() != nil) != (i+1 >= n) {
				t.Fatalf("of %d, %d are enough: %v", i+1, n, few.greatest())
			}
		}
		if got, want := few.sorted(), sorted[:min(n, len(sorted))]; !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func TestSortKeysPassThroughACursor(t *testing.T) {
	for _, k := range []sortKey{{}, {never, ""}, {-1, "a b"}, {1 << 62, "x"}} {
		if got, ok := parseSortKey(k.String()); !ok || got != k {
			t.Errorf("%+v, %v, want %+v", got, ok, k)
		}
	}
	for _, text := range []string{"", "1", "x y"} {
		if _, ok := parseSortKey(text); ok {
			t.Errorf("%q is a key", text)
		}
	}
}

// manyAccounts fills a world's directory beside its API.
func manyAccounts(w *world, accounts int) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	deltas := make([]directory.Delta, 0, accounts)
	for i := range accounts {
		a := &directory.Account{ID: directory.AccountID(fmt.Sprintf("acc_%026d", i)), Name: fmt.Sprintf("Customer %d", i*7919%accounts),
			Realm: fmt.Sprintf("r%d.interlink.invalid", i), TimeZone: "UTC", Enabled: i%3 != 0, Version: 1, CreatedAt: at.Add(time.Duration(i) * time.Second)}
		deltas = append(deltas, directory.Delta{Ref: a.Ref(), After: a})
		if i%4 != 0 {
			w.store.records[a.ID] = []routing.Record{{ID: "1", Started: at.Add(time.Duration(i*104729%accounts) * time.Minute)}}
		}
	}
	seq, _ := w.store.view.Seq()
	w.store.view.Apply(seq+1, at, deltas)
}

// Any number of accounts can be sorted, by the last call too.
func TestManyAccountsAreSorted(t *testing.T) {
	w := newWorld(t)
	const many = 2500
	manyAccounts(w, many)
	for _, sort := range []string{"last_call", "-last_call", "-name,last_call"} {
		seen, path := map[string]bool{}, "/v1/accounts?limit=200&sort="+sort
		for next := any(""); next != nil; {
			at := path
			if next != "" {
				at += "&cursor=" + next.(string)
			}
			r := w.do(get(at)).want(200)
			for _, id := range r.ids("id") {
				if seen[id] {
					t.Fatalf("%s: %s stands twice", sort, id)
				}
				seen[id] = true
			}
			next = r.field("next")
		}
		if len(seen) < many {
			t.Errorf("%s: %d accounts", sort, len(seen))
		}
	}
	first := w.do(get("/v1/accounts?limit=1&sort=last_call")).want(200)
	last := w.do(get("/v1/accounts?limit=1&sort=-last_call")).want(200)
	if first.field("items").([]any)[0].(obj)["last_call"] != nil || last.field("items").([]any)[0].(obj)["last_call"] == nil {
		t.Error("accounts without a call do not come first")
	}
}

// A page costs what stands on it, in memory, not what the platform has.
func TestPagesAllocateByTheirSize(t *testing.T) {
	few, many := newWorld(t), newWorld(t)
	manyAccounts(few, 1000)
	manyAccounts(many, 20_000)
	for _, query := range []string{
		"", "q=r999.", "q=nobody", "q=CUSTOMER", "q=customer&sort=-name", "status=inactive", "parent=acc_none", "provider=prv_none", "sort=name", "sort=-name", "sort=status", "sort=-provider",
		"sort=created_at", "sort=-created_at", "sort=last_call", "sort=-last_call", "sort=last_login", "sort=-last_login", "sort=status,provider,-last_call,name",
	} {
		path := "/v1/accounts?limit=10&" + query
		objects, octets := few.cost(path)
		moreObjects, moreOctets := many.cost(path)
		if moreObjects > objects+500 || moreOctets > octets+50_000 {
			t.Errorf("%s: %d objects of %d octets at 1,000 accounts, %d of %d at 20,000", path, objects, octets, moreObjects, moreOctets)
		}
	}
}

// cost is what an answer takes of memory, on an average.
func (w *world) cost(path string) (objects, octets uint64) {
	const times = 5
	w.do(get(path)).want(200)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range times {
		w.do(get(path)).want(200)
	}
	runtime.ReadMemStats(&after)
	return (after.Mallocs - before.Mallocs) / times, (after.TotalAlloc - before.TotalAlloc) / times
}

// BenchmarkListAccounts asks for pages of 100,000 accounts.
func BenchmarkListAccounts(b *testing.B) {
	w := newWorldFor(b)
	manyAccounts(w, 100_000)
	for _, query := range []string{"", "q=99999", "status=inactive&q=customer", "sort=name", "sort=-created_at", "sort=last_login", "sort=-last_call", "sort=last_call,name", "sort=status,name", "sort=provider", "parent=acc_none"} {
		deep := w.do(get("/v1/accounts?limit=200&" + query)).want(200).field("next")
		for name, path := range map[string]string{"first": "/v1/accounts?limit=50&" + query, "behind": "/v1/accounts?limit=200&" + query + fmt.Sprintf("&cursor=%v", deep)} {
			if name == "behind" && deep == nil {
				continue
			}
			b.Run(query+"/"+name, func(b *testing.B) {
				for b.Loop() {
					w.do(get(path)).want(200)
				}
			})
		}
	}
}
