package directory

import "strings"

// Owned is an object that no call looks for by a way of its own: a view keeps
// all of these in one table, found by reference, by owner, by claim and by what
// they require.
type Owned interface {
	Object
	// Owner is the account the object belongs to; empty stands for the
	// platform.
	Owner() AccountID
}

// shelf is the table of owned objects.
type shelf struct {
	objects map[Ref]Owned
	// lists holds each owner's objects of a kind, in the order of their ids.
	lists map[shelfMark]sortedList[Owned]
	// claims finds who holds a claim.
	claims map[string]Ref
	// dependents lists what requires an object, in the order of references.
	dependents map[Ref]sortedList[Owned]
	bans       bans
	// deadlines lists the objects that end by themselves, soonest first.
	deadlines sortedList[deadline]
}

type shelfMark struct {
	kind  Kind
	owner AccountID
}

func newShelf() shelf {
	return shelf{
		objects: map[Ref]Owned{}, lists: map[shelfMark]sortedList[Owned]{}, claims: map[string]Ref{},
		dependents: map[Ref]sortedList[Owned]{}, bans: newBans(),
	}
}

// put replaces the object a delta names; a delta that is not newer than what is
// there changes nothing.
func (s *shelf) put(d Delta) {
	before := s.objects[d.Ref]
	after, _ := d.After.(Owned)
	if before != nil && after != nil && after.ObjectVersion() <= before.ObjectVersion() {
		return
	}
	if before != nil {
		s.remove(before)
	}
	if after != nil {
		s.add(after)
	}
}

func (s *shelf) add(o Owned) {
	ref := o.Ref()
	s.objects[ref] = o
	insert(s.lists, shelfMark{ref.Kind, o.Owner()}, o)
	for _, c := range o.Claims() {
		s.claims[c] = ref
	}
	for _, r := range o.Requires() {
		insert(s.dependents, r, o)
	}
	s.bans.add(o)
	if d, ends := deadlineOf(o); ends {
		s.deadlines.add(d, byDeadline)
	}
}

func (s *shelf) remove(o Owned) {
	ref := o.Ref()
	delete(s.objects, ref)
	drop(s.lists, shelfMark{ref.Kind, o.Owner()}, o)
	for _, c := range o.Claims() {
		if s.claims[c] == ref {
			delete(s.claims, c)
		}
	}
	for _, r := range o.Requires() {
		drop(s.dependents, r, o)
	}
	s.bans.remove(o)
	if d, ends := deadlineOf(o); ends {
		s.deadlines.remove(d, byDeadline)
	}
}

func byRef(a, b Owned) int {
	x, y := a.Ref(), b.Ref()
	if x.Kind != y.Kind {
		return strings.Compare(string(x.Kind), string(y.Kind))
	}
	return strings.Compare(x.ID, y.ID)
}

// insert puts an object into one of a map's lists, drop takes it out.
func insert[K comparable](m map[K]sortedList[Owned], key K, o Owned) {
	list := m[key]
	list.add(o, byRef)
	m[key] = list
}

func drop[K comparable](m map[K]sortedList[Owned], key K, o Owned) {
	list := m[key]
	list.remove(o, byRef)
	if list.len() == 0 {
		delete(m, key)
		return
	}
	m[key] = list
}

// all returns what stands in one of a map's lists.
func all[K comparable](m map[K]sortedList[Owned], key K) []Owned {
	list := m[key]
	if list.len() == 0 {
		return nil
	}
	out := make([]Owned, 0, list.len())
	list.all(func(o Owned) bool { out = append(out, o); return true })
	return out
}

// Object returns an owned object, or nil.
func (v *View) Object(r Ref) Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.shelf.objects[r]
}

// ObjectByClaim returns the owned object that holds a claim, or nil.
func (v *View) ObjectByClaim(claim string) Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if r, ok := v.shelf.claims[claim]; ok {
		return v.shelf.objects[r]
	}
	return nil
}

// OwnedBy returns an account's objects of a kind in the order of their ids.
func (v *View) OwnedBy(kind Kind, owner AccountID) []Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return all(v.shelf.lists, shelfMark{kind, owner})
}

// Dependents returns the owned objects that require another object.
func (v *View) Dependents(r Ref) []Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return all(v.shelf.dependents, r)
}

// Find returns an owned object as what it is, or nil.
func Find[T Owned](v *View, kind Kind, id string) T {
	o, _ := v.Object(Ref{kind, id}).(T)
	return o
}

// List returns an account's objects of a kind as what they are.
func List[T Owned](v *View, kind Kind, owner AccountID) []T {
	return ListFrom[T](v, kind, owner, "", maxList)
}

const maxList = 1 << 40

// ListFrom is List for up to limit objects whose ids follow after.
func ListFrom[T Owned](v *View, kind Kind, owner AccountID, after string, limit int) []T {
	v.mu.RLock()
	defer v.mu.RUnlock()
	objects := v.shelf.lists[shelfMark{kind, owner}]
	list := make([]T, 0, max(0, min(limit, objects.len())))
	objects.from(func(o Owned) bool { return o.Ref().ID <= after }, func(o Owned) bool {
		if t, ok := o.(T); ok && len(list) < limit {
			list = append(list, t)
		}
		return len(list) < limit
	})
	return list
}
