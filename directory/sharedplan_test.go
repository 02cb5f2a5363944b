package directory

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// federate makes or deletes a federation, or moves an account's membership on:
// a request, its acceptance, the end, or a change into another federation.
func (w *world) federate(t *rapid.T, a *Account) {
	federations := w.all(KindFederation)
	step := rapid.IntRange(0, 6).Draw(t, "federation")
	if len(federations) == 0 || step == 0 && len(federations) < 3 {
		id := w.id("fed")
		w.entry(t, Create(&Federation{ID: FederationID(id), Name: id, CodeHash: "hash of " + id}))
		return
	}
	f := rapid.SampledFrom(federations).Draw(t, "which").(*Federation)
	if step == 1 {
		w.dissolve(t, f)
		return
	}
	fresh := func() *Membership {
		m := &Membership{ID: MembershipID(w.id("mem")), Federation: f.ID, Account: a.ID}
		if rapid.Bool().Draw(t, "joined") {
			m.JoinedAt = time.Unix(7, 0).UTC()
		}
		return m
	}
	for _, o := range w.all(KindMembership) {
		m := o.(*Membership)
		if m.Account != a.ID {
			continue
		}
		switch after := *m; step {
		case 2:
			w.entry(t, Delete(m))
		case 3:
			w.entry(t, Delete(m), Create(fresh()))
		default:
			after.JoinedAt = time.Unix(9, 0).UTC()
			w.entry(t, Replace(m, &after))
		}
		return
	}
	w.entry(t, Create(fresh()))
}

func (w *world) dissolve(t *rapid.T, f *Federation) {
	changes := []Change{Delete(f)}
	for _, o := range w.all(KindMembership) {
		if o.(*Membership).Federation == f.ID {
			changes = append(changes, Delete(o))
		}
	}
	w.entry(t, changes...)
}

// fellows lists what the other members have for a dialled number by looking at
// everything.
func (w *world) fellows(of AccountID, dialled string) []string {
	in := map[AccountID]FederationID{}
	for _, o := range w.all(KindMembership) {
		if m := o.(*Membership); !m.Pending() {
			in[m.Account] = m.Federation
		}
	}
	best := map[AccountID]*InternalNumber{}
	for _, o := range w.all(KindNumber) {
		n := o.(*InternalNumber)
		if n.Account == of || in[of] == "" || in[n.Account] != in[of] || !n.Enabled || !n.Number.Match(dialled) {
			continue
		}
		if b := best[n.Account]; b == nil || n.Number.Size() < b.Number.Size() || n.Number.Size() == b.Number.Size() && n.ID < b.ID {
			best[n.Account] = n
		}
	}
	list := []string{}
	for a, n := range best {
		list = append(list, fmt.Sprint(n.Private, " ", a, " ", n.ID))
	}
	slices.Sort(list)
	return list
}

// A federation's shared plan says what looking at every number of every member
// would, whatever happened to accounts, numbers and memberships, in whatever
// order (FE4, FE7); and those who do not hide their number come first.
func TestSharedPlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{objects: map[Ref]Object{}}
		v := NewView()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			w.step(t)
		}
		for i, deltas := range w.entries {
			v.Apply(uint64(i+1), time.Time{}, deltas)
		}
		loaded := NewView()
		loaded.Load(uint64(len(w.entries)), time.Time{}, w.list())
		for _, view := range []*View{v, loaded} {
			for _, o := range w.all(KindAccount) {
				for _, dialled := range []string{"1", "2", "11", "12", "15", "*1", "1x", ""} {
					id := AccountID(o.Ref().ID)
					got := []string{}
					view.Fellows(id, dialled, func(f Fellow) bool {
						got = append(got, fmt.Sprint(f.Match.Private, " ", f.Account.ID, " ", f.Match.ID))
						return true
					})
					if !slices.IsSortedFunc(got, func(a, b string) int { return int(a[0]) - int(b[0]) }) {
						t.Fatalf("private ones before others: %v", got)
					}
					slices.Sort(got)
					if want := w.fellows(id, dialled); !slices.Equal(got, want) {
						t.Fatalf("%s dials %s: %v, want %v", id, dialled, got, want)
					}
				}
			}
		}
	})
}

func TestStem(t *testing.T) {
	for pattern, want := range map[string]string{
		"2001": "2001", "20xx": "20xx", "2000-2099": "20xx", "2xx5": "2xxx", "2050-2149": "2xxx", "1000-9999": "xxxx",
		"x": "x", "*1": "*1", "12345678": "12345678", "1234567x": "1234567x", "xxxxxxx1": "xxxxxxxx", "20000000-20000001": "2000000x",
	} {
		p, err := ParsePattern(pattern)
		if err != nil {
			t.Fatal(err)
		}
		stem, given := p.stem()
		if stem.String() != want || p.Single() != (given == len(want)) {
			t.Errorf("%s: %s, %d given; want %s", pattern, stem, given, want)
		}
	}
}

// bigFederation has so many members with a number and a block of its own each,
// and one number that all of them have.
func bigFederation(members int) *View {
	f := &Federation{ID: "fed", Name: "f", Version: 1}
	objects := []Object{f}
	for i := range members {
		a := AccountID(fmt.Sprintf("acc_%05d", i))
		trunk := &Trunk{ID: TrunkID("trk_" + string(a)), Account: a, Version: 1}
		objects = append(objects, &Account{ID: a, Name: string(a), Realm: string(a) + ".test", Enabled: true, Version: 1}, trunk,
			&Membership{ID: MembershipID("mem_" + string(a)), Federation: f.ID, Account: a, JoinedAt: time.Unix(1, 0), Version: 1})
		for _, n := range []string{"100", fmt.Sprintf("2%05d", i), fmt.Sprintf("3%05dxx", i), fmt.Sprintf("7%05d0-7%05d9", i, i)} {
			p, err := ParsePattern(n)
			if err != nil {
				panic(err)
			}
			objects = append(objects, &InternalNumber{ID: NumberID(n + "@" + string(a)), Account: a, Number: p, Trunk: trunk.ID, Enabled: true, Private: n == "100", Version: 1})
		}
	}
	v := NewView()
	v.Load(1, time.Time{}, objects)
	return v
}

// fellowCases are what members of a bigFederation dial.
func fellowCases() map[string]string {
	return map[string]string{"number": "200002", "block": "30000305", "range": "7000040", "none": "9999", "private": "100"}
}

func TestFellowsAllocateNothing(t *testing.T) {
	v := bigFederation(50)
	for name, dialled := range fellowCases() {
		found := 0
		first := func(Fellow) bool { found++; return false }
		if n := testing.AllocsPerRun(100, func() { v.Fellows("acc_00000", dialled, first) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
		if (found > 0) != (name != "none") {
			t.Errorf("%s: %d found", name, found)
		}
	}
}

func BenchmarkFellows(b *testing.B) {
	for _, members := range []int{10, 1000, 20_000} {
		v := bigFederation(members)
		for name, dialled := range fellowCases() {
			b.Run(fmt.Sprintf("members=%d/%s", members, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					v.Fellows("acc_00000", dialled, func(Fellow) bool { return false })
				}
			})
		}
	}
}
