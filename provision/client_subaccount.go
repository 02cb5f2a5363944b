package provision

import (
	"context"
	"net/http"
	"net/url"

	"github.com/pbx-interlink/interlink/directory"
)

func providerPathOf(p directory.ProviderID) string {
	return "/v1/providers/" + url.PathEscape(string(p))
}
func planPathOf(p directory.PricePlanID) string { return "/v1/plans/" + url.PathEscape(string(p)) }

// set replaces what is kept at a path; its version is 0 while nothing is.
func set[T any](ctx context.Context, c *Client, path string, version uint64, body any) (*T, error) {
	return ask[T](ctx, c, message{method: http.MethodPut, path: path, version: &version, body: body})
}

func (c *Client) CreateProvider(ctx context.Context, p NewProvider) (*Provider, error) {
	return submit[Provider](ctx, c, "/v1/providers", p)
}

func (c *Client) Providers(ctx context.Context, p Paging) (*Page[Provider], error) {
	return fetch[Page[Provider]](ctx, c, "/v1/providers", p.query())
}

func (c *Client) Provider(ctx context.Context, p directory.ProviderID) (*Provider, error) {
	return fetch[Provider](ctx, c, providerPathOf(p), nil)
}

// PatchProvider changes a provider as it was read.
func (c *Client) PatchProvider(ctx context.Context, p *Provider, patch ProviderPatch) (*Provider, error) {
	return amend[Provider](ctx, c, providerPathOf(p.ID), p.Version, patch)
}

func (c *Client) DeleteProvider(ctx context.Context, p directory.ProviderID, version uint64) error {
	return c.remove(ctx, providerPathOf(p), version)
}

// Connection tells what voice provider an account has.
func (c *Client) Connection(ctx context.Context, a directory.AccountID) (*Connection, error) {
	return fetch[Connection](ctx, c, pathOf(a, "provider"), nil)
}

// SetConnection connects an account through a provider. Another one than before
// needs Confirm.
func (c *Client) SetConnection(ctx context.Context, a directory.AccountID, version uint64, n NewConnection) (*Connection, error) {
	return set[Connection](ctx, c, pathOf(a, "provider"), version, n)
}

// Permissions are the published ones.
func (c *Client) Permissions(ctx context.Context, a directory.AccountID) (*PermissionSet, error) {
	return fetch[PermissionSet](ctx, c, pathOf(a, "permissions"), nil)
}

func (c *Client) PermissionDraft(ctx context.Context, a directory.AccountID) (*PermissionDraft, error) {
	return fetch[PermissionDraft](ctx, c, pathOf(a, "permissions", "draft"), nil)
}

func (c *Client) SetPermissionDraft(ctx context.Context, a directory.AccountID, version uint64, n NewPermissions) (*PermissionDraft, error) {
	return set[PermissionDraft](ctx, c, pathOf(a, "permissions", "draft"), version, n)
}

// PublishPermissions publishes the draft if it has this version; AnyVersion
// publishes it as it is.
func (c *Client) PublishPermissions(ctx context.Context, a directory.AccountID, version uint64) (*PermissionSet, error) {
	return ask[PermissionSet](ctx, c, message{method: http.MethodPost, path: pathOf(a, "permissions", "publish"), version: &version})
}

func (c *Client) PermissionVersions(ctx context.Context, a directory.AccountID, p Paging) (*Page[PermissionEdition], error) {
	return fetch[Page[PermissionEdition]](ctx, c, pathOf(a, "permissions", "versions"), p.query())
}

func (c *Client) PermissionDiff(ctx context.Context, a directory.AccountID) (*PermissionDiff, error) {
	return fetch[PermissionDiff](ctx, c, pathOf(a, "permissions", "diff"), nil)
}

func (c *Client) CreatePlan(ctx context.Context, p NewPlan) (*Plan, error) {
	return submit[Plan](ctx, c, "/v1/plans", p)
}

func (c *Client) Plans(ctx context.Context, p Paging) (*Page[Plan], error) {
	return fetch[Page[Plan]](ctx, c, "/v1/plans", p.query())
}

func (c *Client) Plan(ctx context.Context, p directory.PricePlanID) (*Plan, error) {
	return fetch[Plan](ctx, c, planPathOf(p), nil)
}

// PatchPlan changes a plan as it was read.
func (c *Client) PatchPlan(ctx context.Context, p *Plan, patch PlanPatch) (*Plan, error) {
	return amend[Plan](ctx, c, planPathOf(p.ID), p.Version, patch)
}

func (c *Client) DeletePlan(ctx context.Context, p directory.PricePlanID, version uint64) error {
	return c.remove(ctx, planPathOf(p), version)
}

func (c *Client) PlanSelection(ctx context.Context, a directory.AccountID) (*PlanSelection, error) {
	return fetch[PlanSelection](ctx, c, pathOf(a, "plans"), nil)
}

func (c *Client) SelectPlans(ctx context.Context, a directory.AccountID, version uint64, n NewPlanSelection) (*PlanSelection, error) {
	return set[PlanSelection](ctx, c, pathOf(a, "plans"), version, n)
}

func (c *Client) Settings(ctx context.Context, a directory.AccountID) (*Settings, error) {
	return fetch[Settings](ctx, c, pathOf(a, "settings"), nil)
}

func (c *Client) SaveSettings(ctx context.Context, a directory.AccountID, version uint64, n NewSettings) (*Settings, error) {
	return set[Settings](ctx, c, pathOf(a, "settings"), version, n)
}
