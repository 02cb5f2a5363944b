package directory

import (
	"testing"
	"unsafe"
)

// A number that comes before its trunk shares the trunk's id all the same in the
// end: a copy for each of a million numbers would take 32 MB.
func TestLoaderSharesTrunkIDs(t *testing.T) {
	pattern, err := ParsePattern("2001")
	if err != nil {
		t.Fatal(err)
	}
	number := &InternalNumber{ID: "num_1", Account: "acc_1", Number: pattern, Trunk: "trk_1", Version: 1}
	trunk := &Trunk{ID: TrunkID([]byte("trk_1")), Account: "acc_1", Version: 1}
	account := &Account{ID: "acc_1", Name: "a", Realm: "a.test", Version: 1}
	for name, objects := range map[string][]Object{
		"number first": {number, trunk, account},
		"number last":  {account, trunk, number},
	} {
		l := NewLoader(Room{})
		for _, o := range objects {
			l.Put(o)
		}
		if n := l.Size(); n != 3 {
			t.Fatalf("%s: %d objects", name, n)
		}
		got := (*l.numbers.slot("num_1")).trunk
		if got != "trk_1" || unsafe.StringData(string(got)) != unsafe.StringData(string(trunk.ID)) {
			t.Errorf("%s: trunk %q has memory of its own", name, got)
		}
	}
}

// Numbers put together find their own trunk and account each, whatever stands
// beside them, as if they were put one by one.
func TestLoaderPutsNumbersTogether(t *testing.T) {
	pattern, err := ParsePattern("2001")
	if err != nil {
		t.Fatal(err)
	}
	l := NewLoader(Room{})
	l.Put(&Account{ID: "acc_1", Name: "a", Realm: "a.test", Version: 1})
	l.Put(&Trunk{ID: "trk_1", Account: "acc_1", Version: 1})
	l.Put(&Trunk{ID: "trk_2", Account: "acc_1", Version: 1})
	numbers := []InternalNumber{
		{ID: "num_1", Account: "acc_1", Number: pattern, Trunk: "trk_2", Version: 1},
		{ID: "num_2", Account: "acc_2", Number: pattern, Trunk: "trk_3", Version: 1},
		{ID: "num_3", Account: "acc_2", Number: pattern, Trunk: "trk_1", Version: 1},
		{ID: "num_4", Account: "acc_1", Number: pattern, Trunk: "trk_1", Version: 1},
	}
	l.PutNumbers(numbers)
	l.Put(&Trunk{ID: "trk_3", Account: "acc_2", Version: 1})
	l.finish()
	for _, n := range numbers {
		if got := l.numbers.get(n.ID); got == nil || *got.full() != (InternalNumber{
			ID: n.ID, Account: n.Account, Number: pattern, Trunk: n.Trunk, Version: 1,
		}) {
			t.Errorf("%s: %+v", n.ID, got)
		}
	}
	for id, want := range map[AccountID]int{"acc_1": 2, "acc_2": 2} {
		if got := l.accounts[id].numbers.len(); got != want {
			t.Errorf("%s has %d numbers, not %d", id, got, want)
		}
	}
}
