package directory

import (
	"net/url"
	"strings"
	"time"
)

// ProviderID identifies a voice provider ("prv_" and a ULID).
type ProviderID string

// Provider is a voice provider that accounts are connected through (SU1).
type Provider struct {
	ID   ProviderID `json:"id"`
	Name string     `json:"name"`
	// LoginURL is where its customers log in; empty for none.
	LoginURL string `json:"login_url,omitempty"`
	// Capacity is the most concurrent calls it carries for one account;
	// Unlimited for no limit (LI2).
	Capacity  int64     `json:"capacity"`
	Version   uint64    `json:"version"`
	CreatedAt time.Time `json:"created_at"`
}

func (p *Provider) Ref() Ref              { return Ref{KindProvider, string(p.ID)} }
func (p *Provider) ObjectVersion() uint64 { return p.Version }
func (p *Provider) Owner() AccountID      { return "" }
func (p *Provider) Claims() []string      { return []string{"provider:" + strings.ToLower(p.Name)} }
func (p *Provider) Requires() []Ref       { return nil }
func (p *Provider) Redacted() Object      { return p }
func (p *Provider) withVersion(v uint64) Object {
	c := *p
	c.Version = v
	return &c
}

// Validate reports the first field that has an impossible value.
func (p *Provider) Validate() error {
	if err := CheckName("/name", p.Name); err != nil {
		return err
	}
	if p.LoginURL != "" {
		if u, err := url.Parse(p.LoginURL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(p.LoginURL) > 512 {
			return Invalid("/login_url", "url_invalid", "The login link is not an http or https address.")
		}
	}
	if p.Capacity < Unlimited || p.Capacity > MaxLines {
		return Invalid("/capacity", "limit_out_of_range", "%d is not -1 (unlimited) or 0 to %d.", p.Capacity, MaxLines)
	}
	return nil
}

// Connection is the one provider an account is connected through.
type Connection struct {
	Account  AccountID  `json:"account"`
	Provider ProviderID `json:"provider"`
	// Credentials are sealed under the cluster key; empty for none.
	Credentials string `json:"credentials,omitempty"`
	// Since is when the account came to this provider.
	Since   time.Time `json:"since"`
	Version uint64    `json:"version"`
}

func (c *Connection) Ref() Ref              { return Ref{KindConnection, string(c.Account)} }
func (c *Connection) ObjectVersion() uint64 { return c.Version }
func (c *Connection) Owner() AccountID      { return c.Account }
func (c *Connection) Claims() []string      { return nil }
func (c *Connection) Requires() []Ref {
	return []Ref{{KindAccount, string(c.Account)}, {KindProvider, string(c.Provider)}}
}

func (c *Connection) Redacted() Object {
	r := *c
	r.Credentials = ""
	return &r
}

func (c *Connection) withVersion(v uint64) Object {
	r := *c
	r.Version = v
	return &r
}
