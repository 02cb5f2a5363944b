package provision

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pbx-interlink/interlink/directory"
)

func pathOf(a directory.AccountID, rest ...string) string {
	path := "/v1/accounts/" + url.PathEscape(string(a))
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

// Me tells whose token the client has.
func (c *Client) Me(ctx context.Context) (*Me, error) { return fetch[Me](ctx, c, "/v1/me", nil) }

// CreateAccount makes an account, at wish with all it needs; the answer alone
// holds generated passwords.
func (c *Client) CreateAccount(ctx context.Context, a NewAccount) (*CreatedAccount, error) {
	return submit[CreatedAccount](ctx, c, "/v1/accounts", a)
}

// AccountQuery selects and orders accounts; the zero value means all.
type AccountQuery struct {
	Query    string               `query:"q" doc:"Part of the name or realm, in any case."`
	Status   string               `query:"status" doc:"Only active or only inactive ones."`
	Parent   directory.AccountID  `query:"parent" doc:"Only accounts directly below this one."`
	Provider directory.ProviderID `query:"provider" doc:"Only accounts connected through this voice provider."`
	Sort     string               `query:"sort" doc:"Keys in order of weight, separated by commas, - for descending: name, status, provider, created_at, last_call, last_login."`
}

func (c *Client) Accounts(ctx context.Context, q AccountQuery, p Paging) (*Page[Account], error) {
	return fetch[Page[Account]](ctx, c, "/v1/accounts", queryOf(q, p))
}

func (c *Client) Account(ctx context.Context, a directory.AccountID) (*Account, error) {
	return fetch[Account](ctx, c, pathOf(a), nil)
}

func (c *Client) PatchAccount(ctx context.Context, a directory.AccountID, version uint64, p AccountPatch) (*Account, error) {
	return amend[Account](ctx, c, pathOf(a), version, p)
}

func (c *Client) DeleteAccount(ctx context.Context, a directory.AccountID, version uint64, cascade bool) error {
	var query url.Values
	if cascade {
		query = url.Values{"cascade": {"true"}}
	}
	return c.send(ctx, message{method: http.MethodDelete, path: pathOf(a), query: query, version: &version}, nil)
}

// Configuration is all of an account that can be set in one write.
func (c *Client) Configuration(ctx context.Context, a directory.AccountID) (*AccountConfiguration, error) {
	return fetch[AccountConfiguration](ctx, c, pathOf(a, "configuration"), nil)
}

// Configure makes an account what a configuration says, all of it or nothing.
func (c *Client) Configure(ctx context.Context, a directory.AccountID, version uint64, n Configuration) (*Reconfiguration, error) {
	return set[Reconfiguration](ctx, c, pathOf(a, "configuration"), version, n)
}

func (c *Client) CreateTrunk(ctx context.Context, a directory.AccountID, t NewTrunk) (*Trunk, error) {
	return submit[Trunk](ctx, c, pathOf(a, "trunks"), t)
}

func (c *Client) Trunks(ctx context.Context, a directory.AccountID, p Paging) (*Page[Trunk], error) {
	return fetch[Page[Trunk]](ctx, c, pathOf(a, "trunks"), p.query())
}

func (c *Client) Trunk(ctx context.Context, a directory.AccountID, t directory.TrunkID) (*Trunk, error) {
	return fetch[Trunk](ctx, c, pathOf(a, "trunks", string(t)), nil)
}

// PatchTrunk changes a trunk as it was read: its version is what the write
// expects.
func (c *Client) PatchTrunk(ctx context.Context, a directory.AccountID, t *Trunk, p TrunkPatch) (*Trunk, error) {
	return amend[Trunk](ctx, c, pathOf(a, "trunks", string(t.ID)), t.Version, p)
}

func (c *Client) DeleteTrunk(ctx context.Context, a directory.AccountID, t directory.TrunkID, version uint64) error {
	return c.remove(ctx, pathOf(a, "trunks", string(t)), version)
}

func (c *Client) CreateNumber(ctx context.Context, a directory.AccountID, n NewNumber) (*Number, error) {
	return submit[Number](ctx, c, pathOf(a, "numbers"), n)
}

// NumberQuery selects an account's numbers; the zero value means all.
type NumberQuery struct {
	Query string            `query:"q" doc:"Part of the spelling or the label, in any case."`
	Trunk directory.TrunkID `query:"trunk" doc:"Only numbers that go to this trunk."`
}

func (c *Client) Numbers(ctx context.Context, a directory.AccountID, q NumberQuery, p Paging) (*Page[Number], error) {
	return fetch[Page[Number]](ctx, c, pathOf(a, "numbers"), queryOf(q, p))
}

func (c *Client) Number(ctx context.Context, a directory.AccountID, n directory.NumberID) (*Number, error) {
	return fetch[Number](ctx, c, pathOf(a, "numbers", string(n)), nil)
}

// PatchNumber changes a number as it was read.
func (c *Client) PatchNumber(ctx context.Context, a directory.AccountID, n *Number, p NumberPatch) (*Number, error) {
	return amend[Number](ctx, c, pathOf(a, "numbers", string(n.ID)), n.Version, p)
}

func (c *Client) DeleteNumber(ctx context.Context, a directory.AccountID, n directory.NumberID, version uint64) error {
	return c.remove(ctx, pathOf(a, "numbers", string(n)), version)
}

// CreateInterlink generates an authorization key, which the answer holds.
func (c *Client) CreateInterlink(ctx context.Context, a directory.AccountID, l NewInterlink) (*Interlink, error) {
	return submit[Interlink](ctx, c, pathOf(a, "interlinks"), l)
}

// Redeem links the account with the one that generated the key.
func (c *Client) Redeem(ctx context.Context, a directory.AccountID, r Redemption) (*Interlink, error) {
	return submit[Interlink](ctx, c, pathOf(a, "interlinks", "redeem"), r)
}

// PreviewRedeem tells what Redeem would link to, and links nothing.
func (c *Client) PreviewRedeem(ctx context.Context, a directory.AccountID, r Redemption) (*Preview, error) {
	return ask[Preview](ctx, c, message{
		method: http.MethodPost, path: pathOf(a, "interlinks", "redeem"), query: url.Values{"dry_run": {"true"}}, body: r,
	})
}

func (c *Client) Interlinks(ctx context.Context, a directory.AccountID, p Paging) (*Page[Interlink], error) {
	return fetch[Page[Interlink]](ctx, c, pathOf(a, "interlinks"), p.query())
}

func (c *Client) Interlink(ctx context.Context, a directory.AccountID, l directory.InterlinkID) (*Interlink, error) {
	return fetch[Interlink](ctx, c, pathOf(a, "interlinks", string(l)), nil)
}

// PatchInterlink changes the account's side of an interlink as it was read.
func (c *Client) PatchInterlink(ctx context.Context, a directory.AccountID, l *Interlink, p InterlinkPatch) (*Interlink, error) {
	return amend[Interlink](ctx, c, pathOf(a, "interlinks", string(l.ID)), l.Version, p)
}

func (c *Client) DeleteInterlink(ctx context.Context, a directory.AccountID, l directory.InterlinkID, version uint64) error {
	return c.remove(ctx, pathOf(a, "interlinks", string(l)), version)
}

func (c *Client) Limits(ctx context.Context, a directory.AccountID) (*Limits, error) {
	return fetch[Limits](ctx, c, pathOf(a, "limits"), nil)
}

// SetLimits replaces the limits; their version is 0 while none were ever set.
func (c *Client) SetLimits(ctx context.Context, a directory.AccountID, version uint64, l NewLimits) (*Limits, error) {
	return ask[Limits](ctx, c, message{method: http.MethodPut, path: pathOf(a, "limits"), version: &version, body: l})
}

func (c *Client) Capacity(ctx context.Context, a directory.AccountID) (*Capacity, error) {
	return fetch[Capacity](ctx, c, pathOf(a, "capacity"), nil)
}

func (c *Client) Calls(ctx context.Context, a directory.AccountID, p Paging) (*Page[LiveCall], error) {
	return fetch[Page[LiveCall]](ctx, c, pathOf(a, "calls"), p.query())
}

func (c *Client) EndCall(ctx context.Context, call string) error {
	return c.send(ctx, message{method: http.MethodDelete, path: "/v1/calls/" + url.PathEscape(call)}, nil)
}

// CallLog reads call records, newest first.
func (c *Client) CallLog(ctx context.Context, a directory.AccountID, p Paging) (*Page[CallRecord], error) {
	return fetch[Page[CallRecord]](ctx, c, pathOf(a, "call-log"), p.query())
}

func (c *Client) Explain(ctx context.Context, q Question) (*Explanation, error) {
	return submit[Explanation](ctx, c, "/v1/explain", q)
}
