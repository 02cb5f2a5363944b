package provision

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pbx-interlink/interlink/directory"
)

func federationPathOf(f directory.FederationID, rest ...string) string {
	path := "/v1/federations/" + url.PathEscape(string(f))
	for _, r := range rest {
		path += "/" + url.PathEscape(r)
	}
	return path
}

// CreateFederation makes a federation; the answer holds its access code.
func (c *Client) CreateFederation(ctx context.Context, f NewFederation) (*Federation, error) {
	return submit[Federation](ctx, c, "/v1/federations", f)
}

func (c *Client) Federations(ctx context.Context, p Paging) (*Page[Federation], error) {
	return fetch[Page[Federation]](ctx, c, "/v1/federations", p.query())
}

func (c *Client) Federation(ctx context.Context, f directory.FederationID) (*Federation, error) {
	return fetch[Federation](ctx, c, federationPathOf(f), nil)
}

// PatchFederation changes a federation as it was read.
func (c *Client) PatchFederation(ctx context.Context, f *Federation, p FederationPatch) (*Federation, error) {
	return amend[Federation](ctx, c, federationPathOf(f.ID), f.Version, p)
}

func (c *Client) DeleteFederation(ctx context.Context, f directory.FederationID, version uint64) error {
	return c.remove(ctx, federationPathOf(f), version)
}

// RotateAccessCode replaces a federation's access code; the answer holds it.
func (c *Client) RotateAccessCode(ctx context.Context, f directory.FederationID) (*Federation, error) {
	return ask[Federation](ctx, c, message{method: http.MethodPost, path: federationPathOf(f, "access-code")})
}

func (c *Client) Members(ctx context.Context, f directory.FederationID, p Paging) (*Page[Member], error) {
	return fetch[Page[Member]](ctx, c, federationPathOf(f, "members"), p.query())
}

func (c *Client) Member(ctx context.Context, f directory.FederationID, a directory.AccountID) (*Member, error) {
	return fetch[Member](ctx, c, federationPathOf(f, "members", string(a)), nil)
}

// RemoveMember ends a membership, from either side.
func (c *Client) RemoveMember(ctx context.Context, f directory.FederationID, a directory.AccountID, version uint64) error {
	return c.remove(ctx, federationPathOf(f, "members", string(a)), version)
}

func (c *Client) Administrators(ctx context.Context, f directory.FederationID, p Paging) (*Page[FederationAdministrator], error) {
	return fetch[Page[FederationAdministrator]](ctx, c, federationPathOf(f, "administrators"), p.query())
}

func (c *Client) Administrator(ctx context.Context, f directory.FederationID, u directory.UserID) (*FederationAdministrator, error) {
	return fetch[FederationAdministrator](ctx, c, federationPathOf(f, "administrators", string(u)), nil)
}

// NameAdministrator gives a user rights over every member; the version is 0 for
// who has none yet.
func (c *Client) NameAdministrator(ctx context.Context, f directory.FederationID, u directory.UserID, version uint64) (*FederationAdministrator, error) {
	return set[FederationAdministrator](ctx, c, federationPathOf(f, "administrators", string(u)), version, nil)
}

func (c *Client) DismissAdministrator(ctx context.Context, f directory.FederationID, u directory.UserID, version uint64) error {
	return c.remove(ctx, federationPathOf(f, "administrators", string(u)), version)
}

// Join asks for membership.
func (c *Client) Join(ctx context.Context, a directory.AccountID, code Admission) (*JoinRequest, error) {
	return submit[JoinRequest](ctx, c, pathOf(a, "federation", "join"), code)
}

// Belonging tells what federation an account is in or has asked to join; nil for
// none.
func (c *Client) Belonging(ctx context.Context, a directory.AccountID) (*Belonging, error) {
	b, err := fetch[*Belonging](ctx, c, pathOf(a, "federation"), nil)
	if err != nil {
		return nil, err
	}
	return *b, nil
}

func (c *Client) JoinRequests(ctx context.Context, f directory.FederationID, p Paging) (*Page[JoinRequest], error) {
	return fetch[Page[JoinRequest]](ctx, c, federationPathOf(f, "join-requests"), p.query())
}

func (c *Client) JoinRequest(ctx context.Context, f directory.FederationID, r directory.MembershipID) (*JoinRequest, error) {
	return fetch[JoinRequest](ctx, c, federationPathOf(f, "join-requests", string(r)), nil)
}

func (c *Client) AcceptJoinRequest(ctx context.Context, f directory.FederationID, r directory.MembershipID) (*JoinRequest, error) {
	return ask[JoinRequest](ctx, c, message{method: http.MethodPost, path: federationPathOf(f, "join-requests", string(r), "accept")})
}

func (c *Client) DeclineJoinRequest(ctx context.Context, f directory.FederationID, r directory.MembershipID) (*JoinRequest, error) {
	return ask[JoinRequest](ctx, c, message{method: http.MethodPost, path: federationPathOf(f, "join-requests", string(r), "decline")})
}

// WithdrawJoinRequest is for the account that asked.
func (c *Client) WithdrawJoinRequest(ctx context.Context, f directory.FederationID, r directory.MembershipID, version uint64) error {
	return c.remove(ctx, federationPathOf(f, "join-requests", string(r)), version)
}
