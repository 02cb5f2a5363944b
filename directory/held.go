package directory

// Held is how many objects of a kind an account has, below it in the case of
// accounts. It costs the same however many there are.
func (v *View) Held(kind Kind, owner AccountID) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	p := v.accounts[owner]
	switch kind {
	case KindAccount, KindTrunk, KindNumber, KindInterlink:
		if p == nil {
			return 0
		}
	}
	switch kind {
	case KindAccount:
		return p.children.len()
	case KindTrunk:
		return len(p.trunks)
	case KindNumber:
		return p.numbers.len()
	case KindInterlink:
		return len(p.links)
	}
	list := v.shelf.lists[shelfMark{kind, owner}]
	return list.len()
}

// DependentCount is how many owned objects require another object. It costs the
// same however many there are.
func (v *View) DependentCount(r Ref) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := v.shelf.dependents[r]
	return list.len()
}
