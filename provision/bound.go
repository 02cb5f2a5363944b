package provision

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// Bound is how many of something one account can have, so that nobody fills the
// store by requests of its own. What the platform itself owns has none.
type Bound struct {
	// Name is what the configuration and problems call it.
	Name string
	// Most is how many there can be where nothing else is configured. Writes at
	// one moment may each find the last place free.
	Most int
	// Text says what is counted.
	Text string

	kind directory.Kind
	// of returns the account or the federation whose bound an object counts for;
	// "" for one that counts for none.
	of func(directory.Object) string
}

// rememberedKind stands for answers that are remembered, which are no objects:
// the store counts them.
const rememberedKind directory.Kind = ""

// Bounds is the one table of them. There is none for interlinks that are active:
// an account can have any number, each with another account (IL7).
func Bounds() []Bound {
	return []Bound{
		{"accounts", 100_000, "accounts directly below it", directory.KindAccount,
			func(o directory.Object) string { return string(o.(*directory.Account).Parent) }},
		{"trunks", 1000, "trunks", directory.KindTrunk,
			func(o directory.Object) string { return string(o.(*directory.Trunk).Account) }},
		{"numbers", 100_000, "internal numbers", directory.KindNumber,
			func(o directory.Object) string { return string(o.(*directory.InternalNumber).Account) }},
		{"pending_interlinks", 10_000, "interlinks whose key nobody has redeemed", directory.KindInterlink, pendingOf},
		{"users", 10_000, "users", directory.KindUser, ownerOf},
		{"tokens", 10_000, "API tokens and tokens of those who act as it; not sessions", directory.KindToken, keyOwner},
		{"webhooks", 20, "webhooks", directory.KindWebhook, ownerOf},
		{"federations", 1000, "federations it owns", directory.KindFederation, ownerOf},
		{"pending_join_requests", 10_000, "join requests that a federation of its own has not answered", directory.KindMembership, requestedOf},
		{"credit_entries", 100_000, "additions to its credit", directory.KindCreditEntry, ownerOf},
		{"licences", 10_000, "licences, past ones included", directory.KindLicence, ownerOf},
		{"idempotency_keys", 100_000, "answers remembered for an Idempotency-Key, each for 24 hours", rememberedKind, nil},
	}
}

func ownerOf(o directory.Object) string { return string(o.(directory.Owned).Owner()) }

func pendingOf(o directory.Object) string {
	if l := o.(*directory.Interlink); l.B == nil {
		return string(l.A.Account)
	}
	return ""
}

// keyOwner leaves sessions out: those have a bound per user.
func keyOwner(o directory.Object) string {
	if t := o.(*directory.Token); t.Use != directory.TokenSession {
		return string(t.Account)
	}
	return ""
}

func requestedOf(o directory.Object) string {
	if m := o.(*directory.Membership); m.Pending() {
		return string(m.Federation)
	}
	return ""
}

// bounds are the bounds of one Server, by kind.
type bounds map[directory.Kind]Bound

// newBounds has most take the place of what the table says, by name.
func newBounds(most map[string]int) (bounds, error) {
	all, known := bounds{}, map[string]bool{}
	for _, b := range Bounds() {
		known[b.Name] = true
		if n, ok := most[b.Name]; ok {
			b.Most = n
		}
		if b.Most < 1 {
			return nil, fmt.Errorf("provision: the bound of %s is at least 1", b.Name)
		}
		all[b.kind] = b
	}
	for name := range most {
		if !known[name] {
			return nil, fmt.Errorf("provision: there is no bound %q", name)
		}
	}
	return all, nil
}

// check refuses changes after which an account would have more of something than
// before, and more than it can have.
func (b bounds) check(v *directory.View, changes []directory.Change) error {
	type place struct {
		kind  directory.Kind
		owner string
	}
	grown := map[place]int{}
	count := func(o directory.Object, by int) {
		if o == nil {
			return
		}
		if bound, ok := b[o.Ref().Kind]; ok {
			if owner := bound.of(o); owner != "" {
				grown[place{bound.kind, owner}] += by
			}
		}
	}
	for _, c := range changes {
		if !c.Demand() {
			count(c.Before, -1)
			count(c.After, 1)
		}
	}
	for _, at := range slices.SortedFunc(maps.Keys(grown), func(x, y place) int { return strings.Compare(string(x.kind), string(y.kind)) }) {
		bound, by := b[at.kind], grown[at]
		if by > 0 && bound.count(v, at.owner)+by > bound.Most {
			return bound.reached()
		}
	}
	return nil
}

// count is how many there are; those that do not count are only told apart where
// that matters.
func (b Bound) count(v *directory.View, owner string) int {
	id := directory.AccountID(owner)
	switch b.kind {
	case directory.KindMembership:
		federation := directory.Ref{Kind: directory.KindFederation, ID: owner}
		if n := v.DependentCount(federation); n < b.Most {
			return n
		}
		return countOf(b, v.Dependents(federation), owner)
	case directory.KindToken:
		if n := v.Held(b.kind, id); n < b.Most {
			return n
		}
		return countOf(b, v.OwnedBy(b.kind, id), owner)
	case directory.KindInterlink:
		if n := v.Held(b.kind, id); n < b.Most {
			return n
		}
		return countOf(b, v.Interlinks(id), owner)
	}
	return v.Held(b.kind, id)
}

func countOf[T directory.Object](b Bound, list []T, owner string) int {
	n := 0
	for _, o := range list {
		if o.Ref().Kind == b.kind && b.of(o) == owner {
			n++
		}
	}
	return n
}

// ReachedBound names a bound that stands in the way of a write.
type ReachedBound struct {
	Name string `json:"name" doc:"What there can be no more of." example:"webhooks"`
	Most int    `json:"most" doc:"How many there can be." example:"20"`
}

func (b Bound) reached() *Problem {
	p := newProblem(http.StatusConflict, "bound_reached", fmt.Sprintf("An account has at most %d of these: %s.", b.Most, b.Text))
	p.Bound = &ReachedBound{b.Name, b.Most}
	return p
}
