package provision

import (
	"context"
	"log/slog"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Failed logins are free so many times, then one each while. No one source can
// fail often enough to keep a user out.
const (
	loginSourceBurst = 20
	loginSourceEvery = 6 * time.Second
	loginEmailBurst  = 50
	loginEmailEvery  = 3 * time.Second
)

// maxSessions is how many sessions a user has at once; the oldest end.
const maxSessions = 20

// Login is who wants a session.
type Login struct {
	Email    string `json:"email" minLength:"1" maxLength:"254" doc:"The user's address, in any case." example:"pat@brown.example"`
	Password string `json:"password" minLength:"1" maxLength:"512" doc:"The user's password." example:"correct horse battery"`
}

// Session is what a login gives.
type Session struct {
	Token     string    `json:"token,omitempty" doc:"The bearer token of the session; nobody can read it again." example:"its_0000000000000000000000000000000000000000000000000000abcdef"`
	ExpiresAt time.Time `json:"expires_at" doc:"When the session ends."`
	Principal Me        `json:"principal" doc:"Who is logged in."`
}

type loginInput struct {
	Rehearsal
	Body Login
}

// login opens a session. An unknown address, one without a password and a wrong
// password get one and the same answer in the same time.
func (s *Server) login(ctx context.Context, in *loginInput) (*Reading[Session], error) {
	source, email := requestOf(ctx).source, strings.ToLower(in.Body.Email)
	if err := s.logins.begin(source, email); err != nil {
		s.metrics.login("throttled")
		return nil, err
	}
	u, _ := s.view.ObjectByClaim(directory.EmailClaim(email)).(*directory.User)
	stored := ""
	if u != nil {
		stored = u.Password
	}
	right, err := s.passwords.verify(ctx, stored, in.Body.Password)
	if err == nil && !right {
		s.metrics.login("refused")
		s.noteRefused(ctx, email, u)
		s.log.InfoContext(ctx, "login refused", slog.String("request_id", requestOf(ctx).id), slog.String("source", source))
		return nil, loginFailed()
	}
	s.logins.succeed(source, email)
	if err != nil {
		return nil, err
	}
	out, err := s.open(ctx, in.Rehearsal, u, in.Body.Password)
	if err == nil {
		s.metrics.login("opened")
	}
	return out, err
}

// loginFailed is the one answer to every login that opens nothing.
func loginFailed() *Problem {
	p := newProblem(http.StatusUnauthorized, "login_failed", "The email address or the password is wrong.")
	return p.with("WWW-Authenticate", `Bearer realm="interlink"`)
}

// open writes a session of a user whose password was right.
func (s *Server) open(ctx context.Context, dry Rehearsal, u *directory.User, password string) (*Reading[Session], error) {
	secret := newBearer(directory.TokenSession)
	hash := u.Password
	if s.passwords.outdated(hash) {
		// The cost of hashing has changed: this is when the password is known.
		var err error
		if hash, err = s.passwords.hash(ctx, password); err != nil {
			return nil, err
		}
	}
	by := actor(ctx)
	by.Principal, by.Subject = userPrincipal(u.ID), u.Account
	verified := u.Password
	var t *directory.Token
	err := s.retry(ctx, func() (error, error) {
		u := directory.Find[*directory.User](s.view, directory.KindUser, string(u.ID))
		if u == nil || u.Password != verified {
			return nil, loginFailed()
		}
		t = &directory.Token{
			ID: directory.TokenID(s.ids.next("tok_")), Account: u.Account, Use: directory.TokenSession, User: u.ID,
			Hash: bearerHash(secret), CreatedAt: now(), CreatedBy: userPrincipal(u.ID),
		}
		t.ExpiresAt = t.CreatedAt.Add(s.cfg.SessionTime)
		next := *u
		next.LastLogin, next.Password = t.CreatedAt, hash
		changes := append(s.uproot(s.surplus(u, t.CreatedAt)...), directory.Replace(u, &next), directory.Create(t))
		return overtaken(s.applyAs(ctx, by, dry, changes...)), nil
	})
	if err != nil {
		return nil, err
	}
	p := principal{Account: u.Account, Token: t, User: u.ID, ID: userPrincipal(u.ID), Kind: s.kindOf(u)}
	requestOf(ctx).principal = p // for the access log
	out := &Reading[Session]{Body: Session{ExpiresAt: t.ExpiresAt, Principal: renderMe(p)}}
	if !dry.DryRun {
		out.Body.Token = secret
	}
	return out, nil
}

func userPrincipal(id directory.UserID) string { return "user:" + string(id) }

// surplus returns the user's sessions that a new one ends: those that are over,
// and the oldest beyond maxSessions.
func (s *Server) surplus(u *directory.User, at time.Time) []directory.Object {
	var over []directory.Object
	live := s.sessions(u.ID)
	live = slices.DeleteFunc(live, func(t *directory.Token) bool {
		if t.Expired(at) {
			over = append(over, t)
		}
		return t.Expired(at)
	})
	for len(live) >= maxSessions {
		over, live = append(over, live[0]), live[1:]
	}
	return over
}

// sessions returns a user's sessions, the oldest first.
func (s *Server) sessions(id directory.UserID) []*directory.Token {
	var list []*directory.Token
	for _, o := range s.view.Dependents(directory.Ref{Kind: directory.KindUser, ID: string(id)}) {
		if t, ok := o.(*directory.Token); ok && t.Use == directory.TokenSession {
			list = append(list, t)
		}
	}
	return list
}

type logoutInput struct{ Rehearsal }

// logout ends the session that asks for it, and the access that was started from
// it.
func (s *Server) logout(ctx context.Context, in *logoutInput) (*struct{}, error) {
	return nil, s.endOwn(ctx, in.Rehearsal, directory.TokenSession)
}

// logins are the failures that are counted.
type logins struct{ bySource, byEmail *attempts }

func newLogins() logins {
	return logins{newAttempts(loginSourceBurst, loginSourceEvery), newAttempts(loginEmailBurst, loginEmailEvery)}
}

// begin counts an attempt until succeed takes it back. A source that has to wait
// costs the address nothing.
func (l logins) begin(source, email string) error {
	at := time.Now()
	wait := l.bySource.begin(source, at)
	if wait == 0 {
		wait = l.byEmail.begin(email, at)
	}
	if wait == 0 {
		return nil
	}
	p := newProblem(http.StatusTooManyRequests, "login_throttled", "Too many logins failed; try again later.")
	return p.with("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
}

func (l logins) succeed(source, email string) {
	l.bySource.succeed(source)
	l.byEmail.succeed(email)
}
