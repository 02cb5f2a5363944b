package directory

import (
	"slices"
	"strings"
)

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
	// lists holds each owner's objects of a kind, sorted by id.
	lists map[shelfMark][]Owned
	// claims finds who holds a claim.
	claims map[string]Ref
	// dependents lists what requires an object, each list sorted by reference.
	dependents map[Ref][]Owned
	// deadlines lists the objects that end by themselves, soonest first.
	deadlines sortedList[deadline]
}

type shelfMark struct {
	kind  Kind
	owner AccountID
}

func newShelf() shelf {
	return shelf{objects: map[Ref]Owned{}, lists: map[shelfMark][]Owned{}, claims: map[string]Ref{}, dependents: map[Ref][]Owned{}}
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

// Lists are handed out beyond the view's lock: they are never changed in place.
func (s *shelf) add(o Owned) {
	ref := o.Ref()
	s.objects[ref] = o
	mark := shelfMark{ref.Kind, o.Owner()}
	s.lists[mark] = insert(s.lists[mark], o)
	for _, c := range o.Claims() {
		s.claims[c] = ref
	}
	for _, r := range o.Requires() {
		s.dependents[r] = insert(s.dependents[r], o)
	}
	if d, ends := deadlineOf(o); ends {
		s.deadlines.add(d, byDeadline)
	}
}

func (s *shelf) remove(o Owned) {
	ref := o.Ref()
	delete(s.objects, ref)
	mark := shelfMark{ref.Kind, o.Owner()}
	keep(s.lists, mark, drop(s.lists[mark], o))
	for _, c := range o.Claims() {
		if s.claims[c] == ref {
			delete(s.claims, c)
		}
	}
	for _, r := range o.Requires() {
		keep(s.dependents, r, drop(s.dependents[r], o))
	}
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

// insert and drop return a copy of a sorted list with o, or without it.
func insert(list []Owned, o Owned) []Owned {
	i, _ := slices.BinarySearchFunc(list, o, byRef)
	grown := make([]Owned, 0, len(list)+1)
	return append(append(append(grown, list[:i]...), o), list[i:]...)
}

func drop(list []Owned, o Owned) []Owned {
	i, ok := slices.BinarySearchFunc(list, o, byRef)
	if !ok {
		return list
	}
	return append(append(make([]Owned, 0, len(list)), list[:i]...), list[i+1:]...)
}

// keep puts a list into a map, or takes an empty one out.
func keep[K comparable, T any](m map[K][]T, key K, list []T) {
	if len(list) == 0 {
		delete(m, key)
		return
	}
	m[key] = list
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

// OwnedBy returns an account's objects of a kind in the order of their ids. The
// list must not be changed.
func (v *View) OwnedBy(kind Kind, owner AccountID) []Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.shelf.lists[shelfMark{kind, owner}]
}

// Dependents returns the owned objects that require another object. The list
// must not be changed.
func (v *View) Dependents(r Ref) []Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.shelf.dependents[r]
}

// Find returns an owned object as what it is, or nil.
func Find[T Owned](v *View, kind Kind, id string) T {
	o, _ := v.Object(Ref{kind, id}).(T)
	return o
}

// List returns an account's objects of a kind as what they are.
func List[T Owned](v *View, kind Kind, owner AccountID) []T {
	objects := v.OwnedBy(kind, owner)
	list := make([]T, 0, len(objects))
	for _, o := range objects {
		if t, ok := o.(T); ok {
			list = append(list, t)
		}
	}
	return list
}
