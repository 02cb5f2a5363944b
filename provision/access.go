package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// accessTime is how long an access token works.
const accessTime = 15 * time.Minute

// NewAccess asks to act as an account.
type NewAccess struct {
	Reason string `json:"reason" minLength:"1" maxLength:"256" doc:"Why; the audit log and the account's administrators see it." example:"Ticket 4711: calls to 2001 fail"`
}

type startAccessInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewAccess
}

// startAccess gives who stands above an account a short-lived token to act as it
// (AC9). The token has the rights of the account's administrators, bounded by the
// scopes of the token that asks. The own session goes on beside it.
func (s *Server) startAccess(ctx context.Context, in *startAccessInput) (*Creation[Token], error) {
	a, err := s.account(ctx, in.Account, accessStart)
	if err != nil {
		return nil, err
	}
	p := requestOf(ctx).principal
	t := &directory.Token{
		ID: directory.TokenID(s.ids.next("tok_")), Account: a.ID, Use: directory.TokenAccess, Actor: p.ID, Reason: in.Body.Reason,
		CreatedAt: now(), CreatedBy: p.ID,
	}
	t.ExpiresAt = t.CreatedAt.Add(accessTime)
	if p.Token != nil {
		t.Behind, t.Scopes = p.Token.ID, p.Token.Scopes
		if end := p.Token.ExpiresAt; !end.IsZero() && end.Before(t.ExpiresAt) {
			t.ExpiresAt = end
		}
	}
	if err := t.Validate(); err != nil {
		return nil, err
	}
	secret := newBearer(t.Use)
	t.Hash = bearerHash(secret)
	change := directory.Create(t)
	// The audit entry names the account as the subject from the start.
	by := actor(ctx)
	by.Subject = a.ID
	if err := s.applyAs(ctx, by, in.Rehearsal, change); err != nil {
		return nil, err
	}
	t = written[*directory.Token](change)
	out := renderToken(t)
	if !in.DryRun {
		out.Token = secret
	}
	return created(in.Rehearsal, tokenPath(t), t.Version, out), nil
}

// applyAs is apply on behalf of somebody the request does not name.
func (s *Server) applyAs(ctx context.Context, by directory.Actor, dry Rehearsal, changes ...directory.Change) error {
	if err := s.bounds.check(s.view, changes); err != nil {
		return err
	}
	if dry.DryRun {
		return s.view.Check(changes...)
	}
	return s.repo.Apply(ctx, by, changes...)
}

type endAccessInput struct{ Rehearsal }

// endAccess ends the access token that asks for it.
func (s *Server) endAccess(ctx context.Context, in *endAccessInput) (*struct{}, error) {
	return nil, s.endOwn(ctx, in.Rehearsal, directory.TokenAccess)
}

// endOwn deletes the token the request came with, if it is of that use.
func (s *Server) endOwn(ctx context.Context, dry Rehearsal, use directory.TokenUse) error {
	t := requestOf(ctx).principal.Token
	if t == nil || t.Use != use {
		return directory.Conflict("", "not_"+string(use), "The token is not one of %s.", use)
	}
	return s.retry(ctx, func() (error, error) {
		t := directory.Find[*directory.Token](s.view, directory.KindToken, string(t.ID))
		if t == nil {
			return nil, nil // ended meanwhile
		}
		return overtaken(s.apply(ctx, dry, s.uproot(t)...)), nil
	})
}
