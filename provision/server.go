package provision

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humamux"
	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Repository takes writes. The changes are carried out whole or not at all, and
// the view has them when Apply returns without error.
type Repository interface {
	Apply(ctx context.Context, actor directory.Actor, changes ...directory.Change) error
}

// Calls reads and ends the calls that hold lines now.
type Calls interface {
	// Lines answers for each account asked, in the order asked.
	Lines(ctx context.Context, accounts []directory.AccountID) ([]routing.Lines, error)
	// LiveCalls returns up to limit calls that hold a line of the account.
	LiveCalls(ctx context.Context, account directory.AccountID, limit int) ([]routing.LiveCall, error)
	// LiveCall returns nil when there is no such call.
	LiveCall(ctx context.Context, lease routing.LeaseID) (*routing.LiveCall, error)
	// Spending is what the account's calls per minute have cost, and will have.
	Spending(ctx context.Context, account directory.AccountID) (routing.Spending, error)
	// Talked is how many minutes the account has used of each of its licences.
	Talked(ctx context.Context, account directory.AccountID) (map[directory.LicenceID]int64, error)
	// EndCall ends the call and frees its lines; KindNotFound when it is gone.
	EndCall(ctx context.Context, lease routing.LeaseID) error
}

// CallLog reads an account's call records, newest first, beginning behind the
// cursor of an earlier answer, or behind the record whose ID is given as one. The
// cursor is empty when nothing follows.
type CallLog interface {
	CallLog(ctx context.Context, account directory.AccountID, cursor string, limit int) ([]routing.Record, string, error)
	// LastCalls returns when an account's latest recorded call began, as of now;
	// the zero time where none was recorded. What it returns waits for nothing, is
	// for one goroutine, and is best asked in the order of ids.
	LastCalls(ctx context.Context) (func(directory.AccountID) time.Time, error)
}

// Idempotency remembers the answers to POST requests that carried an
// Idempotency-Key. An answer can hold a secret: it is not kept readable.
type Idempotency interface {
	// Begin claims a key. It returns the answer of an earlier request with the
	// same fingerprint, nil when the caller is the first, KindConflict while
	// the first still runs, KindConflict "idempotency_full" where the owner has
	// as many as it may, and KindInvalid for another fingerprint.
	Begin(ctx context.Context, k directory.RequestKey, fingerprint []byte) ([]byte, error)
	Finish(ctx context.Context, k directory.RequestKey, answer []byte) error
	// Abandon forgets a key whose request changed nothing.
	Abandon(ctx context.Context, k directory.RequestKey) error
}

// Config says what a Server works on.
type Config struct {
	// View answers reads. Required.
	View *directory.View
	// Repository takes writes. Required.
	Repository Repository
	// Trail keeps who did what. Required.
	Trail Trail
	// Courier keeps what nodes know of each other's deliveries to webhooks.
	// Required.
	Courier Courier
	// Calls and CallLog show what calls do. Required.
	Calls   Calls
	CallLog CallLog
	// Idempotency nil: the Idempotency-Key header is refused as unavailable.
	Idempotency Idempotency
	// Router answers explain. Required.
	Router *routing.Router
	// StatusOf is the SIP status of a reason, for explain. Required.
	StatusOf func(routing.Reason) int
	// ClusterKey is the secret all nodes share, at least 16 octets; keys for
	// sealing and signing are derived from it. Required.
	ClusterKey []byte
	// AdminToken is the bearer token of the staff principal. Empty: nobody gets
	// in.
	AdminToken string
	// RealmSuffix ends every generated realm; a domain name. Required.
	RealmSuffix string
	// NumberMax is the longest internal number, 1 to 8 characters; 0 is 8.
	NumberMax int
	// RedeemBurst failed keys and codes are free for an account, then one each
	// RedeemEvery; a source address has 10 times as many. 0 is 10, and 6 seconds.
	RedeemBurst int
	RedeemEvery time.Duration
	// TrustedProxies are believed in what X-Forwarded-For says of a request's
	// source. Empty: the header counts for nothing.
	TrustedProxies []netip.Prefix
	// SessionTime is how long a login lasts; 0 is 12 hours.
	SessionTime time.Duration
	// PasswordMemory is what hashing a password takes, in KiB, at least 8; 0 is
	// 19456. Hashes made at another cost are renewed at the next login.
	PasswordMemory uint32
	// Rate is how many requests a second one principal may send to this node,
	// and ten seconds' worth of them at once; 0 is 1000.
	Rate int
	// WebhookAllowPrivate lets webhooks post to addresses that are not public.
	WebhookAllowPrivate bool
	// WebhookRetry is the pause after the first failed delivery, doubled with
	// each further one up to an hour; WebhookAge is how long a write's events are
	// tried. 0 is 5 seconds, and 24 hours.
	WebhookRetry, WebhookAge time.Duration
	// Bounds replace how many of something one account can have, by the names of
	// the table Bounds returns; at least 1 each.
	Bounds map[string]int
	// LookupHost finds the addresses of webhooks' hosts; nil asks the system.
	LookupHost func(ctx context.Context, host string) ([]netip.Addr, error)
	// Ready, when set, is asked before each request under /v1: an error answers
	// 503.
	Ready func() error
	// Registerer nil: no metrics.
	Registerer prometheus.Registerer
	// Log nil: nothing is logged.
	Log *slog.Logger
}

// Server serves the API.
type Server struct {
	cfg       Config
	view      *directory.View
	repo      Repository
	calls     Calls
	log       *slog.Logger
	metrics   *metrics
	secrets   *secrets
	redeems   *throttle
	logins    logins
	passwords *passwords
	turns     *turns
	streams   *streams
	rates     rates
	// refused counts the refused logins that are put down, by address; refusedAll
	// all of them.
	refused, refusedAll *attempts

	targets *targets
	postman *postman
	grants  grants
	bounds  bounds
	ids     *idSource
	router  *mux.Router
	api     huma.API
	handler http.Handler
}

// New checks the configuration and builds the routes.
func New(cfg Config) (*Server, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	sec, err := newSecrets(cfg.ClusterKey)
	if err != nil {
		return nil, err
	}
	bounds, err := newBounds(cfg.Bounds)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg: cfg, view: cfg.View, repo: cfg.Repository, calls: cfg.Calls, log: cfg.Log,
		metrics: newMetrics(cfg.Registerer), secrets: sec, ids: newIDSource(), turns: newTurns(), streams: newStreams(), rates: newRates(cfg.Rate), refused: newAttempts(refusedBurst, refusedEvery), refusedAll: newAttempts(refusedAllBurst, refusedAllEvery), targets: newTargets(cfg), grants: newGrants(), bounds: bounds,
		redeems: newThrottle(cfg.RedeemBurst, cfg.RedeemEvery),
		logins:  newLogins(), passwords: newPasswords(cfg.PasswordMemory),
		router: mux.NewRouter().SkipClean(true),
	}
	s.postman = newPostman(s.targets)
	s.router.NotFoundHandler = s.admit(http.HandlerFunc(s.routeNotFound))
	s.router.MethodNotAllowedHandler = s.admit(http.HandlerFunc(s.methodNotAllowed))
	s.router.Use(s.admit)
	s.api = humamux.New(s.router, s.apiConfig())
	s.routes()
	if err := s.publish(); err != nil {
		return nil, err
	}
	s.handler = s.observe(s.router)
	return s, nil
}

// complete fills in defaults and reports what is missing or impossible.
func (c *Config) complete() error {
	switch {
	case c.View == nil || c.Repository == nil || c.Calls == nil || c.CallLog == nil:
		return errors.New("provision: View, Repository, Calls and CallLog are required")
	case c.Trail == nil || c.Courier == nil:
		return errors.New("provision: Trail and Courier are required")
	case c.Rate < 0 || c.WebhookRetry < 0 || c.WebhookAge < 0:
		return errors.New("provision: Rate, WebhookRetry and WebhookAge cannot be negative")
	case c.Router == nil || c.StatusOf == nil:
		return errors.New("provision: Router and StatusOf are required")
	case len(c.ClusterKey) < 16:
		return errors.New("provision: ClusterKey needs at least 16 octets")
	case !regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,180}[a-z0-9])?$`).MatchString(strings.ToLower(c.RealmSuffix)):
		return errors.New("provision: RealmSuffix is not a domain name")
	case c.NumberMax < 0 || c.NumberMax > directory.MaxNumberLength:
		return errors.New("provision: NumberMax is not 1 to 8")
	case c.RedeemBurst < 0 || c.RedeemEvery < 0 || c.SessionTime < 0:
		return errors.New("provision: RedeemBurst, RedeemEvery and SessionTime cannot be negative")
	case c.PasswordMemory > 0 && c.PasswordMemory < 8:
		return errors.New("provision: PasswordMemory is at least 8 KiB")
	}
	c.RealmSuffix = strings.ToLower(c.RealmSuffix)
	if c.NumberMax == 0 {
		c.NumberMax = directory.MaxNumberLength
	}
	if c.RedeemBurst == 0 {
		c.RedeemBurst = 10
	}
	if c.RedeemEvery == 0 {
		c.RedeemEvery = 6 * time.Second
	}
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	if c.WebhookRetry == 0 {
		c.WebhookRetry = 5 * time.Second
	}
	if c.WebhookAge == 0 {
		c.WebhookAge = 24 * time.Hour
	}
	if c.SessionTime == 0 {
		c.SessionTime = 12 * time.Hour
	}
	if c.PasswordMemory == 0 {
		c.PasswordMemory = defaultPasswordMemory
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Handler serves the API, /openapi.json and /docs.
func (s *Server) Handler() http.Handler { return s.handler }

const (
	accountPath = "/v1/accounts/{account}"
	trunkPath   = accountPath + "/trunks/{trunk}"
	numberPath  = accountPath + "/numbers/{number}"
	linkPath    = accountPath + "/interlinks/{interlink}"
	loginPath   = "/v1/login"
	userPathIn  = accountPath + "/users/{user}"
	tokenPathIn = accountPath + "/tokens/{token}"
)

// routes is the whole API; what each call does is told in openapi.go.
func (s *Server) routes() {
	handle(s, http.MethodGet, "/v1/me", s.me)
	handle(s, http.MethodPost, loginPath, s.login)
	handle(s, http.MethodPost, "/v1/logout", s.logout)
	handle(s, http.MethodPost, accountPath+"/access", s.startAccess)
	handle(s, http.MethodDelete, "/v1/access", s.endAccess)

	handle(s, http.MethodPost, accountPath+"/users", s.createUser)
	handle(s, http.MethodGet, accountPath+"/users", s.listUsers)
	handle(s, http.MethodGet, userPathIn, s.getUser)
	handle(s, http.MethodPatch, userPathIn, s.patchUser)
	handle(s, http.MethodDelete, userPathIn, s.deleteUser)
	handle(s, http.MethodPost, "/v1/users", s.createStaffUser)
	handle(s, http.MethodGet, "/v1/users", s.listStaffUsers)
	handle(s, http.MethodGet, "/v1/users/{user}", s.getStaffUser)
	handle(s, http.MethodPatch, "/v1/users/{user}", s.patchStaffUser)
	handle(s, http.MethodDelete, "/v1/users/{user}", s.deleteStaffUser)

	handle(s, http.MethodPost, accountPath+"/tokens", s.createToken)
	handle(s, http.MethodGet, accountPath+"/tokens", s.listTokens)
	handle(s, http.MethodGet, tokenPathIn, s.getToken)
	handle(s, http.MethodDelete, tokenPathIn, s.deleteToken)
	handle(s, http.MethodPost, "/v1/tokens", s.createStaffToken)
	handle(s, http.MethodGet, "/v1/tokens", s.listStaffTokens)
	handle(s, http.MethodGet, "/v1/tokens/{token}", s.getStaffToken)
	handle(s, http.MethodDelete, "/v1/tokens/{token}", s.deleteStaffToken)

	handle(s, http.MethodPost, "/v1/accounts", s.createAccount)
	handle(s, http.MethodGet, "/v1/accounts", s.listAccounts)
	handle(s, http.MethodGet, accountPath, s.getAccount)
	handle(s, http.MethodPatch, accountPath, s.patchAccount)
	handle(s, http.MethodDelete, accountPath, s.deleteAccount)
	handle(s, http.MethodGet, accountPath+"/configuration", s.getConfiguration)
	handle(s, http.MethodPut, accountPath+"/configuration", s.putConfiguration)

	handle(s, http.MethodPost, accountPath+"/trunks", s.createTrunk)
	handle(s, http.MethodGet, accountPath+"/trunks", s.listTrunks)
	handle(s, http.MethodGet, trunkPath, s.getTrunk)
	handle(s, http.MethodPatch, trunkPath, s.patchTrunk)
	handle(s, http.MethodDelete, trunkPath, s.deleteTrunk)

	handle(s, http.MethodPost, accountPath+"/numbers", s.createNumber)
	handle(s, http.MethodGet, accountPath+"/numbers", s.listNumbers)
	handle(s, http.MethodGet, numberPath, s.getNumber)
	handle(s, http.MethodPatch, numberPath, s.patchNumber)
	handle(s, http.MethodDelete, numberPath, s.deleteNumber)

	handle(s, http.MethodPost, accountPath+"/interlinks", s.createInterlink)
	handle(s, http.MethodPost, accountPath+"/interlinks/redeem", s.redeem)
	handle(s, http.MethodGet, accountPath+"/interlinks", s.listInterlinks)
	handle(s, http.MethodGet, linkPath, s.getInterlink)
	handle(s, http.MethodPatch, linkPath, s.patchInterlink)
	handle(s, http.MethodDelete, linkPath, s.deleteInterlink)

	handle(s, http.MethodGet, accountPath+"/limits", s.getLimits)
	handle(s, http.MethodPut, accountPath+"/limits", s.putLimits)
	handle(s, http.MethodGet, accountPath+"/capacity", s.getCapacity)

	handle(s, http.MethodGet, "/v1/number-classes", s.getNumberClasses)
	handle(s, http.MethodPut, "/v1/number-classes", s.putNumberClasses)
	handle(s, http.MethodGet, accountPath+"/restrictions", s.getRestrictions)
	handle(s, http.MethodPut, accountPath+"/restrictions", s.putRestrictions)
	handle(s, http.MethodGet, accountPath+"/credit", s.getCredit)
	handle(s, http.MethodPost, accountPath+"/credit/entries", s.createCreditEntry)
	handle(s, http.MethodGet, accountPath+"/credit/entries", s.listCreditEntries)
	handle(s, http.MethodGet, accountPath+"/credit/entries/{entry}", s.getCreditEntry)
	handle(s, http.MethodPost, accountPath+"/licences", s.createLicence)
	handle(s, http.MethodGet, accountPath+"/licences", s.listLicences)
	handle(s, http.MethodGet, accountPath+"/licences/{licence}", s.getLicence)
	handle(s, http.MethodGet, accountPath+"/licence", s.currentLicence)

	s.subaccountRoutes()
	s.federationRoutes()

	handle(s, http.MethodGet, accountPath+"/calls", s.listCalls)
	handle(s, http.MethodDelete, "/v1/calls/{call}", s.endCall)
	handle(s, http.MethodGet, accountPath+"/call-log", s.listCallLog)
	handle(s, http.MethodPost, "/v1/explain", s.explain)

	s.webhookRoutes()
	handle(s, http.MethodGet, "/v1/audit", s.listAudit)
	handle(s, http.MethodGet, "/v1/audit/verify", s.verifyAudit)
	handle(s, http.MethodGet, EventsPath, s.listen)
}

// handle serves one operation: the handler returns an answer or an error, and
// errors are rendered in one place.
func handle[I, O any](s *Server, method, path string, h func(context.Context, *I) (*O, error)) {
	huma.Register(s.api, operation(method, path), func(ctx context.Context, in *I) (*O, error) {
		out, err := h(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, unguarded(in, err))
		}
		return out, nil
	})
}
