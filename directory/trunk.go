package directory

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// TrunkID identifies a trunk ("trk_" and a ULID).
type TrunkID string

// MaxTrunkAddresses and MaxTrunkSources bound one trunk's lists.
const (
	MaxTrunkAddresses = 8
	MaxTrunkSources   = 64
)

// Trunk is the SIP connection between the gateway and one PBX. Today every
// trunk is static: known by the address it sends from, reached at fixed
// addresses, over UDP.
type Trunk struct {
	ID      TrunkID   `json:"id"`
	Account AccountID `json:"account"`
	Name    string    `json:"name"`
	// Addresses are where the PBX receives calls, tried in this order.
	Addresses []netip.AddrPort `json:"addresses"`
	// Sources are where the PBX sends from.
	Sources   []Source  `json:"source_addresses"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (t *Trunk) Ref() Ref              { return Ref{KindTrunk, string(t.ID)} }
func (t *Trunk) ObjectVersion() uint64 { return t.Version }
func (t *Trunk) Redacted() Object      { return t }
func (t *Trunk) Requires() []Ref       { return []Ref{{KindAccount, string(t.Account)}} }
func (t *Trunk) withVersion(v uint64) Object {
	c := *t
	c.Version = v
	return &c
}

// Claims: a source names one trunk, or the caller could not be told.
func (t *Trunk) Claims() []string {
	c := make([]string, len(t.Sources))
	for i, s := range t.Sources {
		c[i] = "source:" + s.String()
	}
	return c
}

// Validate reports the first field that has an impossible value.
func (t *Trunk) Validate() error {
	if err := CheckName("/name", t.Name); err != nil {
		return err
	}
	if n := len(t.Addresses); n == 0 || n > MaxTrunkAddresses {
		return Invalid("/addresses", "addresses_count", "A static trunk has 1 to %d addresses, not %d.", MaxTrunkAddresses, n)
	}
	for i, a := range t.Addresses {
		if !a.IsValid() || a.Port() == 0 || a.Addr().IsUnspecified() || a.Addr().IsMulticast() {
			return Invalid("/addresses/"+strconv.Itoa(i), "address_invalid", "%s is not a unicast IP address with a port.", a)
		}
	}
	if n := len(t.Sources); n == 0 || n > MaxTrunkSources {
		return Invalid("/source_addresses", "source_addresses_count", "A static trunk has 1 to %d source addresses, not %d.", MaxTrunkSources, n)
	}
	seen := map[Source]bool{}
	for i, s := range t.Sources {
		if seen[s] {
			return Invalid("/source_addresses/"+strconv.Itoa(i), "source_address_twice", "%s stands twice.", s)
		}
		seen[s] = true
	}
	return nil
}

// Source is an address a trunk sends from: a prefix, or one address with a
// port. An address with a port is more specific than any prefix.
type Source struct {
	Prefix netip.Prefix
	// Port 0 means any port; otherwise Prefix is a single address.
	Port uint16
}

// ParseSource reads "192.0.2.7", "192.0.2.0/24", "[2001:db8::1]:5060" or
// "192.0.2.7:5060". The prefix is masked; IPv4-mapped IPv6 becomes IPv4. A
// prefix of length 0 is refused: it would make every stranger this PBX.
func ParseSource(s string) (Source, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		if p.Addr().Is4In6() && p.Bits() >= 96 {
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p.Bits() == 0 {
			return Source{}, Invalid("", "source_address_invalid", "%q would match every address.", s)
		}
		return Source{Prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return Source{Prefix: netip.PrefixFrom(a, a.BitLen())}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Port() != 0 && ap.Addr().Zone() == "" {
		a := ap.Addr().Unmap()
		return Source{Prefix: netip.PrefixFrom(a, a.BitLen()), Port: ap.Port()}, nil
	}
	return Source{}, Invalid("", "source_address_invalid", "%q is not an IP address, a prefix or an address with a port.", s)
}

func (s Source) String() string {
	if s.Port != 0 {
		return netip.AddrPortFrom(s.Prefix.Addr(), s.Port).String()
	}
	return s.Prefix.String()
}

func (s Source) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

func (s *Source) UnmarshalText(b []byte) error {
	v, err := ParseSource(strings.TrimSpace(string(b)))
	if err != nil {
		return err
	}
	*s = v
	return nil
}
