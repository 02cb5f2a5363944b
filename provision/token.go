package provision

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Token is an API token or an access token as it is read; the token itself is
// shown once, when it is made.
type Token struct {
	ID        directory.TokenID  `json:"id" doc:"The token's id." example:"tok_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Use       directory.TokenUse `json:"use" enum:"api,access" doc:"api: made for a program. access: somebody above acts as the account."`
	Name      string             `json:"name" doc:"A name for people; empty for an access token." example:"Provisioning script"`
	Token     string             `json:"token,omitempty" doc:"The bearer token. Only in the answer that makes it: nobody can read it again." example:"itk_0000000000000000000000000000000000000000000000000000abcdef"`
	Scopes    []string           `json:"scopes" nullable:"false" doc:"What bounds the token; empty: nothing but the rights of the account's administrators."`
	Actor     *string            `json:"actor" doc:"Who acts as the account; null for an API token." example:"user:usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Reason    *string            `json:"reason" doc:"Why somebody acts as the account; null for an API token."`
	CreatedBy string             `json:"created_by" doc:"The principal who made it." example:"staff:admin"`
	CreatedAt time.Time          `json:"created_at" doc:"When it was made."`
	ExpiresAt *time.Time         `json:"expires_at" doc:"When it ends; null: never."`
	Version   uint64             `json:"version" doc:"The ETag; a token never changes."`
}

// NewToken makes an API token.
type NewToken struct {
	Name      string     `json:"name" minLength:"1" maxLength:"128" doc:"A name for people." example:"Provisioning script"`
	Scopes    []string   `json:"scopes,omitempty" maxItems:"64" nullable:"false" doc:"Permissions by name, such as numbers.write; read for all that end in .read; * for all. Without, the scopes of the token that asks, or all." example:"[\"read\"]"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When it ends, in the future; never without. What an API token makes ends with it at the latest." example:"2030-01-01T00:00:00Z"`
}

type createTokenInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewToken
}

func (s *Server) createToken(ctx context.Context, in *createTokenInput) (*Creation[Token], error) {
	a, err := s.account(ctx, in.Account, tokensWrite)
	if err != nil {
		return nil, err
	}
	return s.makeToken(ctx, in.Rehearsal, a.ID, &in.Body)
}

type createStaffTokenInput struct {
	Rehearsal
	Repeatable
	Body NewToken
}

func (s *Server) createStaffToken(ctx context.Context, in *createStaffTokenInput) (*Creation[Token], error) {
	if err := s.platform(ctx, tokensWrite); err != nil {
		return nil, err
	}
	return s.makeToken(ctx, in.Rehearsal, "", &in.Body)
}

func (s *Server) makeToken(ctx context.Context, dry Rehearsal, owner directory.AccountID, body *NewToken) (*Creation[Token], error) {
	p := requestOf(ctx).principal
	t := &directory.Token{
		ID: directory.TokenID(s.ids.next("tok_")), Account: owner, Use: directory.TokenAPI, Name: body.Name,
		Scopes: body.Scopes, CreatedAt: now(), CreatedBy: p.ID,
	}
	if len(t.Scopes) == 0 && p.Token != nil {
		t.Scopes = p.Token.Scopes
	}
	for i, scope := range t.Scopes {
		if !scopeKnown(scope) {
			return nil, directory.Invalid(fmt.Sprintf("/scopes/%d", i), "scope_unknown", "There is no such scope.")
		}
	}
	if body.ExpiresAt != nil {
		if t.ExpiresAt = body.ExpiresAt.UTC(); !t.ExpiresAt.After(t.CreatedAt) {
			return nil, directory.Invalid("/expires_at", "expiry_past", "The token would have expired already.")
		}
	}
	behindToken(t, p)
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if !s.mayEmpower(p, owner, s.adminKind(owner), t.Scopes) {
		return nil, moreThanOwn("/scopes")
	}
	secret := newBearer(t.Use)
	t.Hash = bearerHash(secret)
	change := directory.Create(t)
	if err := s.apply(ctx, dry, change); err != nil {
		return nil, err
	}
	t = written[*directory.Token](change)
	out := renderToken(t)
	if !dry.DryRun {
		out.Token = secret
	}
	return created(dry, tokenPath(t), t.Version, out), nil
}

// behindToken lets a token that an API token makes end with it, and no later:
// whoever revokes one is rid of all it was used for.
func behindToken(t *directory.Token, p principal) {
	if p.Token == nil || p.Token.Use != directory.TokenAPI {
		return
	}
	t.Behind = p.Token.ID
	if end := p.Token.ExpiresAt; !end.IsZero() && (t.ExpiresAt.IsZero() || end.Before(t.ExpiresAt)) {
		t.ExpiresAt = end
	}
}

func tokenPath(t *directory.Token) string {
	if t.Account == "" {
		return "/v1/tokens/" + string(t.ID)
	}
	return fmt.Sprintf("/v1/accounts/%s/tokens/%s", t.Account, t.ID)
}

type listTokensInput struct {
	InAccount
	Paging
}

func (s *Server) listTokens(ctx context.Context, in *listTokensInput) (*Listing[Token], error) {
	a, err := s.account(ctx, in.Account, tokensRead)
	if err != nil {
		return nil, err
	}
	return s.tokensOf(a.ID, in.Paging)
}

type listStaffTokensInput struct{ Paging }

func (s *Server) listStaffTokens(ctx context.Context, in *listStaffTokensInput) (*Listing[Token], error) {
	if err := s.platform(ctx, tokensRead); err != nil {
		return nil, err
	}
	return s.tokensOf("", in.Paging)
}

// tokensOf leaves sessions out: they are their users' own.
func (s *Server) tokensOf(owner directory.AccountID, ask Paging) (*Listing[Token], error) {
	tokens := directory.List[*directory.Token](s.view, directory.KindToken, owner)
	tokens = slices.DeleteFunc(tokens, func(t *directory.Token) bool { return !listed(t) })
	return pageOf(s, "tokens "+string(owner), ask, tokens, func(t *directory.Token) string { return string(t.ID) }, renderToken)
}

// listed reports whether a token is shown to the administrators of its account.
func listed(t *directory.Token) bool {
	return t.Use != directory.TokenSession && !t.Expired(time.Now())
}

// InToken is the token a path names.
type InToken struct {
	InAccount
	Token directory.TokenID `path:"token" maxLength:"64" doc:"The token's id."`
}

func (s *Server) getToken(ctx context.Context, in *InToken) (*Reading[Token], error) {
	a, err := s.account(ctx, in.Account, tokensRead)
	if err != nil {
		return nil, err
	}
	return s.readToken(a.ID, in.Token)
}

// StaffToken is the token a path of the platform names.
type StaffToken struct {
	Token directory.TokenID `path:"token" maxLength:"64" doc:"The token's id."`
}

func (s *Server) getStaffToken(ctx context.Context, in *StaffToken) (*Reading[Token], error) {
	if err := s.platform(ctx, tokensRead); err != nil {
		return nil, err
	}
	return s.readToken("", in.Token)
}

func (s *Server) readToken(owner directory.AccountID, id directory.TokenID) (*Reading[Token], error) {
	t, err := s.token(owner, id)
	if err != nil {
		return nil, err
	}
	return &Reading[Token]{ETag: etag(t.Version), Body: renderToken(t)}, nil
}

// token returns an owner's token, if it is one that is shown.
func (s *Server) token(owner directory.AccountID, id directory.TokenID) (*directory.Token, error) {
	t := directory.Find[*directory.Token](s.view, directory.KindToken, string(id))
	if t == nil || t.Account != owner || !listed(t) {
		return nil, directory.NotFound(directory.KindToken)
	}
	return t, nil
}

type deleteTokenInput struct {
	InToken
	Precondition
	Rehearsal
}

func (s *Server) deleteToken(ctx context.Context, in *deleteTokenInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, tokensWrite)
		if err != nil {
			return nil, err
		}
		return s.revoke(ctx, a.ID, in.Token, in.Precondition, in.Rehearsal)
	})
}

type deleteStaffTokenInput struct {
	StaffToken
	Precondition
	Rehearsal
}

func (s *Server) deleteStaffToken(ctx context.Context, in *deleteStaffTokenInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		if err := s.platform(ctx, tokensWrite); err != nil {
			return nil, err
		}
		return s.revoke(ctx, "", in.Token, in.Precondition, in.Rehearsal)
	})
}

// revoke deletes a token and ends what was obtained with it.
func (s *Server) revoke(ctx context.Context, owner directory.AccountID, id directory.TokenID, match Precondition, dry Rehearsal) (applied, final error) {
	t, err := s.token(owner, id)
	if err != nil {
		return nil, err
	}
	if err := match.check(t.Version); err != nil {
		return nil, err
	}
	return overtaken(s.apply(ctx, dry, s.uproot(t)...)), nil
}

func renderToken(t *directory.Token) Token {
	return Token{
		ID: t.ID, Use: t.Use, Name: t.Name, Scopes: append([]string{}, t.Scopes...), Actor: nullable(t.Actor), Reason: nullable(t.Reason),
		CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: nullTime(t.ExpiresAt), Version: t.Version,
	}
}
