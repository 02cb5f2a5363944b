package provision

import (
	"context"

	"github.com/pbx-interlink/interlink/directory"
)

func (c *Client) NumberClasses(ctx context.Context) (*NumberClasses, error) {
	return fetch[NumberClasses](ctx, c, "/v1/number-classes", nil)
}

// SetNumberClasses replaces the whole list; its version is 0 while there is none.
func (c *Client) SetNumberClasses(ctx context.Context, version uint64, n NewNumberClasses) (*NumberClasses, error) {
	return set[NumberClasses](ctx, c, "/v1/number-classes", version, n)
}

func (c *Client) Restrictions(ctx context.Context, a directory.AccountID) (*Restrictions, error) {
	return fetch[Restrictions](ctx, c, pathOf(a, "restrictions"), nil)
}

func (c *Client) SetRestrictions(ctx context.Context, a directory.AccountID, version uint64, n NewRestrictions) (*Restrictions, error) {
	return set[Restrictions](ctx, c, pathOf(a, "restrictions"), version, n)
}

func (c *Client) Credit(ctx context.Context, a directory.AccountID) (*Credit, error) {
	return fetch[Credit](ctx, c, pathOf(a, "credit"), nil)
}

func (c *Client) CreateCreditEntry(ctx context.Context, a directory.AccountID, e NewCreditEntry) (*CreditEntry, error) {
	return submit[CreditEntry](ctx, c, pathOf(a, "credit", "entries"), e)
}

func (c *Client) CreditEntries(ctx context.Context, a directory.AccountID, p Paging) (*Page[CreditEntry], error) {
	return fetch[Page[CreditEntry]](ctx, c, pathOf(a, "credit", "entries"), p.query())
}

func (c *Client) CreditEntry(ctx context.Context, a directory.AccountID, e directory.CreditEntryID) (*CreditEntry, error) {
	return fetch[CreditEntry](ctx, c, pathOf(a, "credit", "entries", string(e)), nil)
}

func (c *Client) CreateLicence(ctx context.Context, a directory.AccountID, l NewLicence) (*Licence, error) {
	return submit[Licence](ctx, c, pathOf(a, "licences"), l)
}

// LicenceQuery orders licences; the zero value means the order of their addition.
type LicenceQuery struct {
	Sort string `query:"sort" doc:"Columns in order of weight, separated by commas, - for descending."`
}

func (c *Client) Licences(ctx context.Context, a directory.AccountID, q LicenceQuery, p Paging) (*Page[Licence], error) {
	return fetch[Page[Licence]](ctx, c, pathOf(a, "licences"), queryOf(q, p))
}

func (c *Client) Licence(ctx context.Context, a directory.AccountID, l directory.LicenceID) (*Licence, error) {
	return fetch[Licence](ctx, c, pathOf(a, "licences", string(l)), nil)
}

// CurrentLicence is all licences that hold now taken together.
func (c *Client) CurrentLicence(ctx context.Context, a directory.AccountID) (*CurrentLicence, error) {
	return fetch[CurrentLicence](ctx, c, pathOf(a, "licence"), nil)
}
