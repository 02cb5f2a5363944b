package directory

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func lanes(in, out, two, burst int64) *Limits {
	return &Limits{Account: "acc", Inbound: in, Outbound: out, TwoWay: two, Burst: burst, MaxOutbound: Unlimited}
}

func TestPoolCountsWhatIsGivenOut(t *testing.T) {
	p := (&Pool{Account: "top"}).With(nil, lanes(1, 2, 3, -1)).With(nil, lanes(4, 0, 0, 0))
	if p.Inbound != (Share{5, 0}) || p.TwoWay != (Share{3, 0}) || p.Burst != (Share{0, 1}) {
		t.Fatalf("%+v", p)
	}
	own := lanes(5, 1, -1, 7)
	var over []string
	var free []int64
	for _, l := range p.Lanes(own) {
		free = append(free, l.Free())
		if l.Over() {
			over = append(over, l.Pointer)
		}
	}
	if fmt.Sprint(over, free) != "[/outbound_trunks /burst_trunks] [0 0 -1 0]" {
		t.Fatal(over, free)
	}
	for _, l := range p.Lanes(nil) {
		if l.Over() || l.Free() != Unlimited {
			t.Fatalf("an account without limits: %+v", l)
		}
	}
	p = p.With(lanes(1, 2, 3, -1), lanes(0, 0, -1, 0)).With(lanes(4, 0, 0, 0), nil).With(lanes(0, 0, -1, 0), nil)
	if *p != (Pool{Account: "top"}) {
		t.Fatalf("all given back leaves %+v", p)
	}
}

// A shelf keeps long lists in order, whatever the order they come in.
func TestLongListsOfOwnedObjects(t *testing.T) {
	const count = 5000
	v := NewView()
	objects := []Object{&Account{ID: "acc", Version: 1}, &Credit{Account: "acc", Version: 1}, &Licence{ID: "lic_1", Account: "acc", Version: 1}}
	for _, i := range rand.Perm(count) {
		objects = append(objects, &CreditEntry{ID: CreditEntryID(fmt.Sprintf("crd_%06d", i)), Account: "acc", Amount: int64(i), Version: 1})
	}
	v.Load(1, time.Time{}, objects)
	last := &CreditEntry{ID: "crd_999999", Account: "acc", Version: 1}
	v.Apply(2, time.Time{}, []Delta{{last.Ref(), last}, {Ref{KindCreditEntry, "crd_000007"}, nil}})
	list := List[*CreditEntry](v, KindCreditEntry, "acc")
	if len(list) != count || list[7].ID != "crd_000008" || list[count-1] != last || len(v.OwnedBy(KindCreditEntry, "acc")) != count {
		t.Fatalf("%d entries", len(list))
	}
	page := ListFrom[*CreditEntry](v, KindCreditEntry, "acc", "crd_004997", 5)
	if len(page) != 3 || page[0].ID != "crd_004998" || page[2] != last {
		t.Fatalf("%v", page)
	}
	dependents := v.Dependents(Ref{KindAccount, "acc"})
	if len(dependents) != count+2 || dependents[0].Ref().Kind != KindCredit || dependents[count+1].Ref().Kind != KindLicence {
		t.Fatalf("%d dependents", len(dependents))
	}
	if ListFrom[*CreditEntry](v, KindCreditEntry, "nobody", "", 5) == nil || v.OwnedBy(KindLicence, "nobody") != nil {
		t.Error("lists of nothing")
	}
}

// An entry more costs the same in an account with ten and with 100,000.
func BenchmarkShelfAppend(b *testing.B) {
	for _, there := range []int{10, 100_000} {
		b.Run(fmt.Sprint(there), func(b *testing.B) {
			v := NewView()
			objects := []Object{&Account{ID: "acc", Version: 1}, &Licence{ID: "lic_1", Account: "acc", Version: 1}}
			for i := range there {
				objects = append(objects, &CreditEntry{ID: CreditEntryID(fmt.Sprintf("crd_%09d", i)), Account: "acc", Version: 1})
			}
			v.Load(1, time.Time{}, objects)
			seq := uint64(1)
			for b.Loop() {
				seq++
				e := &CreditEntry{ID: CreditEntryID(fmt.Sprintf("crd_%09d", there+int(seq))), Account: "acc", Version: 1}
				v.Apply(seq, time.Time{}, []Delta{{e.Ref(), e}})
			}
		})
	}
}
