package provision

import (
	"context"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Account is an account as it is read.
type Account struct {
	ID        directory.AccountID  `json:"id" doc:"The account's id." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name      string               `json:"name" doc:"Never changes." example:"Brown Ltd"`
	Realm     string               `json:"realm" doc:"The account's SIP domain (RFC 3261 §22.1), generated." example:"k7m2q9x4w1z8.interlink.invalid"`
	Parent    *directory.AccountID `json:"parent" doc:"The account above; null directly below the platform."`
	TimeZone  string               `json:"timezone" doc:"IANA name." example:"Europe/Berlin"`
	Enabled   bool                 `json:"enabled" doc:"A disabled account makes and receives no calls."`
	Reseller  bool                 `json:"reseller" doc:"Whether it may have accounts below."`
	Status    string               `json:"status" enum:"active,inactive" doc:"Active while enabled."`
	Provider  *string              `json:"provider" doc:"The voice provider's name; null when the account has none." example:"Carrier One"`
	LastLogin *time.Time           `json:"last_login" doc:"When somebody last logged in; null before the first time."`
	LastCall  *time.Time           `json:"last_call" doc:"When the newest recorded call began; null before the first, or when the store does not answer."`
	LastSync  *time.Time           `json:"last_sync" doc:"When the newest call record came into the account's call log, since it has its provider; null before the first, or when the store does not answer."`
	Lines     AccountLines         `json:"lines" doc:"Lines in use and allowed."`
	Version   uint64               `json:"version" doc:"Counts the account's changes; the ETag."`
	CreatedAt time.Time            `json:"created_at" doc:"When it was created."`
}

// AccountLines sums an account's lines.
type AccountLines struct {
	Used    *int  `json:"used" doc:"Lines that calls hold now, in both directions; null when the store does not answer."`
	Allowed int64 `json:"allowed" minimum:"-1" doc:"All trunks together; -1 when one of the lanes is unlimited."`
}

// AccountPatch changes an account.
type AccountPatch struct {
	Name     Optional[string]              `json:"name,omitzero" doc:"Can never be changed; the name it has is accepted."`
	Realm    Optional[string]              `json:"realm,omitzero" doc:"Can never be changed; the realm it has is accepted."`
	Parent   Optional[directory.AccountID] `json:"parent,omitzero" doc:"Cannot be changed; the parent it has is accepted."`
	TimeZone Optional[string]              `json:"timezone,omitzero" doc:"IANA name; null: the parent's."`
	Enabled  Optional[bool]                `json:"enabled,omitzero" doc:"Acts from the next call on; null: enabled."`
	Reseller Optional[bool]                `json:"reseller,omitzero" doc:"Whether it may have accounts below; those it has stay. null: false."`
}

// applyNewRealm tries random realms until one is free (AC3).
func (s *Server) applyNewRealm(ctx context.Context, dry Rehearsal, a *directory.Account, changes []directory.Change) error {
	for n := 1; ; n++ {
		a.Realm = newRealm(s.cfg.RealmSuffix)
		err := s.apply(ctx, dry, changes...)
		if n == maxAttempts || claimOf(err) != "realm" {
			return err
		}
	}
}

// depth counts an account and those above it, as far as limits are looked for.
func (s *Server) depth(id directory.AccountID) int {
	n := 0
	for a := s.view.Account(id); a != nil && n <= routing.MaxDepth; n++ {
		a = s.view.Account(a.Parent)
	}
	return n
}

func (s *Server) defaultTimeZone(a *directory.Account) string {
	if p := s.view.Account(a.Parent); p != nil {
		return p.TimeZone
	}
	return "UTC"
}

type getAccountInput struct{ InAccount }

func (s *Server) getAccount(ctx context.Context, in *getAccountInput) (*Reading[Account], error) {
	a, err := s.account(ctx, in.Account, accountRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Account]{ETag: etag(a.Version), Body: s.renderAccount(ctx, a)}, nil
}

type patchAccountInput struct {
	InAccount
	Precondition
	Rehearsal
	EndCalls bool `query:"end_calls" doc:"End the calls that the account has up, too; without, they go on."`
	Body     AccountPatch
}

func (s *Server) patchAccount(ctx context.Context, in *patchAccountInput) (*Reading[Account], error) {
	var after *directory.Account
	err := s.retry(ctx, func() (error, error) {
		before, err := s.account(ctx, in.Account, accountWrite)
		if err != nil {
			return nil, err
		}
		if in.EndCalls && !s.mayNow(ctx, callsEnd, before.ID) {
			return nil, forbidden()
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		if err := s.patchedAccount(&next, &in.Body); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.Account](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	if in.EndCalls && !after.Enabled && !in.DryRun {
		if err := s.endCallsOf(ctx, after.ID); err != nil {
			return nil, err
		}
	}
	return &Reading[Account]{ETag: etag(after.Version), Body: s.renderAccount(ctx, after)}, nil
}

func (s *Server) patchedAccount(a *directory.Account, p *AccountPatch) error {
	switch {
	case p.Name.Set && p.Name.Value != a.Name:
		return directory.Invalid("/name", "name_fixed", "The name of an account can never be changed.")
	case p.Realm.Set && !strings.EqualFold(p.Realm.Value, a.Realm):
		return directory.Invalid("/realm", "realm_fixed", "The realm of an account can never be changed.")
	case p.Parent.Set && p.Parent.Value != a.Parent:
		return directory.Invalid("/parent", "parent_fixed", "An account cannot be moved.")
	}
	patch(&a.TimeZone, p.TimeZone, s.defaultTimeZone(a))
	patch(&a.Enabled, p.Enabled, true)
	patch(&a.Reseller, p.Reseller, false)
	return a.Validate()
}

// renderAccount reads what calls do beside what the directory knows. A store
// that does not answer leaves those members null: the rest is still true.
func (s *Server) renderAccount(ctx context.Context, a *directory.Account) Account {
	return s.renderAccounts(ctx, []*directory.Account{a})[0]
}

func (s *Server) renderAccounts(ctx context.Context, accounts []*directory.Account) []Account {
	ids := make([]directory.AccountID, len(accounts))
	for i, a := range accounts {
		ids[i] = a.ID
	}
	lines, logs := s.traffic(ctx, ids)
	out := make([]Account, len(accounts))
	for i, a := range accounts {
		out[i] = renderNouns(a)
		out[i].Lines.Allowed = allowed(s.view.LimitsOf(a.ID))
		out[i].LastCall, out[i].LastSync, out[i].LastLogin = logs[i].call, logs[i].sync, s.newestLogin(a.ID)
		if _, p := s.connection(a.ID); p != nil {
			out[i].Provider = &p.Name
		}
		if lines != nil {
			used := lines[i].Inbound + lines[i].Outbound
			out[i].Lines.Used = &used
		}
	}
	return out
}

// trafficTime is how long an account's answer waits for what calls do; the rest
// of it is in memory.
const trafficTime = time.Second

// traffic reads the lines in use, nil when the store does not answer, and what
// the call logs tell.
func (s *Server) traffic(ctx context.Context, ids []directory.AccountID) ([]routing.Lines, []activity) {
	if len(ids) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, trafficTime)
	defer cancel()
	lines, err := s.calls.Lines(ctx, ids)
	if err != nil || len(lines) != len(ids) {
		return nil, make([]activity, len(ids)) // nothing more is asked of a store that does not answer
	}
	logs, _ := s.activity(ctx, ids) // what was not read is null, as documented
	return lines, logs
}

// renderNouns is what the directory knows of an account.
func renderNouns(a *directory.Account) Account {
	return Account{
		ID: a.ID, Name: a.Name, Realm: a.Realm, Parent: nullable(a.Parent), TimeZone: a.TimeZone,
		Enabled: a.Enabled, Reseller: a.Reseller, Status: accountStatus(a), Version: a.Version, CreatedAt: a.CreatedAt.UTC(),
	}
}

func accountStatus(a *directory.Account) string {
	if a.Enabled {
		return "active"
	}
	return "inactive"
}

// allowed sums the trunks of all lanes; nil stands for no limits set.
func allowed(l *directory.Limits) int64 {
	if l == nil || l.Inbound == directory.Unlimited || l.Outbound == directory.Unlimited ||
		l.TwoWay == directory.Unlimited || l.Burst == directory.Unlimited {
		return directory.Unlimited
	}
	return l.Inbound + l.Outbound + l.TwoWay + l.Burst
}
