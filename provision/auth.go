package provision

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// principalKind says what sort of principal asks.
type principalKind string

const (
	// staff may do everything.
	staff principalKind = "staff"
	// partner may what is right for its own account and for all below it.
	partner principalKind = "partner"
	// federationAdmin is an administrator with rights over a federation's
	// members, too.
	federationAdmin principalKind = "federation_admin"
	// customerAdmin may what concerns its own account.
	customerAdmin principalKind = "admin"
	// plainUser may read its own account's directory and change itself.
	plainUser principalKind = "user"
)

// principal is who a request comes from.
type principal struct {
	// ID goes into the audit log, for example "staff:admin" or "user:usr_…".
	ID   string
	Kind principalKind
	// Account is whom the principal belongs to; empty for staff.
	Account directory.AccountID
	// User is who is logged in; empty for tokens of programs.
	User  directory.UserID
	Token *directory.Token // nil for the first administrator
	// Actor is the principal behind an access token; empty otherwise.
	Actor string
}

// administers reports whether the principal manages whole accounts.
func (p principal) administers() bool { return p.Kind != plainUser && p.Kind != "" }

// may is the one place that decides who may do what with an account. An empty
// account stands for the platform itself. Whoever may not see a thing is told
// that it does not exist; see (*Server).account.
func (s *Server) may(p principal, do permission, id directory.AccountID) bool {
	if p.Token != nil && !inScope(p.Token.Scopes, do) {
		return false
	}
	if p.Actor != "" && keepsFromAccess(do) || !s.granted(p, id)[do] {
		return false
	}
	return s.shows(p, do, id)
}

// shows reports whether an account's features leave a permission to a principal:
// what the customer is shown bounds what the customer may (SU2). A partner is
// bounded by what those above it publish for its own account.
func (s *Server) shows(p principal, do permission, id directory.AccountID) bool {
	if p.Kind == staff || s.above(p, id) {
		return true
	}
	permissions := directory.Find[*directory.Permissions](s.view, directory.KindPermissions, string(id))
	if permissions == nil {
		return !hides(nil, do)
	}
	return !hides(permissions.Published(), do)
}

// granted is what a principal's standing toward an account allows.
func (s *Server) granted(p principal, id directory.AccountID) permissionSet {
	switch {
	case p.Kind == staff:
		return s.grants.staff
	case id == "" && p.Kind != "":
		return s.grants.everyone
	case p.Account == "":
		return nil
	case id == p.Account && p.Kind == plainUser && !s.steers(p, id):
		return s.grants.user
	case id == p.Account && p.Kind == partner:
		return s.grants.owner
	case id == p.Account && p.administers():
		return s.grants.admin
	case s.above(p, id):
		return s.grants.partner
	case s.steers(p, id):
		return s.grants.steward
	}
	return nil
}

// above reports whether the account lies below the partner's.
func (s *Server) above(p principal, id directory.AccountID) bool {
	if p.Kind != partner || id == p.Account {
		return false
	}
	for range routing.MaxDepth {
		a := s.view.Account(id)
		if a == nil || a.Parent == "" {
			return false
		}
		if id = a.Parent; id == p.Account {
			return true
		}
	}
	return false
}

// steers reports whether the account is a member of a federation the principal
// administers (FE5).
func (s *Server) steers(p principal, id directory.AccountID) bool {
	if p.User == "" || p.Actor != "" {
		return false
	}
	m, _ := s.view.ObjectByClaim(directory.MembershipClaim(id)).(*directory.Membership)
	return m != nil && !m.Pending() &&
		s.view.Object(directory.Ref{Kind: directory.KindFederationAdmin, ID: directory.FederationAdminID(m.Federation, p.User)}) != nil
}

// authenticate finds the principal behind a bearer token (RFC 6750 §2.1).
func (s *Server) authenticate(r *http.Request) (principal, *Problem) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		p := newProblem(http.StatusUnauthorized, "token_missing", "The request needs an Authorization header with a bearer token.")
		// RFC 6750 §3: no error code where no credentials were given.
		return principal{}, p.with("WWW-Authenticate", `Bearer realm="interlink"`)
	}
	// Both are hashed so that the comparison's time tells nothing about length
	// or content.
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(s.cfg.AdminToken))
	if s.cfg.AdminToken != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1 {
		return principal{ID: "staff:admin", Kind: staff}, nil
	}
	if mistyped(token) {
		p := newProblem(http.StatusUnauthorized, "token_mistyped", "The bearer token has a slip: its check symbols do not fit.")
		return principal{}, p.with("WWW-Authenticate", `Bearer realm="interlink", error="invalid_token"`)
	}
	if p, ok := s.bearer(hex.EncodeToString(got[:]), time.Now()); ok {
		return p, nil
	}
	p := newProblem(http.StatusUnauthorized, "token_invalid", "The bearer token is not valid.")
	return principal{}, p.with("WWW-Authenticate", `Bearer realm="interlink", error="invalid_token"`)
}

// bearer finds the principal of a token that the directory knows. The map is
// asked with a hash: its time tells nothing about other tokens.
func (s *Server) bearer(hash string, at time.Time) (principal, bool) {
	t, _ := s.view.ObjectByClaim(directory.TokenClaim(hash)).(*directory.Token)
	return s.principalOf(t, at)
}

// principalOf is who a token stands for, as its rights are now; false for one that
// opens nothing.
func (s *Server) principalOf(t *directory.Token, at time.Time) (principal, bool) {
	if t == nil || t.Expired(at) {
		return principal{}, false
	}
	p := principal{Account: t.Account, Token: t, ID: "token:" + string(t.ID)}
	switch t.Use {
	case directory.TokenSession:
		u := directory.Find[*directory.User](s.view, directory.KindUser, string(t.User))
		if u == nil {
			return principal{}, false
		}
		p.User, p.ID = u.ID, "user:"+string(u.ID)
		p.Kind = s.kindOf(u)
	case directory.TokenAccess:
		if !s.stillActs(t, at) {
			return principal{}, false
		}
		p.Actor, p.Kind = t.Actor, s.adminKind(t.Account)
	default:
		p.Kind = s.adminKind(t.Account)
	}
	return p, true
}

// stillActs reports whether who obtained an access token may still act as the
// account: a token does not outlive the right it was made by.
func (s *Server) stillActs(t *directory.Token, at time.Time) bool {
	if t.Behind == "" {
		return true // the first administrator's
	}
	behind := directory.Find[*directory.Token](s.view, directory.KindToken, string(t.Behind))
	if behind == nil || behind.Use == directory.TokenAccess {
		return false
	}
	actor, ok := s.principalOf(behind, at)
	return ok && s.may(actor, accessStart, t.Account)
}

// kindOf is what a user is.
func (s *Server) kindOf(u *directory.User) principalKind {
	if u.Role != directory.RoleAdmin {
		return plainUser
	}
	kind := s.adminKind(u.Account)
	if kind == customerAdmin && slices.ContainsFunc(s.view.Dependents(u.Ref()), func(o directory.Owned) bool {
		return o.Ref().Kind == directory.KindFederationAdmin
	}) {
		return federationAdmin
	}
	return kind
}

// adminKind is what an administrator of an account is: staff where it belongs to
// the platform, a partner where it may have accounts below or has some.
func (s *Server) adminKind(id directory.AccountID) principalKind {
	a := s.view.Account(id)
	switch {
	case id == "":
		return staff
	case a != nil && a.Reseller, s.view.Children(id) > 0:
		return partner
	}
	return customerAdmin
}

// mayNow is may for the principal of the request.
func (s *Server) mayNow(ctx context.Context, do permission, id directory.AccountID) bool {
	return s.may(requestOf(ctx).principal, do, id)
}

// account returns the account a path names. An account the principal may not
// see is answered like one that does not exist.
func (s *Server) account(ctx context.Context, id directory.AccountID, do permission) (*directory.Account, error) {
	a := s.view.Account(id)
	if a == nil || !s.sees(ctx, id) {
		return nil, directory.NotFound(directory.KindAccount)
	}
	if !s.mayNow(ctx, do, id) {
		return nil, forbidden()
	}
	return a, nil
}

// sees reports whether the principal may know that an account exists: a token's
// scopes take rights away, not that knowledge.
func (s *Server) sees(ctx context.Context, id directory.AccountID) bool {
	return s.granted(requestOf(ctx).principal, id)[accountRead]
}

// platform checks what the principal may with what belongs to the platform.
func (s *Server) platform(ctx context.Context, do permission) error {
	if !s.mayNow(ctx, do, "") {
		return forbidden()
	}
	return nil
}

func forbidden() *directory.Error {
	return &directory.Error{Kind: directory.KindForbidden, Code: "forbidden", Detail: "The token does not allow this."}
}

// Me is the principal behind the token.
type Me struct {
	Principal string               `json:"principal" doc:"Who the audit log names for this token's writes." example:"staff:admin"`
	Kind      principalKind        `json:"kind" doc:"What sort of principal it is." enum:"staff,partner,federation_admin,admin,user"`
	Account   *directory.AccountID `json:"account" doc:"The account it belongs to; null for staff."`
	User      *directory.UserID    `json:"user" doc:"Who is logged in; null for other tokens."`
	Actor     *string              `json:"actor" doc:"Who acts as the account through an access token; null otherwise."`
	ExpiresAt *time.Time           `json:"expires_at" doc:"When the token ends; null: never."`
	Scopes    []string             `json:"scopes" nullable:"false" doc:"What bounds the token; empty: nothing but its principal's rights."`
}

func renderMe(p principal) Me {
	me := Me{Principal: p.ID, Kind: p.Kind, Account: nullable(p.Account), User: nullable(p.User), Actor: nullable(p.Actor), Scopes: []string{}}
	if p.Token != nil {
		me.ExpiresAt, me.Scopes = nullTime(p.Token.ExpiresAt), append(me.Scopes, p.Token.Scopes...)
	}
	return me
}

func (s *Server) me(ctx context.Context, _ *struct{}) (*Reading[Me], error) {
	return &Reading[Me]{Body: renderMe(requestOf(ctx).principal)}, nil
}
