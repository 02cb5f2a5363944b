package provision

import "github.com/pbx-interlink/interlink/directory"

// Who makes a user, a token or a password makes a principal. None may be able to
// do more than its maker.

// mayEmpower reports whether a principal may make another one, of a kind and for
// an account (empty: the platform), whose rights the scopes bound: never one that
// may more than itself.
func (s *Server) mayEmpower(p principal, owner directory.AccountID, kind principalKind, scopes []string) bool {
	if !s.mayEmpowerBelow(p, kind, scopes) {
		return false
	}
	if kind == partner && p.Kind != staff && (p.Kind != partner || p.Account != owner && !s.above(p, owner)) {
		// A federation's administrator has the rights of a customer's on a member
		// that is a partner.
		return false
	}
	rights, _ := s.grants.of(kind)
	mine := s.granted(p, owner)
	for do := range rights {
		if do == federationManage && len(s.view.OwnedBy(directory.KindFederation, owner)) == 0 {
			continue // there is nothing to manage: a federation's administrator makes administrators of members, too
		}
		if inScope(scopes, do) && !mine[do] {
			return false
		}
	}
	return true
}

// mayEmpowerBelow is mayEmpower for an account that is not there yet and will
// stand below the principal: an access token makes no keys (AC9), and a token's
// scopes bound what is made with it.
func (s *Server) mayEmpowerBelow(p principal, kind principalKind, scopes []string) bool {
	if p.Actor != "" {
		return false
	}
	_, widest := s.grants.of(kind)
	for do := range widest {
		if inScope(scopes, do) && p.Token != nil && !inScope(p.Token.Scopes, do) {
			return false
		}
	}
	return true
}

// of returns what a kind of principal may with its own account, and the most it
// may anywhere.
func (g *grants) of(kind principalKind) (own, widest permissionSet) {
	switch kind {
	case staff:
		return g.staff, g.staff
	case partner:
		return g.owner, g.partner
	case customerAdmin, federationAdmin:
		return g.admin, g.admin
	}
	return g.user, g.user
}

func moreThanOwn(pointer string) *directory.Error {
	return &directory.Error{Kind: directory.KindForbidden, Code: "forbidden", Field: pointer, Detail: "That would be able to do more than the token that asks."}
}
