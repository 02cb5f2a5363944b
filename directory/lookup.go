package directory

import (
	"net/netip"
	"slices"
	"strings"
)

// Account returns the account, or nil.
func (v *View) Account(id AccountID) *Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		return p.account
	}
	return nil
}

// AccountByRealm returns the account with a realm, in any case, or nil.
func (v *View) AccountByRealm(realm string) *Account {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[v.realms[strings.ToLower(realm)]]; p != nil {
		return p.account
	}
	return nil
}

// Accounts calls yield for every account in the order of their ids, beginning
// after the id given, until yield returns false. It holds the view: yield must
// be quick and must not call the view.
func (v *View) Accounts(after AccountID, yield func(*Account) bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	v.orders[AccountsByID].from(func(p *plan) bool { return p.id <= after }, func(p *plan) bool { return yield(p.account) })
}

// Children returns how many accounts have this one as parent.
func (v *View) Children(id AccountID) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		return p.children.len()
	}
	return 0
}

// Limits returns the account's limits; NoLimits where none were set.
func (v *View) Limits(id AccountID) *Limits {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil && p.limits != nil {
		return p.limits
	}
	return NoLimits(id)
}

// LimitsOf is Limits without the default: nil where none were set, so that the
// call path allocates nothing.
func (v *View) LimitsOf(id AccountID) *Limits {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		return p.limits
	}
	return nil
}

// Trunk returns the trunk, or nil.
func (v *View) Trunk(id TrunkID) *Trunk {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.trunks[id]
}

// TrunkBySource returns the trunk that sends from an address, or nil: an exact
// address and port wins over a prefix, a longer prefix over a shorter one.
func (v *View) TrunkBySource(src netip.AddrPort) *Trunk {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.sources.find(src)
}

// Trunks returns the account's trunks in the order of their ids.
func (v *View) Trunks(id AccountID) []*Trunk {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		return slices.Clone(p.trunks)
	}
	return nil
}

// InternalNumber returns the number object, or nil.
func (v *View) InternalNumber(id NumberID) *InternalNumber {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if r := v.numbers.get(id); r != nil {
		return r.full()
	}
	return nil
}

// Numbers returns up to limit of the account's numbers in the order of their
// ids, beginning after the id given.
func (v *View) Numbers(id AccountID, after NumberID, limit int) []*InternalNumber {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := v.accounts[id]
	if p == nil {
		return nil
	}
	list := make([]*InternalNumber, 0, max(0, min(limit, p.numbers.len())))
	p.numbers.from(func(r *record) bool { return r.id <= after }, func(r *record) bool {
		if len(list) < limit {
			list = append(list, r.full())
		}
		return len(list) < limit
	})
	return list
}

// Number returns the account's most specific enabled number that covers a
// dialled one, if there is one (IN5). It does not look at Private.
func (v *View) Number(id AccountID, dialled string) (Match, bool) {
	key := pack(dialled)
	if key == 0 {
		return Match{}, false
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		if r := p.find(key); r != nil {
			return r.match(), true
		}
	}
	return Match{}, false
}

// Interlink returns the interlink, or nil.
func (v *View) Interlink(id InterlinkID) *Interlink {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.links[id]
}

// InterlinkByKey returns the pending interlink with that key hash, or nil.
func (v *View) InterlinkByKey(hash string) *Interlink {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.links[v.keys[hash]]
}

// Interlinks returns the account's interlinks, pending ones included, in the
// order of their ids.
func (v *View) Interlinks(id AccountID) []*Interlink {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil {
		return slices.Clone(p.links)
	}
	return nil
}

// Link is an active interlink as one of its accounts sees it.
type Link struct {
	ID       InterlinkID
	Peer     AccountID
	Priority int
	Prefix   string
}

// Links calls yield for every active interlink of an account until it returns
// false. It holds no lock while yield runs.
func (v *View) Links(id AccountID, yield func(Link) bool) {
	v.mu.RLock()
	var links []*Interlink
	if p := v.accounts[id]; p != nil {
		links = p.links
	}
	v.mu.RUnlock()
	for _, l := range links {
		if l.Status() != InterlinkActive {
			continue
		}
		own, peer := l.Sides(id)
		if !yield(Link{l.ID, peer.Account, own.Priority, own.Prefix}) {
			return
		}
	}
}

// Size is how many objects of a kind the view holds.
func (v *View) Size(k Kind) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	switch k {
	case KindAccount:
		return v.orders[AccountsByID].len()
	case KindTrunk:
		return len(v.trunks)
	case KindNumber:
		return v.numbers.count()
	case KindInterlink:
		return len(v.links)
	case KindLimits:
		return v.limited
	}
	return 0
}

// Limited calls yield for every account that has limits set, in no order,
// until yield returns false. It holds the view.
func (v *View) Limited(yield func(*Limits) bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for _, p := range v.accounts {
		if p.limits != nil && !yield(p.limits) {
			return
		}
	}
}
