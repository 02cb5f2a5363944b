package provision

import (
	"context"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// What every trunk is today. These are the values of the API's contract that
// change nothing; the others are refused as not available yet.
const (
	kindStatic   = "static"
	transportUDP = "udp"
	mediaDirect  = "direct"
)

// defaultSIPPort is where SIP is served unless told otherwise (RFC 3261 §19.1.2).
const defaultSIPPort = 5060

// Trunk is a trunk as it is read.
type Trunk struct {
	ID        directory.TrunkID `json:"id" doc:"The trunk's id." example:"trk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name      string            `json:"name" doc:"A name for people." example:"Reception PBX"`
	Kind      string            `json:"kind" enum:"static" doc:"Static: known by the address it sends from."`
	Addresses []string          `json:"addresses" nullable:"false" doc:"Where the PBX receives calls, tried in this order." example:"[\"192.0.2.12:5060\"]"`
	Transport string            `json:"transport" enum:"udp" doc:"How SIP is carried to the PBX."`
	Sources   []string          `json:"source_addresses" nullable:"false" doc:"Where the PBX sends from." example:"[\"192.0.2.12/32\"]"`
	Media     string            `json:"media" enum:"direct" doc:"Direct: RTP flows between the PBXs."`
	Version   uint64            `json:"version" doc:"Counts the trunk's changes; the ETag."`
	CreatedAt time.Time         `json:"created_at" doc:"When it was created."`
}

// NewTrunk creates a trunk.
type NewTrunk struct {
	Name      string   `json:"name" minLength:"1" maxLength:"128" doc:"A name for people." example:"Reception PBX"`
	Kind      string   `json:"kind,omitempty" default:"static" doc:"static; register is not available yet."`
	Addresses []string `json:"addresses" minItems:"1" maxItems:"8" nullable:"false" maxLength:"64" doc:"IP addresses with a port (5060 without one) where the PBX receives calls, tried in this order." example:"[\"192.0.2.12:5060\"]"`
	Transport string   `json:"transport,omitempty" default:"udp" doc:"udp; tcp and tls are not available yet."`
	Sources   []string `json:"source_addresses" minItems:"1" maxItems:"64" nullable:"false" maxLength:"64" doc:"IP addresses, prefixes, or addresses with a port the PBX sends from. Each belongs to one trunk only." example:"[\"192.0.2.12/32\"]"`
	Media     string   `json:"media,omitempty" default:"direct" doc:"direct; relay is not available yet."`
}

// TrunkPatch changes a trunk. Lists are replaced whole.
type TrunkPatch struct {
	Name      Optional[string]   `json:"name,omitzero" doc:"A name for people."`
	Kind      Optional[string]   `json:"kind,omitzero" doc:"static; register is not available yet."`
	Addresses Optional[[]string] `json:"addresses,omitzero" doc:"Where the PBX receives calls."`
	Transport Optional[string]   `json:"transport,omitzero" doc:"udp; tcp and tls are not available yet."`
	Sources   Optional[[]string] `json:"source_addresses,omitzero" doc:"Where the PBX sends from."`
	Media     Optional[string]   `json:"media,omitzero" doc:"direct; relay is not available yet."`
}

// InTrunk is the trunk a path names.
type InTrunk struct {
	InAccount
	Trunk directory.TrunkID `path:"trunk" maxLength:"64" doc:"The trunk's id."`
}

type createTrunkInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewTrunk
}

func (s *Server) createTrunk(ctx context.Context, in *createTrunkInput) (*Creation[Trunk], error) {
	a, err := s.account(ctx, in.Account, trunksWrite)
	if err != nil {
		return nil, err
	}
	t := &directory.Trunk{ID: directory.TrunkID(s.ids.next("trk_")), Account: a.ID, CreatedAt: now()}
	if err := patchedTrunk(t, in.Body.patch()); err != nil {
		return nil, err
	}
	change := directory.Create(t)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	t = written[*directory.Trunk](change)
	return created(in.Rehearsal, fmt.Sprintf("/v1/accounts/%s/trunks/%s", a.ID, t.ID), t.Version, renderTrunk(t)), nil
}

type listTrunksInput struct {
	InAccount
	Paging
}

func (s *Server) listTrunks(ctx context.Context, in *listTrunksInput) (*Listing[Trunk], error) {
	a, err := s.account(ctx, in.Account, trunksRead)
	if err != nil {
		return nil, err
	}
	return pageOf(s, "trunks "+string(a.ID), in.Paging, s.view.Trunks(a.ID),
		func(t *directory.Trunk) string { return string(t.ID) }, renderTrunk)
}

func (s *Server) getTrunk(ctx context.Context, in *InTrunk) (*Reading[Trunk], error) {
	t, err := s.trunk(ctx, in, trunksRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Trunk]{ETag: etag(t.Version), Body: renderTrunk(t)}, nil
}

// trunk returns the trunk a path names, if it is the account's.
func (s *Server) trunk(ctx context.Context, in *InTrunk, do permission) (*directory.Trunk, error) {
	a, err := s.account(ctx, in.Account, do)
	if err != nil {
		return nil, err
	}
	t := s.view.Trunk(in.Trunk)
	if t == nil || t.Account != a.ID {
		return nil, directory.NotFound(directory.KindTrunk)
	}
	return t, nil
}

type patchTrunkInput struct {
	InTrunk
	Precondition
	Rehearsal
	Body TrunkPatch
}

func (s *Server) patchTrunk(ctx context.Context, in *patchTrunkInput) (*Reading[Trunk], error) {
	var after *directory.Trunk
	err := s.retry(ctx, func() (error, error) {
		before, err := s.trunk(ctx, &in.InTrunk, trunksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		if err := patchedTrunk(&next, &in.Body); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.Trunk](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Trunk]{ETag: etag(after.Version), Body: renderTrunk(after)}, nil
}

type deleteTrunkInput struct {
	InTrunk
	Precondition
	Rehearsal
}

func (s *Server) deleteTrunk(ctx context.Context, in *deleteTrunkInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		t, err := s.trunk(ctx, &in.InTrunk, trunksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(t.Version); err != nil {
			return nil, err
		}
		for _, n := range s.allNumbers(t.Account) {
			if n.Trunk == t.ID {
				return nil, directory.Conflict("", "in_use", "The number %s goes to this trunk; move or delete it first.", n.Number)
			}
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(t)), nil
	})
}

// patch puts every field of a trunk.
func (b *NewTrunk) patch() *TrunkPatch {
	return &TrunkPatch{
		Name: To(b.Name), Kind: orNullText(b.Kind), Addresses: To(b.Addresses),
		Transport: orNullText(b.Transport), Sources: To(b.Sources), Media: orNullText(b.Media),
	}
}

// orNullText resets a field that is not given.
func orNullText(s string) Optional[string] {
	return Optional[string]{Set: true, Null: s == "", Value: s}
}

// patchedTrunk carries out a patch. Null where there is no default is what an
// empty value is, and refused as that.
func patchedTrunk(t *directory.Trunk, p *TrunkPatch) error {
	for _, f := range []struct {
		pointer, only string
		value         Optional[string]
	}{
		{"/kind", kindStatic, p.Kind}, {"/transport", transportUDP, p.Transport}, {"/media", mediaDirect, p.Media},
	} {
		if f.value.Set && !f.value.Null && f.value.Value != f.only {
			return notYet(f.pointer, strconv.Quote(f.value.Value))
		}
	}
	patch(&t.Name, p.Name, "")
	if p.Addresses.Set {
		t.Addresses = nil
		for i, a := range p.Addresses.Value {
			ap, ok := parseAddress(a)
			if !ok {
				return directory.Invalid(fmt.Sprintf("/addresses/%d", i), "address_invalid", "%q is not an IP address with a port.", a)
			}
			t.Addresses = append(t.Addresses, ap)
		}
	}
	if p.Sources.Set {
		t.Sources = nil
		for i, a := range p.Sources.Value {
			source, err := directory.ParseSource(a)
			if err != nil {
				return directory.Invalid(fmt.Sprintf("/source_addresses/%d", i), "source_address_invalid", "%q is not an IP address, a prefix or an address with a port.", a)
			}
			t.Sources = append(t.Sources, source)
		}
	}
	return t.Validate()
}

// parseAddress reads "192.0.2.1:5060", "[2001:db8::1]:5060" or an address alone.
// A zone means something on one node only.
func parseAddress(s string) (netip.AddrPort, bool) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.AddrPort{}, false
		}
		ap = netip.AddrPortFrom(a, defaultSIPPort)
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), ap.Addr().Zone() == ""
}

func renderTrunk(t *directory.Trunk) Trunk {
	out := Trunk{
		ID: t.ID, Name: t.Name, Kind: kindStatic, Transport: transportUDP, Media: mediaDirect,
		Addresses: []string{}, Sources: []string{}, Version: t.Version, CreatedAt: t.CreatedAt.UTC(),
	}
	for _, a := range t.Addresses {
		out.Addresses = append(out.Addresses, a.String())
	}
	for _, source := range t.Sources {
		out.Sources = append(out.Sources, source.String())
	}
	return out
}
