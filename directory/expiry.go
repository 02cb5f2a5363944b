package directory

import (
	"strings"
	"time"
)

// Expiring is an owned object that ends by itself: from then on it is of no use,
// and whoever finds it may delete it.
type Expiring interface {
	Owned
	// Expires is when it ends; zero: never.
	Expires() time.Time
}

// deadline is an object on the list of those that end, soonest first.
type deadline struct {
	at  int64 // ns since 1970
	ref Ref
}

func byDeadline(a, b deadline) int {
	switch {
	case a.at < b.at:
		return -1
	case a.at > b.at:
		return 1
	case a.ref.Kind != b.ref.Kind:
		return strings.Compare(string(a.ref.Kind), string(b.ref.Kind))
	}
	return strings.Compare(a.ref.ID, b.ref.ID)
}

// deadlineOf returns the object's place on the list; false: it never ends.
func deadlineOf(o Owned) (deadline, bool) {
	e, ok := o.(Expiring)
	if !ok || e.Expires().IsZero() {
		return deadline{}, false
	}
	return deadline{e.Expires().UnixNano(), o.Ref()}, true
}

// Expired returns up to limit objects that have ended at a time, those that ended
// first before the others.
func (v *View) Expired(at time.Time, limit int) []Owned {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var list []Owned
	v.shelf.deadlines.all(func(d deadline) bool {
		if d.at > at.UnixNano() || len(list) >= limit {
			return false
		}
		list = append(list, v.shelf.objects[d.ref])
		return true
	})
	return list
}
