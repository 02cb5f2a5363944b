package provision

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// JoinRequest is an account's request to become a member of a federation.
type JoinRequest struct {
	ID         directory.MembershipID `json:"id" doc:"The request's id." example:"mem_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Status     string                 `json:"status" enum:"pending,accepted,declined" doc:"Pending until the owner decides." example:"pending"`
	Account    JoinAccount            `json:"account" doc:"The account that asks."`
	Federation JoinFederation         `json:"federation" doc:"The federation it asks to join."`
	CreatedAt  time.Time              `json:"created_at" doc:"When it asked."`
	JoinedAt   *time.Time             `json:"joined_at" doc:"When it was accepted; null while pending."`
	Version    uint64                 `json:"version" doc:"Counts the request's changes; the ETag." example:"1"`
	// Collisions is for a rehearsal of accept only.
	Collisions []MemberCollisions `json:"collisions,omitempty" nullable:"false" doc:"In a dry run of accept: with which members, of at most 200 compared, the account shares numbers. No number is named: the owner need not see them."`
}

// JoinAccount names the account that asks.
type JoinAccount struct {
	ID   directory.AccountID `json:"id" doc:"The account's id." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name string              `json:"name" doc:"The account's name." example:"Brown Ltd"`
}

// JoinFederation is all that an account which asks learns of a federation.
type JoinFederation struct {
	ID   directory.FederationID `json:"id" doc:"The federation's id." example:"fed_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name string                 `json:"name" doc:"The federation's name." example:"Harbour firms"`
}

// MemberCollisions counts what a member and an applicant would hide from each
// other.
type MemberCollisions struct {
	Member Peer `json:"member" doc:"The member."`
	Count  int  `json:"count" doc:"How many pairs of numbers that are not private collide; members cannot dial these unambiguously." example:"2"`
}

// Admission enters an access code.
type Admission struct {
	Code string `json:"access_code" maxLength:"128" doc:"The federation's code as its owner reads it; case, spaces and hyphens do not matter." example:"4T0R-8KMW-Y1QB-ZX5H-2NCD-7VJP-93SA-E6GF"`
}

type joinInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body Admission
}

// join asks for membership (FE2). A dry run says what federation the code is
// of and no more: an applicant could otherwise read the members' dial plans off
// a report before anybody accepts it.
func (s *Server) join(ctx context.Context, in *joinInput) (*Creation[JoinRequest], error) {
	a, err := s.account(ctx, in.Account, federationJoin)
	if err != nil {
		return nil, err
	}
	var out *Creation[JoinRequest]
	err = s.guarded(ctx, a.ID, func() (err error) {
		out, err = s.joinOnce(ctx, in.Body.Code, a.ID, in.Rehearsal)
		return err
	})
	if err == nil && out.Status == http.StatusCreated {
		s.metrics.redeem("requested")
		s.log.InfoContext(ctx, "federation membership requested", slog.String("request_id", requestOf(ctx).id), slog.String("account", string(a.ID)))
	}
	return out, err
}

func (s *Server) joinOnce(ctx context.Context, code string, id directory.AccountID, dry Rehearsal) (*Creation[JoinRequest], error) {
	var out *Creation[JoinRequest]
	err := s.retry(ctx, func() (error, error) {
		f := s.federationByCode(code)
		if f == nil {
			return nil, codeUnknown()
		}
		if m := s.membership(id); m != nil {
			if !m.Pending() || m.Federation != f.ID {
				return nil, directory.Conflict("/access_code", "in_federation", "The account is in a federation, or has asked to join one; it can be in one only.")
			}
			out = &Creation[JoinRequest]{Status: http.StatusOK, Location: requestPath(m), ETag: etag(m.Version), Body: s.renderJoinRequest(m)}
			return nil, nil
		}
		m := &directory.Membership{ID: directory.MembershipID(s.ids.next("mem_")), Federation: f.ID, Account: id, CreatedAt: now()}
		change := directory.Create(m)
		m = written[*directory.Membership](change)
		out = created(dry, requestPath(m), m.Version, s.renderJoinRequest(m))
		// The same account may ask at this very moment, or the federation go: what
		// there is then is read anew.
		return overtaken(s.apply(ctx, dry, change)), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func requestPath(m *directory.Membership) string {
	return fmt.Sprintf("/v1/federations/%s/join-requests/%s", m.Federation, m.ID)
}

type listJoinRequestsInput struct {
	InFederation
	Paging
}

// listJoinRequests is for who manages the federation, not for its
// administrators (FE3).
func (s *Server) listJoinRequests(ctx context.Context, in *listJoinRequestsInput) (*Listing[JoinRequest], error) {
	f, _, err := s.federation(ctx, in.Federation, federationManage)
	if err != nil {
		return nil, err
	}
	return pageOf(s, "join-requests of "+string(f.ID), in.Paging, s.memberships(f.ID, true),
		func(m *directory.Membership) string { return string(m.ID) }, s.renderJoinRequest)
}

// InJoinRequest is the request a path names.
type InJoinRequest struct {
	InFederation
	Request directory.MembershipID `path:"request" maxLength:"64" doc:"The request's id." example:"mem_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

// joinRequest returns the request a path names and whether the principal manages
// its federation. Only those and who may read the account's membership see it.
func (s *Server) joinRequest(ctx context.Context, in *InJoinRequest) (*directory.Membership, bool, error) {
	p := requestOf(ctx).principal
	m := directory.Find[*directory.Membership](s.view, directory.KindMembership, string(in.Request))
	f := directory.Find[*directory.Federation](s.view, directory.KindFederation, string(in.Federation))
	if m == nil || f == nil || m.Federation != f.ID {
		return nil, false, directory.NotFound("join request")
	}
	manages := s.granted(p, f.Account)[federationManage]
	if !manages && !s.granted(p, m.Account)[federationRead] {
		return nil, false, directory.NotFound("join request")
	}
	return m, manages, nil
}

type getJoinRequestInput struct{ InJoinRequest }

func (s *Server) getJoinRequest(ctx context.Context, in *getJoinRequestInput) (*Reading[JoinRequest], error) {
	m, manages, err := s.joinRequest(ctx, &in.InJoinRequest)
	if err != nil {
		return nil, err
	}
	if manages {
		_, _, err = s.federation(ctx, in.Federation, federationRead)
	} else if !s.mayNow(ctx, federationRead, m.Account) {
		err = forbidden()
	}
	if err != nil {
		return nil, err
	}
	return &Reading[JoinRequest]{ETag: etag(m.Version), Body: s.renderJoinRequest(m)}, nil
}

type settleInput struct {
	InJoinRequest
	Rehearsal
	Repeatable
}

// acceptJoinRequest makes the account a member; from the next INVITE on it and
// the other members dial each other (FE4).
func (s *Server) acceptJoinRequest(ctx context.Context, in *settleInput) (*Reading[JoinRequest], error) {
	return s.settle(ctx, in, func(m *directory.Membership) (directory.Change, JoinRequest) {
		next := *m
		next.JoinedAt = now()
		change := directory.Replace(m, &next)
		out := s.renderJoinRequest(written[*directory.Membership](change))
		if in.DryRun {
			out.Collisions = s.memberCollisions(m)
		}
		return change, out
	})
}

// declineJoinRequest deletes the request; the account may ask again.
func (s *Server) declineJoinRequest(ctx context.Context, in *settleInput) (*Reading[JoinRequest], error) {
	return s.settle(ctx, in, func(m *directory.Membership) (directory.Change, JoinRequest) {
		out := s.renderJoinRequest(m)
		out.Status = "declined"
		return directory.Delete(m), out
	})
}

// settle is the owner's decision on a request that still is one.
func (s *Server) settle(ctx context.Context, in *settleInput, decide func(*directory.Membership) (directory.Change, JoinRequest)) (*Reading[JoinRequest], error) {
	var out JoinRequest
	err := s.retry(ctx, func() (error, error) {
		m, _, err := s.joinRequest(ctx, &in.InJoinRequest)
		if err != nil {
			return nil, err
		}
		f := directory.Find[*directory.Federation](s.view, directory.KindFederation, string(in.Federation))
		if f == nil || !s.mayNow(ctx, federationManage, f.Account) {
			return nil, forbidden()
		}
		if !m.Pending() {
			return nil, alreadySettled()
		}
		var change directory.Change
		change, out = decide(m)
		return overtaken(s.apply(ctx, in.Rehearsal, change)), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[JoinRequest]{ETag: etag(out.Version), Body: out}, nil
}

func alreadySettled() *directory.Error {
	return directory.Conflict("", "join_request_settled", "The request has been accepted already; end the membership instead.")
}

type withdrawInput struct {
	InJoinRequest
	Precondition
	Rehearsal
}

// withdrawJoinRequest is for who asked (FE3); the owner declines instead.
func (s *Server) withdrawJoinRequest(ctx context.Context, in *withdrawInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		m, _, err := s.joinRequest(ctx, &in.InJoinRequest)
		if err != nil {
			return nil, err
		}
		if !s.mayNow(ctx, federationJoin, m.Account) {
			return nil, forbidden()
		}
		if err := in.check(m.Version); err != nil {
			return nil, err
		}
		if !m.Pending() {
			return nil, alreadySettled()
		}
		return overtaken(s.apply(ctx, in.Rehearsal, directory.Delete(m))), nil
	})
}

// maxCompared bounds the members of one report.
const maxCompared = 200

// memberCollisions counts, for the owner who decides, what the members and the
// applicant would hide from each other. Private numbers do not count: nobody else
// dials them.
func (s *Server) memberCollisions(m *directory.Membership) []MemberCollisions {
	var out []MemberCollisions
	ours, members := s.enabledNumbers(m.Account, false), s.members(m.Federation)
	for _, member := range members[:min(len(members), maxCompared)] {
		count := 0
		colliding(ours, s.enabledNumbers(member.Account, false), func(_, _ *directory.InternalNumber) bool {
			count++
			return count < maxCollisions
		})
		if peer := s.peer(member.Account); peer != nil && count > 0 {
			out = append(out, MemberCollisions{*peer, count})
		}
	}
	return out
}

func (s *Server) renderJoinRequest(m *directory.Membership) JoinRequest {
	out := JoinRequest{
		ID: m.ID, Status: "pending", Account: JoinAccount{ID: m.Account},
		Federation: JoinFederation{ID: m.Federation, Name: s.federationName(m.Federation)},
		CreatedAt:  m.CreatedAt.UTC(), JoinedAt: nullTime(m.JoinedAt), Version: m.Version,
	}
	if !m.Pending() {
		out.Status = "accepted"
	}
	if a := s.view.Account(m.Account); a != nil {
		out.Account.Name = a.Name
	}
	return out
}
