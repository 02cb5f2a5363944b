package directory

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"pgregory.net/rapid"
)

// world is the plainest directory there is: objects by ref. It makes changes a
// store would accept, and answers lookups by looking at everything.
type world struct {
	objects map[Ref]Object
	serial  int
	entries [][]Delta
}

func (w *world) all(k Kind) []Object {
	var list []Object
	for ref, o := range w.objects {
		if ref.Kind == k {
			list = append(list, o)
		}
	}
	slices.SortFunc(list, func(a, b Object) int { return cmp.Compare(a.Ref().ID, b.Ref().ID) })
	return list
}

// entry carries out some changes and notes them down as one entry in any order.
func (w *world) entry(t *rapid.T, changes ...Change) {
	deltas := make([]Delta, 0, len(changes))
	for _, c := range changes {
		after := c.Written()
		if after == nil {
			delete(w.objects, c.Ref())
		} else {
			w.objects[c.Ref()] = after
		}
		deltas = append(deltas, Delta{c.Ref(), after})
	}
	w.entries = append(w.entries, rapid.Permutation(deltas).Draw(t, "order"))
}

func (w *world) id(prefix string) string {
	w.serial++
	// Not in the order of their making, as ids of two nodes may not be.
	return fmt.Sprintf("%s_%03d", prefix, w.serial*37%1000)
}

// step makes one random change that keeps what is required in place.
func (w *world) step(t *rapid.T) {
	accounts := w.all(KindAccount)
	if len(accounts) == 0 {
		w.addAccount(t, "")
		return
	}
	a := rapid.SampledFrom(accounts).Draw(t, "account").(*Account)
	switch rapid.IntRange(0, 15).Draw(t, "step") {
	case 0:
		w.addAccount(t, rapid.SampledFrom([]AccountID{"", a.ID}).Draw(t, "parent"))
	case 1, 2, 3:
		w.addNumber(t, a)
	case 4:
		w.editNumber(t)
	case 5:
		w.replaceNumber(t)
	case 6:
		w.link(t, a, rapid.SampledFrom(accounts).Draw(t, "peer").(*Account))
	case 7:
		w.setLimits(t, a)
	case 8:
		w.moveSource(t)
	case 9:
		w.deleteAccount(t, a)
	case 10, 11:
		w.federate(t, a)
	case 12:
		w.edit(t, a)
	case 13, 14:
		w.logIn(t, a)
	case 15:
		w.connect(t, a)
	}
}

func (w *world) addAccount(t *rapid.T, parent AccountID) {
	id := w.id("acc")
	trunk := w.id("trk")
	source := netip.AddrFrom4([4]byte{10, 0, byte(w.serial >> 8), byte(w.serial)})
	w.entry(t,
		Create(&Account{ID: AccountID(id), Name: names.Draw(t, "name"), CreatedAt: moment(t, "created"), Realm: "R" + id + ".Test", Parent: parent, Enabled: true}),
		Create(&Trunk{ID: TrunkID(trunk), Account: AccountID(id), Name: trunk, Sources: []Source{{Prefix: netip.PrefixFrom(source, 32)}}}))
}

var patterns = []string{"1", "2", "11", "1x", "xx", "10-19", "11-12", "*1"}

// free are the patterns the account has no number of, as a claim would see to.
func (w *world) free(a AccountID) []string {
	return slices.DeleteFunc(slices.Clone(patterns), func(p string) bool {
		return slices.ContainsFunc(w.all(KindNumber), func(o Object) bool {
			n := o.(*InternalNumber)
			return n.Account == a && n.Number.String() == p
		})
	})
}

func (w *world) addNumber(t *rapid.T, a *Account) {
	free := w.free(a.ID)
	i := slices.IndexFunc(w.all(KindTrunk), func(o Object) bool { return o.(*Trunk).Account == a.ID })
	if len(free) == 0 || i < 0 {
		return
	}
	p, _ := ParsePattern(rapid.SampledFrom(free).Draw(t, "number"))
	w.entry(t, Create(&InternalNumber{ID: NumberID(w.id("num")), Account: a.ID, Number: p,
		Trunk: w.all(KindTrunk)[i].(*Trunk).ID, Enabled: rapid.Bool().Draw(t, "enabled")}))
}

func (w *world) editNumber(t *rapid.T) {
	numbers := w.all(KindNumber)
	if len(numbers) == 0 {
		return
	}
	before := rapid.SampledFrom(numbers).Draw(t, "edited").(*InternalNumber)
	after := *before
	after.Enabled, after.Private = rapid.Bool().Draw(t, "enabled"), rapid.Bool().Draw(t, "private")
	if free := w.free(before.Account); len(free) > 0 && rapid.Bool().Draw(t, "renumber") {
		after.Number, _ = ParsePattern(rapid.SampledFrom(free).Draw(t, "number"))
	}
	w.entry(t, Replace(before, &after))
}

// replaceNumber deletes a number and makes another of the same digits in one
// entry.
func (w *world) replaceNumber(t *rapid.T) {
	numbers := w.all(KindNumber)
	if len(numbers) == 0 {
		return
	}
	before := rapid.SampledFrom(numbers).Draw(t, "replaced").(*InternalNumber)
	changes := []Change{Delete(before)}
	if rapid.Bool().Draw(t, "by another") {
		after := *before
		after.ID = NumberID(w.id("num"))
		changes = append(changes, Create(&after))
	}
	w.entry(t, changes...)
}

func (w *world) link(t *rapid.T, a, b *Account) {
	for _, o := range w.all(KindInterlink) {
		l := o.(*Interlink)
		if own, _ := l.Sides(a.ID); own == nil {
			continue
		}
		after := *l
		switch {
		case l.B == nil && l.A.Account != b.ID:
			after.B, after.Secret = &Side{Account: b.ID, Name: "b"}, InterlinkSecret{}
		case l.B != nil && rapid.Bool().Draw(t, "edit"):
			after.A.Suspended = !l.A.Suspended
		default:
			w.entry(t, Delete(l))
			return
		}
		w.entry(t, Replace(l, &after))
		return
	}
	id := w.id("lnk")
	w.entry(t, Create(&Interlink{ID: InterlinkID(id), A: Side{Account: a.ID, Name: "a"}, Secret: InterlinkSecret{KeyHash: "hash of " + id}}))
}

func (w *world) setLimits(t *rapid.T, a *Account) {
	before, ok := w.objects[Ref{KindLimits, string(a.ID)}]
	l := NoLimits(a.ID)
	l.Inbound = rapid.Int64Range(-1, 5).Draw(t, "inbound")
	switch {
	case !ok:
		w.entry(t, Create(l))
	case rapid.Bool().Draw(t, "delete"):
		w.entry(t, Delete(before))
	default:
		w.entry(t, Replace(before, l))
	}
}

// moveSource gives one trunk's source to another, both in one entry.
func (w *world) moveSource(t *rapid.T) {
	trunks := w.all(KindTrunk)
	if len(trunks) < 2 {
		return
	}
	from, to := rapid.SampledFrom(trunks).Draw(t, "from").(*Trunk), rapid.SampledFrom(trunks).Draw(t, "to").(*Trunk)
	if from == to || len(from.Sources) == 0 {
		return
	}
	less, more := *from, *to
	less.Sources, more.Sources = nil, append(slices.Clone(to.Sources), from.Sources...)
	w.entry(t, Replace(from, &less), Replace(to, &more))
}

// deleteAccount deletes an account with all that hangs on it, unless it has
// sub-accounts.
func (w *world) deleteAccount(t *rapid.T, a *Account) {
	changes := []Change{Delete(a)}
	for _, k := range Kinds() {
		for _, o := range w.all(k) {
			if !slices.Contains(o.Requires(), a.Ref()) {
				continue
			}
			if k == KindAccount {
				return
			}
			changes = append(changes, Delete(o))
		}
	}
	w.entry(t, changes...)
}

// dump is everything a view answers.
func dump(v *View, w *world) string {
	s := ""
	p := func(args ...any) { s += fmt.Sprintln(args...) }
	for _, k := range Kinds() {
		p(k, v.Size(k))
	}
	v.Accounts("", func(a *Account) bool { p("account", *a); return true })
	v.Federations("", func(f *Federation) bool { p("federation", *f); return true })
	limited := 0
	v.Limited(func(*Limits) bool { limited++; return true })
	p("limited", limited)
	for i := range w.serial + 1 {
		id := fmt.Sprintf("%03d", i*37%1000)
		a := AccountID("acc_" + id)
		p(id, v.Account(a) != nil, v.Children(a), v.Limits(a), v.LimitsOf(a) != nil,
			v.AccountByRealm("r"+string(a)+".TEST") != nil, v.Trunk(TrunkID("trk_"+id)), v.InterlinkByKey("hash of lnk_"+id) != nil)
		for _, t := range v.Trunks(a) {
			p("trunk", *t)
		}
		for _, n := range v.Numbers(a, "", 100) {
			p("number", *n, *v.InternalNumber(n.ID) == *n)
		}
		for _, l := range v.Interlinks(a) {
			p("interlink", l.ID, l.Version, v.Interlink(l.ID) == l)
		}
		v.Links(a, func(l Link) bool { p("link", l); return true })
		if f := v.Fellows(a, "", nil); f != nil {
			p("member of", f.ID)
		}
		for _, dialled := range []string{"1", "2", "11", "12", "15", "20", "*1", "3"} {
			if n, ok := v.Number(a, dialled); ok {
				p("dials", dialled, n.ID)
			}
			v.Fellows(a, dialled, func(f Fellow) bool { p("fellow", dialled, *f.Account, f.Match); return true })
		}
		if t := v.TrunkBySource(netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 5060)); t != nil {
			p("source", i, t.ID)
		}
	}
	return s
}

func (w *world) list() []Object {
	var list []Object
	for _, o := range w.objects {
		list = append(list, o) // in no order
	}
	return list
}
