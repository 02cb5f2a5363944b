package directory

import (
	"net/netip"
	"slices"
)

// sourceTable finds the trunk that sends from an address: an exact address and
// port first, then the longest prefix.
type sourceTable struct {
	exact    map[netip.AddrPort]*Trunk
	prefixes map[netip.Prefix]*Trunk
	// lengths holds the prefix lengths in use, longest first, by family.
	lengths4, lengths6 []int
}

func (t *sourceTable) add(s Source, trunk *Trunk) {
	if s.Port != 0 {
		if t.exact == nil {
			t.exact = map[netip.AddrPort]*Trunk{}
		}
		t.exact[netip.AddrPortFrom(s.Prefix.Addr(), s.Port)] = trunk
		return
	}
	if t.prefixes == nil {
		t.prefixes = map[netip.Prefix]*Trunk{}
	}
	t.prefixes[s.Prefix] = trunk
	lengths := &t.lengths4
	if s.Prefix.Addr().Is6() {
		lengths = &t.lengths6
	}
	descending := func(a, b int) int { return b - a }
	if i, ok := slices.BinarySearchFunc(*lengths, s.Prefix.Bits(), descending); !ok {
		*lengths = slices.Insert(*lengths, i, s.Prefix.Bits())
	}
}

// remove leaves a prefix length in use behind: a lookup that finds nothing at
// it costs a few nanoseconds, counting its users would cost more code.
func (t *sourceTable) remove(s Source, id TrunkID) {
	if s.Port != 0 {
		if ap := netip.AddrPortFrom(s.Prefix.Addr(), s.Port); t.exact[ap] != nil && t.exact[ap].ID == id {
			delete(t.exact, ap)
		}
		return
	}
	if t.prefixes[s.Prefix] != nil && t.prefixes[s.Prefix].ID == id {
		delete(t.prefixes, s.Prefix)
	}
}

func (t *sourceTable) find(ap netip.AddrPort) *Trunk {
	addr := ap.Addr().Unmap()
	if trunk := t.exact[netip.AddrPortFrom(addr, ap.Port())]; trunk != nil {
		return trunk
	}
	lengths := t.lengths4
	if addr.Is6() {
		lengths = t.lengths6
	}
	for _, bits := range lengths {
		p, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if trunk := t.prefixes[p]; trunk != nil {
			return trunk
		}
	}
	return nil
}
