package provision

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// principalKind says what sort of principal asks.
type principalKind string

// staff may do everything.
const staff principalKind = "staff"

// principal is who a request comes from.
type principal struct {
	// ID goes into the audit log, for example "staff:admin".
	ID   string
	Kind principalKind
}

// permission is what a principal wants to do with an account.
type permission uint8

const (
	// see: read the account and all that hangs on it.
	see permission = iota + 1
	// edit: change the account's trunks, numbers and interlinks.
	edit
	// govern: create the account below its parent, enable, limit or delete it.
	govern
	// hangUp: end the account's calls.
	hangUp
)

// may is the one place that decides who may do what with an account. An empty
// account stands for the platform itself. Whoever may not see a thing is told
// that it does not exist; see (*Server).account.
func (s *Server) may(p principal, _ permission, _ directory.AccountID) bool {
	return p.Kind == staff
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
	if s.cfg.AdminToken == "" || subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
		p := newProblem(http.StatusUnauthorized, "token_invalid", "The bearer token is not valid.")
		return principal{}, p.with("WWW-Authenticate", `Bearer realm="interlink", error="invalid_token"`)
	}
	return principal{ID: "staff:admin", Kind: staff}, nil
}

// mayNow is may for the principal of the request.
func (s *Server) mayNow(ctx context.Context, do permission, id directory.AccountID) bool {
	return s.may(requestOf(ctx).principal, do, id)
}

// account returns the account a path names. An account the principal may not
// see is answered like one that does not exist.
func (s *Server) account(ctx context.Context, id directory.AccountID, do permission) (*directory.Account, error) {
	a := s.view.Account(id)
	if a == nil || !s.mayNow(ctx, see, id) {
		return nil, directory.NotFound(directory.KindAccount)
	}
	if !s.mayNow(ctx, do, id) {
		return nil, &directory.Error{Kind: directory.KindForbidden, Code: "forbidden", Detail: "The token does not allow this."}
	}
	return a, nil
}

// Me is the principal behind the token.
type Me struct {
	Principal string `json:"principal" doc:"Who the audit log names for this token's writes." example:"staff:admin"`
	Kind      string `json:"kind" doc:"What sort of principal it is." enum:"staff"`
}

func (s *Server) me(ctx context.Context, _ *struct{}) (*Reading[Me], error) {
	p := requestOf(ctx).principal
	return &Reading[Me]{Body: Me{Principal: p.ID, Kind: string(p.Kind)}}, nil
}
