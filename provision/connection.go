package provision

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pbx-interlink/interlink/directory"
)

// Connection is the voice provider an account is connected through. Its
// credentials are never read again.
type Connection struct {
	Provider       *directory.ProviderID `json:"provider" doc:"The provider's id; null for none." example:"prv_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name           *string               `json:"name" doc:"The provider's name; null for none." example:"Carrier One"`
	LoginURL       *string               `json:"login_url" doc:"Where its customers log in; null for none." example:"https://portal.example.com/login"`
	Capacity       *int64                `json:"capacity" doc:"The most calls it carries at a time for the account; -1 unlimited, null without a provider." example:"10"`
	CredentialsSet bool                  `json:"credentials_set" doc:"Whether credentials are kept; nobody can read them again."`
	Since          *time.Time            `json:"since" doc:"When the account came to this provider; null for none."`
	LastSync       *time.Time            `json:"last_sync" doc:"When the newest call record since then came into the account's call log; null before the first, or when the store does not answer."`
	Version        uint64                `json:"version" doc:"Counts the changes; the ETag. 0 while there is none."`
}

// NewConnection connects an account through a provider.
type NewConnection struct {
	Provider    *directory.ProviderID `json:"provider" maxLength:"64" doc:"The provider's id; null: none any more." example:"prv_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Credentials Optional[Credentials] `json:"credentials,omitzero" doc:"What the provider asks for: a text, or an object of texts. Without, those of the same provider stay; null: none."`
	Confirm     bool                  `json:"confirm,omitempty" default:"false" doc:"Whether the account's trunks, the numbers that go to them and the credentials may be deleted, as a change of the provider demands."`
}

// Credentials are kept as they came and sealed.
type Credentials struct{ text json.RawMessage }

const (
	maxCredentials      = 16   // members of an object
	maxCredentialLength = 1024 // characters of a text
)

// NewCredentials are credentials of several parts, each with its name in lower
// snake case.
func NewCredentials(parts map[string]string) (Credentials, error) {
	text, err := json.Marshal(parts)
	return Credentials{text}, err
}

func (c Credentials) MarshalJSON() ([]byte, error) { return c.text, nil }

func (c *Credentials) UnmarshalJSON(b []byte) error {
	c.text = bytes.Clone(b)
	return nil
}

// Schema is a text or an object of texts.
func (Credentials) Schema(huma.Registry) *huma.Schema {
	most, members := maxCredentialLength, maxCredentials
	text := func() *huma.Schema {
		s := &huma.Schema{Type: huma.TypeString, MaxLength: &most}
		s.PrecomputeMessages()
		return s
	}
	object := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: text(), MaxProperties: &members}
	object.PrecomputeMessages()
	s := &huma.Schema{
		OneOf:    []*huma.Schema{text(), object},
		Examples: []any{map[string]any{"username": "brown", "password": "what the provider gave"}},
	}
	s.PrecomputeMessages()
	return s
}

// Wiped is what a change of the provider deletes.
type Wiped struct {
	Trunks      []directory.TrunkID `json:"trunks" nullable:"false" doc:"The trunks."`
	Numbers     int                 `json:"numbers" doc:"How many internal numbers go to them."`
	Credentials bool                `json:"credentials" doc:"Whether credentials are kept for the present provider."`
}

// connection is an account's with its provider; nil for none.
func (s *Server) connection(id directory.AccountID) (*directory.Connection, *directory.Provider) {
	c := directory.Find[*directory.Connection](s.view, directory.KindConnection, string(id))
	if c == nil {
		return nil, nil
	}
	p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(c.Provider))
	if p == nil {
		return nil, nil
	}
	return c, p
}

func (s *Server) getConnection(ctx context.Context, in *InAccount) (*Reading[Connection], error) {
	a, err := s.account(ctx, in.Account, providerRead)
	if err != nil {
		return nil, err
	}
	c, _ := s.connection(a.ID)
	return s.renderConnection(ctx, c), nil
}

type putConnectionInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewConnection
}

// putConnection connects an account through a provider. Another one than before
// wipes what was set up for the old one, in the same write (SU1).
func (s *Server) putConnection(ctx context.Context, in *putConnectionInput) (*Reading[Connection], error) {
	var after *directory.Connection
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, providerWrite)
		if err != nil {
			return nil, err
		}
		before, _ := s.connection(a.ID)
		if err := in.check(version(before)); err != nil {
			return nil, err
		}
		next, provider, err := s.connected(a.ID, before, in.Body)
		if err != nil {
			return nil, err
		}
		var changes []directory.Change
		if before != nil && (next == nil || next.Provider != before.Provider) {
			if !in.Body.Confirm {
				return nil, s.mustConfirm(before)
			}
			changes = s.wipe(a.ID)
		}
		after = nil
		switch {
		case next != nil:
			change := directory.Create(next)
			if before != nil {
				change = directory.Replace(before, next)
			}
			after = written[*directory.Connection](change)
			// Neither may grow past the other meanwhile.
			changes = append(changes, change, directory.Unchanged(provider), directory.Unchanged(s.view.Limits(a.ID)))
		case before != nil:
			changes = append(changes, directory.Delete(before))
		default:
			return nil, nil
		}
		err = s.apply(ctx, in.Rehearsal, changes...)
		if len(changes) > 1 && (isKind(err, directory.KindConflict) || isKind(err, directory.KindNotFound)) {
			err = stale() // a trunk or a number came or went meanwhile
		}
		return err, nil
	})
	if err != nil {
		return nil, err
	}
	return s.renderConnection(ctx, after), nil
}

func version(c *directory.Connection) uint64 {
	if c == nil {
		return 0
	}
	return c.Version
}

// connected is the connection asked for and its provider; nil for none.
func (s *Server) connected(id directory.AccountID, before *directory.Connection, asked NewConnection) (*directory.Connection, *directory.Provider, error) {
	if asked.Provider == nil {
		if asked.Credentials.Set && !asked.Credentials.Null {
			return nil, nil, directory.Invalid("/credentials", "credentials_unused", "There are no credentials without a provider.")
		}
		return nil, nil, nil
	}
	p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(*asked.Provider))
	if p == nil {
		return nil, nil, directory.Invalid("/provider", "provider_unknown", "There is no such provider.")
	}
	if l := s.view.Limits(id); beyond(l.MaxOutbound, p.Capacity) {
		return nil, nil, directory.Conflict("/provider", "capacity_exceeded", "The provider carries %d calls, and the account may make %d.", p.Capacity, l.MaxOutbound)
	}
	c := &directory.Connection{Account: id, Provider: p.ID, Since: now()}
	if before != nil && before.Provider == p.ID {
		c.Since, c.Credentials = before.Since, before.Credentials
	}
	switch {
	case asked.Credentials.Null:
		c.Credentials = ""
	case asked.Credentials.Set:
		c.Credentials = s.secrets.sealCredentials(id, asked.Credentials.Value)
	}
	return c, p, nil
}

// sealCredentials hides credentials under the cluster key; they open for the
// same account only.
func (s *secrets) sealCredentials(id directory.AccountID, c Credentials) string {
	return base64.RawStdEncoding.EncodeToString(s.credentials.seal(c.text, string(id)))
}

// wipe deletes what was set up for a provider: trunks, and the numbers, which
// are nothing without one.
func (s *Server) wipe(id directory.AccountID) []directory.Change {
	var changes []directory.Change
	for _, n := range s.allNumbers(id) {
		changes = append(changes, directory.Delete(n))
	}
	for _, t := range s.view.Trunks(id) {
		changes = append(changes, directory.Delete(t))
	}
	return changes
}

// mustConfirm says what a change of the provider would delete.
func (s *Server) mustConfirm(c *directory.Connection) *Problem {
	wiped := &Wiped{Trunks: []directory.TrunkID{}, Numbers: len(s.allNumbers(c.Account)), Credentials: c.Credentials != ""}
	for _, t := range s.view.Trunks(c.Account) {
		wiped.Trunks = append(wiped.Trunks, t.ID)
	}
	p := newProblem(http.StatusConflict, "provider_change_confirm",
		"A change of the provider deletes the account's trunks, the numbers that go to them and the credentials; confirm must be true.")
	p.Errors = []FieldError{{Pointer: "/confirm", Code: p.Code, Detail: p.Detail}}
	p.Deletes = wiped
	return p
}

func (s *Server) renderConnection(ctx context.Context, c *directory.Connection) *Reading[Connection] {
	if c == nil {
		return &Reading[Connection]{ETag: etag(0)}
	}
	out := Connection{Provider: &c.Provider, CredentialsSet: c.Credentials != "", Since: nullTime(c.Since), Version: c.Version}
	if p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(c.Provider)); p != nil {
		out.Name, out.LoginURL, out.Capacity = &p.Name, nullable(p.LoginURL), &p.Capacity
	}
	ctx, cancel := context.WithTimeout(ctx, trafficTime)
	defer cancel()
	if activity, err := s.activity(ctx, []directory.AccountID{c.Account}); err == nil {
		out.LastSync = activity[0].sync
	}
	return &Reading[Connection]{ETag: etag(c.Version), Body: out}
}
