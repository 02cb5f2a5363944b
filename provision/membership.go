package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Member is an account in a federation.
type Member struct {
	Account  *directory.AccountID `json:"account" doc:"The account's id; null where the token may neither see that account nor manage or administer the federation." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name     string               `json:"name" doc:"The account's name." example:"Brown Ltd"`
	JoinedAt time.Time            `json:"joined_at" doc:"When it was accepted."`
	Version  uint64               `json:"version" doc:"Counts the membership's changes; the ETag." example:"2"`
}

// Belonging is the federation an account belongs to, or has asked to join.
type Belonging struct {
	ID          directory.FederationID `json:"id" doc:"The federation's id." example:"fed_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name        string                 `json:"name" doc:"The federation's name." example:"Harbour firms"`
	Status      string                 `json:"status" enum:"pending,member" doc:"Pending until the owner accepts: no member in any way."`
	JoinRequest directory.MembershipID `json:"join_request" doc:"The request by which the account joins or joined." example:"mem_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	RequestedAt time.Time              `json:"requested_at" doc:"When the account asked to join."`
	JoinedAt    *time.Time             `json:"joined_at" doc:"When it was accepted; null while pending."`
	Version     uint64                 `json:"version" doc:"Counts the membership's changes; the ETag." example:"2"`
}

// membership returns an account's membership or its request for one, or nil.
func (s *Server) membership(id directory.AccountID) *directory.Membership {
	m, _ := s.view.ObjectByClaim(directory.MembershipClaim(id)).(*directory.Membership)
	return m
}

// members returns a federation's memberships in the order of their ids; who has
// only asked is none of them (FE3).
func (s *Server) members(id directory.FederationID) []*directory.Membership {
	return s.memberships(id, false)
}

func (s *Server) memberships(id directory.FederationID, pending bool) []*directory.Membership {
	var list []*directory.Membership
	for _, o := range s.view.Dependents(directory.Ref{Kind: directory.KindFederation, ID: string(id)}) {
		if m, ok := o.(*directory.Membership); ok && m.Pending() == pending {
			list = append(list, m)
		}
	}
	return list
}

type getBelongingInput struct{ InAccount }

// BelongingReading answers with null where the account is in no federation.
type BelongingReading struct {
	ETag string `header:"ETag" doc:"The membership's version, for If-Match."`
	Body *Belonging
}

func (s *Server) getBelonging(ctx context.Context, in *getBelongingInput) (*BelongingReading, error) {
	a, err := s.account(ctx, in.Account, federationRead)
	if err != nil {
		return nil, err
	}
	m := s.membership(a.ID)
	if m == nil {
		return &BelongingReading{}, nil
	}
	b := &Belonging{
		ID: m.Federation, Name: s.federationName(m.Federation), Status: "member", JoinRequest: m.ID,
		RequestedAt: m.CreatedAt.UTC(), JoinedAt: nullTime(m.JoinedAt), Version: m.Version,
	}
	if m.Pending() {
		b.Status = "pending"
	}
	return &BelongingReading{ETag: etag(m.Version), Body: b}, nil
}

func (s *Server) federationName(id directory.FederationID) string {
	if f := directory.Find[*directory.Federation](s.view, directory.KindFederation, string(id)); f != nil {
		return f.Name
	}
	return ""
}

type listMembersInput struct {
	InFederation
	Paging
}

func (s *Server) listMembers(ctx context.Context, in *listMembersInput) (*Listing[Member], error) {
	f, is, err := s.federation(ctx, in.Federation, federationRead)
	if err != nil {
		return nil, err
	}
	return pageOf(s, "members of "+string(f.ID), in.Paging, s.members(f.ID),
		func(m *directory.Membership) string { return string(m.ID) },
		func(m *directory.Membership) Member { return s.renderMember(ctx, m, is) })
}

// InMember is the member a path names.
type InMember struct {
	InFederation
	Account directory.AccountID `path:"account" maxLength:"64" doc:"The member's account id." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

// member returns the member a path names. Who has only asked is none, and a
// fellow member learns of others by the list only, which names no accounts.
func (s *Server) member(ctx context.Context, in *InMember) (*directory.Membership, *directory.Federation, relation, error) {
	f, is, err := s.federation(ctx, in.Federation, federationRead)
	if err != nil {
		return nil, nil, is, err
	}
	m := s.membership(in.Account)
	if m == nil || m.Pending() || m.Federation != f.ID || is < steward && !s.sees(ctx, m.Account) {
		return nil, nil, is, directory.NotFound(directory.KindMembership)
	}
	return m, f, is, nil
}

type getMemberInput struct{ InMember }

func (s *Server) getMember(ctx context.Context, in *getMemberInput) (*Reading[Member], error) {
	m, _, is, err := s.member(ctx, &in.InMember)
	if err != nil {
		return nil, err
	}
	return &Reading[Member]{ETag: etag(m.Version), Body: s.renderMember(ctx, m, is)}, nil
}

type removeMemberInput struct {
	InMember
	Precondition
	Rehearsal
}

// removeMember ends a membership (FE7): the owner removes a member, or the
// member's own side leaves. Administrators of the federation who are the
// account's users are none from then on.
func (s *Server) removeMember(ctx context.Context, in *removeMemberInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		m, f, _, err := s.member(ctx, &in.InMember)
		if err != nil {
			return nil, err
		}
		if !s.mayNow(ctx, federationManage, f.Account) && !s.mayNow(ctx, federationJoin, m.Account) {
			return nil, forbidden()
		}
		if err := in.check(m.Version); err != nil {
			return nil, err
		}
		return overtaken(s.apply(ctx, in.Rehearsal, s.withDependents(m)...)), nil
	})
}

func (s *Server) renderMember(ctx context.Context, m *directory.Membership, is relation) Member {
	out := Member{JoinedAt: m.JoinedAt.UTC(), Version: m.Version}
	if a := s.view.Account(m.Account); a != nil {
		out.Name = a.Name
	}
	if is >= steward || s.sees(ctx, m.Account) {
		out.Account = &m.Account
	}
	return out
}
