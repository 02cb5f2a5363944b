package directory

import (
	"net/netip"
	"slices"
	"strings"
)

// Check reports what would refuse the changes, as far as this view knows: an
// object that changed since Before was read (KindStale), a claim that another
// object holds (KindConflict), something required that is not there
// (KindConflict). It stands in for the store where nothing is to be written; the
// store alone decides.
func (v *View) Check(changes ...Change) error {
	v.mu.RLock()
	defer v.mu.RUnlock()
	within := written{}
	for _, c := range changes {
		if !c.unchanged {
			within[c.Ref()] = c.After
		}
	}
	for _, c := range changes {
		if v.version(c.Ref()) != c.Expect() {
			return &Error{Kind: KindStale, Code: "stale", Detail: "The object has changed since it was read."}
		}
		if c.After == nil || c.unchanged {
			continue
		}
		for _, r := range c.After.Requires() {
			after, touched := within[r]
			if touched && after == nil || !touched && v.version(r) == 0 {
				return Missing(r)
			}
		}
		if claim := v.taken(c.After, within); claim != "" {
			return Taken(claim)
		}
	}
	return nil
}

// version is the version the view holds of an object; 0 for none.
func (v *View) version(r Ref) uint64 {
	switch r.Kind {
	case KindAccount, KindLimits:
		p := v.accounts[AccountID(r.ID)]
		switch {
		case p == nil:
		case r.Kind == KindAccount && p.account != nil:
			return p.account.Version
		case r.Kind == KindLimits && p.limits != nil:
			return p.limits.Version
		}
	case KindTrunk:
		if t := v.trunks[TrunkID(r.ID)]; t != nil {
			return t.Version
		}
	case KindNumber:
		if n := v.numbers.get(NumberID(r.ID)); n != nil {
			return n.version
		}
	case KindInterlink:
		if l := v.links[InterlinkID(r.ID)]; l != nil {
			return l.Version
		}
	default:
		if o := v.shelf.objects[r]; o != nil {
			return o.ObjectVersion()
		}
	}
	return 0
}

// written is what a list of changes makes of objects; nil for those it deletes.
type written map[Ref]Object

// frees reports whether the list takes a claim from the object that holds it.
func (w written) frees(holder Ref, claim string) bool {
	after, touched := w[holder]
	return touched && (after == nil || !slices.Contains(after.Claims(), claim))
}

// taken returns the first part of the first claim of o that another object
// holds, and keeps in the same list of changes, or "".
func (v *View) taken(o Object, within written) string {
	switch o := o.(type) {
	case *Account:
		for _, c := range o.Claims() {
			if holder, ok := v.realms[c[len("realm:"):]]; ok && holder != o.ID {
				return "realm"
			}
		}
	case *Trunk:
		for _, s := range o.Sources {
			if t := v.sources.holder(s); t != nil && t.ID != o.ID && !within.frees(t.Ref(), "source:"+s.String()) {
				return "source"
			}
		}
	case *InternalNumber:
		if p := v.accounts[o.Account]; p != nil {
			if r := p.spelled(o.Number); r != nil && r.id != o.ID && !within.frees(Ref{KindNumber, string(r.id)}, o.Claims()[0]) {
				return "number"
			}
		}
	case *Interlink:
		return v.linkTaken(o)
	case Owned:
		for _, c := range o.Claims() {
			if holder, ok := v.shelf.claims[c]; ok && holder != o.Ref() && !within.frees(holder, c) {
				what, _, _ := strings.Cut(c, ":")
				return what
			}
		}
	}
	return ""
}

func (v *View) linkTaken(o *Interlink) string {
	if id, ok := v.keys[o.Secret.KeyHash]; ok && o.Secret.KeyHash != "" && id != o.ID {
		return "key"
	}
	p := v.accounts[o.A.Account]
	if o.B == nil || p == nil {
		return ""
	}
	for _, l := range p.links {
		if _, peer := l.Sides(o.A.Account); l.ID != o.ID && peer != nil && peer.Account == o.B.Account {
			return "pair"
		}
	}
	return ""
}

// holder returns the trunk that lists exactly this source.
func (t *sourceTable) holder(s Source) *Trunk {
	if s.Port != 0 {
		return t.exact[netip.AddrPortFrom(s.Prefix.Addr(), s.Port)]
	}
	return t.prefixes[s.Prefix]
}
