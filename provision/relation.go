package provision

import (
	"context"
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// relation is how a principal stands to a federation.
type relation uint8

const (
	stranger relation = iota
	// fellow is who may read the membership of one of its members.
	fellow
	// steward is its administrator (FE5): it has rights over members, not over
	// the federation.
	steward
	// ownership is who manages it.
	ownership
)

// relation decides how a principal stands to a federation.
func (s *Server) relation(p principal, f *directory.Federation) relation {
	is := s.leads(p, f)
	if is == stranger && s.fellow(p, f) {
		return fellow
	}
	return is
}

// leads is relation without the fellows: what it costs does not depend on how
// many members there are.
func (s *Server) leads(p principal, f *directory.Federation) relation {
	switch {
	case s.granted(p, f.Account)[federationManage]:
		return ownership
	case p.Actor == "" && p.User != "" && s.view.Object(directory.Ref{Kind: directory.KindFederationAdmin, ID: directory.FederationAdminID(f.ID, p.User)}) != nil:
		return steward
	}
	return stranger
}

// led returns the federations a principal manages or administers, in the order of
// their ids. Those of a customer are found without looking at all there are.
func (s *Server) led(p principal) []*directory.Federation {
	var all []*directory.Federation
	if p.Kind == staff || p.Kind == partner {
		s.view.Federations("", func(f *directory.Federation) bool { all = append(all, f); return true })
	} else {
		all = directory.List[*directory.Federation](s.view, directory.KindFederation, p.Account)
		for _, o := range s.view.Dependents(directory.Ref{Kind: directory.KindUser, ID: string(p.User)}) {
			a, ok := o.(*directory.FederationAdmin)
			if !ok {
				continue
			}
			if f := directory.Find[*directory.Federation](s.view, directory.KindFederation, string(a.Federation)); f != nil {
				all = append(all, f)
			}
		}
		slices.SortFunc(all, func(a, b *directory.Federation) int { return strings.Compare(string(a.ID), string(b.ID)) })
		all = slices.CompactFunc(all, func(a, b *directory.Federation) bool { return a.ID == b.ID })
	}
	return slices.DeleteFunc(all, func(f *directory.Federation) bool { return s.leads(p, f) == stranger })
}

// fellow reports whether the principal may read the membership of a member: its
// own account's, or that of an account below a partner.
func (s *Server) fellow(p principal, f *directory.Federation) bool {
	if p.Account == "" {
		return false
	}
	if s.belongs(p.Account, f) {
		return s.granted(p, p.Account)[federationRead]
	}
	if p.Kind != partner {
		return false
	}
	for _, m := range s.members(f.ID) {
		if s.above(p, m.Account) {
			return true
		}
	}
	return false
}

// belongs reports whether an account is a member of a federation.
func (s *Server) belongs(id directory.AccountID, f *directory.Federation) bool {
	m := s.membership(id)
	return m != nil && !m.Pending() && m.Federation == f.ID
}

// federation returns the federation a path names, for reading or for managing.
// To who has nothing to do with it, it does not exist.
func (s *Server) federation(ctx context.Context, id directory.FederationID, do permission) (*directory.Federation, relation, error) {
	p := requestOf(ctx).principal
	f := directory.Find[*directory.Federation](s.view, directory.KindFederation, string(id))
	if f == nil {
		return nil, stranger, directory.NotFound(directory.KindFederation)
	}
	is := s.relation(p, f)
	allowed := s.may(p, do, f.Account)
	if is < ownership {
		allowed = do == federationRead && (p.Token == nil || inScope(p.Token.Scopes, do))
		if is == fellow && s.belongs(p.Account, f) {
			allowed = allowed && s.shows(p, do, p.Account)
		}
	}
	if is == stranger {
		return nil, stranger, directory.NotFound(directory.KindFederation)
	}
	if !allowed {
		return nil, is, forbidden()
	}
	return f, is, nil
}
