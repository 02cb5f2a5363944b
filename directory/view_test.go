package directory

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// However a view came by the objects – entry by entry, some of them twice, from
// a snapshot that was ahead – it answers as one that has just been loaded.
func TestViewAgreesWithLoad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{objects: map[Ref]Object{}}
		followed, joined := NewView(), NewView()
		join := rapid.IntRange(0, 30).Draw(t, "join")
		for i := range rapid.IntRange(1, 40).Draw(t, "steps") {
			w.step(t)
			if i == join {
				// The snapshot was read later than the number it goes by.
				joined.Load(uint64(rapid.IntRange(max(0, len(w.entries)-3), len(w.entries)).Draw(t, "behind")), time.Time{}, w.list())
			}
		}
		follow := func(v *View) {
			for i, deltas := range w.entries {
				seq := uint64(i + 1)
				if have, _ := v.Seq(); seq <= have && rapid.Bool().Draw(t, "leave out") {
					continue
				}
				v.Apply(seq, time.Time{}, deltas)
				if i > 0 && rapid.Bool().Draw(t, "repeat") {
					back := rapid.IntRange(0, i).Draw(t, "back")
					v.Apply(uint64(back+1), time.Time{}, w.entries[back])
				}
			}
		}
		follow(followed)
		follow(joined)
		fresh := NewView()
		fresh.Load(uint64(len(w.entries)), time.Time{}, w.list())
		want := dump(fresh, w)
		if got := dump(followed, w); got != want {
			t.Fatalf("followed:\n%s\nloaded:\n%s", got, want)
		}
		if got := dump(joined, w); got != want {
			t.Fatalf("joined at %d:\n%s\nloaded:\n%s", join, got, want)
		}
		if len(fresh.accounts) != len(followed.accounts) {
			t.Fatalf("%d plans for %d accounts", len(followed.accounts), len(fresh.accounts))
		}
		w.check(t, fresh)
		for _, v := range []*View{fresh, followed, joined} {
			w.checkRows(t, v)
		}
	})
}

// check holds the view against the objects themselves.
func (w *world) check(t *rapid.T, v *View) {
	for _, a := range w.all(KindAccount) {
		id := AccountID(a.Ref().ID)
		for _, dialled := range []string{"1", "11", "12", "15", "20", "*1"} {
			var want *InternalNumber
			for _, o := range w.all(KindNumber) {
				n := o.(*InternalNumber)
				if n.Account == id && n.Enabled && n.Number.Match(dialled) && (want == nil || n.Number.Size() < want.Number.Size()) {
					want = n
				}
			}
			if got, ok := v.Number(id, dialled); ok != (want != nil) || ok && got.Number.Size() != want.Number.Size() {
				t.Fatalf("%s of %s: %+v, want %+v", dialled, id, got, want)
			}
		}
		var links []AccountID
		for _, o := range w.all(KindInterlink) {
			l := o.(*Interlink)
			if own, peer := l.Sides(id); own != nil && l.Status() == InterlinkActive {
				links = append(links, peer.Account)
			}
		}
		v.Links(id, func(l Link) bool {
			if len(links) == 0 || links[0] != l.Peer {
				t.Fatalf("link of %s to %s, want %v", id, l.Peer, links)
			}
			links = links[1:]
			return true
		})
		if len(links) > 0 {
			t.Fatalf("links of %s to %v missing", id, links)
		}
	}
	for k, ref := range map[Kind]int{KindAccount: v.Size(KindAccount), KindTrunk: v.Size(KindTrunk), KindNumber: v.Size(KindNumber), KindInterlink: v.Size(KindInterlink), KindLimits: v.Size(KindLimits)} {
		if len(w.all(k)) != ref {
			t.Fatalf("%d of %s, want %d", ref, k, len(w.all(k)))
		}
	}
}

// Readers meanwhile see each entry whole: the number is in exactly one account.
func TestViewReadersBesideAWriter(t *testing.T) {
	v := NewView()
	p, _ := ParsePattern("2001")
	number := func(id NumberID, version uint64) *InternalNumber {
		return &InternalNumber{ID: id, Account: "acc", Number: p, Trunk: "trk", Enabled: true, Version: version}
	}
	v.Load(1, time.Time{}, []Object{&Account{ID: "acc", Version: 1}, number("a", 1)})
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for !done.Load() {
				if n, ok := v.Number("acc", "2001"); !ok || n.Number.String() != "2001" {
					t.Error("a moment without the number")
					return
				}
				if got := v.Numbers("acc", "", 10); len(got) != 1 {
					t.Errorf("%d numbers", len(got))
					return
				}
				v.Links("acc", func(l Link) bool { return l.Peer != "" })
			}
		})
	}
	ids := []NumberID{"a", "b"}
	link := &Interlink{ID: "lnk", A: Side{Account: "acc"}, B: &Side{Account: "peer"}}
	for i := range 2000 {
		next := *link
		next.Version = uint64(i + 1)
		was, is := ids[i%2], ids[(i+1)%2]
		deltas := []Delta{{Ref{KindNumber, string(was)}, nil}, {Ref{KindNumber, string(is)}, number(is, 1)}, {next.Ref(), &next}}
		if i%3 == 0 {
			slices.Reverse(deltas)
			deltas[0].After = nil
		}
		v.Apply(uint64(i+2), time.Time{}, deltas)
	}
	done.Store(true)
	readers.Wait()
}

func TestViewLookupsAllocateNothing(t *testing.T) {
	v := NewView()
	v.Load(1, time.Time{}, benchObjects(20))
	id, trunk := accountName(3), trunkName(3)
	source := netip.MustParseAddrPort("10.0.0.3:1024")
	each := func(l Link) bool { return l.Peer != "" }
	if n := testing.AllocsPerRun(100, func() {
		_, isSingle := v.Number(id, "2005")
		_, inBlock := v.Number(id, "3042")
		_, inNone := v.Number(id, "4000")
		if !isSingle || !inBlock || inNone ||
			v.TrunkBySource(source) == nil || v.Account(id) == nil || v.Trunk(trunk) == nil || v.LimitsOf(id) != nil {
			t.Fatal("not found")
		}
		v.Links(id, each)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestViewWaitFor(t *testing.T) {
	v := NewView()
	if err := v.WaitFor(t.Context(), 0); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := v.WaitFor(ctx, 1); err != context.Canceled {
		t.Errorf("error %v", err)
	}
	waited := make(chan error)
	go func() { waited <- v.WaitFor(t.Context(), 3) }()
	at := time.Unix(7, 0)
	for seq := uint64(1); seq <= 3; seq++ {
		v.Apply(seq, at, nil)
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if seq, when := v.Seq(); seq != 3 || !when.Equal(at) {
		t.Errorf("at %d, %v", seq, when)
	}
	// A store that lost its data counts anew.
	v.Load(1, at, nil)
	if seq, _ := v.Seq(); seq != 1 {
		t.Errorf("at %d after a load", seq)
	}
}

func TestViewPages(t *testing.T) {
	v := NewView()
	v.Load(1, time.Time{}, benchObjects(5))
	var got []AccountID
	v.Accounts(accountName(1), func(a *Account) bool { got = append(got, a.ID); return len(got) < 2 })
	if !slices.Equal(got, []AccountID{accountName(2), accountName(3)}) {
		t.Errorf("accounts %v", got)
	}
	page := v.Numbers(accountName(2), numberName(2, 6), 2)
	if len(page) != 2 || page[0].ID != numberName(2, 7) || page[1].ID != numberName(2, 8) {
		t.Errorf("numbers %v", page)
	}
	if last := v.Numbers(accountName(2), numberName(2, 9), 2); len(last) != 0 {
		t.Errorf("numbers after the last: %v", last)
	}
}
