package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Credit is what an account has to spend. Amounts are in minor units of the
// currency (cents).
type Credit struct {
	Balance   int64   `json:"balance" doc:"The sum of all entries less what calls have cost, in minor units." example:"5000"`
	Available int64   `json:"available" doc:"The balance less what the calls per minute that run now will have cost a minute from now, as if all had been answered at once." example:"4960"`
	Currency  *string `json:"currency" doc:"ISO 4217; null before the first entry." example:"EUR"`
}

// CreditEntry is one addition.
type CreditEntry struct {
	ID        directory.CreditEntryID `json:"id" doc:"The entry's id; later entries have later ids." example:"crd_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Amount    int64                   `json:"amount" doc:"In minor units; below zero for a correction." example:"5000"`
	Currency  string                  `json:"currency" doc:"ISO 4217." example:"EUR"`
	Note      string                  `json:"note" doc:"For people." example:"Payment 4711"`
	Version   uint64                  `json:"version" doc:"The ETag; an entry never changes." example:"1"`
	CreatedAt time.Time               `json:"created_at" doc:"When it was added."`
}

// OpeningCredit is what a new account begins with.
type OpeningCredit struct {
	Amount   int64  `json:"amount" minimum:"-1000000000000" maximum:"1000000000000" doc:"In minor units of the currency, not 0; below zero for a correction." example:"5000"`
	Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217; the same for all entries of an account." example:"EUR"`
}

// NewCreditEntry adds to an account's credit.
type NewCreditEntry struct {
	OpeningCredit
	Note string `json:"note,omitempty" maxLength:"256" doc:"For people, the customer included." example:"Payment 4711"`
}

// creditOf is the sum of an account's entries; nothing, at version 0, before the
// first.
func (s *Server) creditOf(id directory.AccountID) *directory.Credit {
	if c := directory.Find[*directory.Credit](s.view, directory.KindCredit, string(id)); c != nil {
		return c
	}
	return &directory.Credit{Account: id}
}

// addition is an entry and the sum it changes: whoever adds at the same time
// begins anew from the new sum.
func (s *Server) addition(e *directory.CreditEntry, base string) ([]directory.Change, error) {
	if err := e.Validate(); err != nil {
		return nil, under(base, err)
	}
	before := s.creditOf(e.Account)
	sum, err := before.With(e)
	if err != nil {
		return nil, under(base, err)
	}
	change := directory.Create(sum)
	if before.Version > 0 {
		change = directory.Replace(before, sum)
	}
	return []directory.Change{directory.Create(e), change}, nil
}

// creditPart is what creates the opening credit of a new account.
func (s *Server) creditPart(ctx context.Context, a *directory.Account, o *OpeningCredit, base string) ([]directory.Change, error) {
	return s.addition(s.newEntry(ctx, a.ID, &NewCreditEntry{OpeningCredit: *o, Note: "Opening credit"}), base)
}

func (s *Server) newEntry(ctx context.Context, id directory.AccountID, n *NewCreditEntry) *directory.CreditEntry {
	return &directory.CreditEntry{
		ID: directory.CreditEntryID(s.ids.next("crd_")), Account: id, Amount: n.Amount, Currency: n.Currency, Note: n.Note,
		By: requestOf(ctx).principal.ID, CreatedAt: now(),
	}
}

type getCreditInput struct{ InAccount }

func (s *Server) getCredit(ctx context.Context, in *getCreditInput) (*Reading[Credit], error) {
	a, err := s.account(ctx, in.Account, creditRead)
	if err != nil {
		return nil, err
	}
	spending, err := s.calls.Spending(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	c := s.creditOf(a.ID)
	balance := c.Added - spending.Spent
	return &Reading[Credit]{Body: Credit{Balance: balance, Available: balance - spending.Running, Currency: nullable(c.Currency)}}, nil
}

type createCreditEntryInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewCreditEntry
}

func (s *Server) createCreditEntry(ctx context.Context, in *createCreditEntryInput) (*Creation[CreditEntry], error) {
	var e *directory.CreditEntry
	err := s.turns.take(ctx, "credit "+string(in.Account), func() error {
		return s.retry(ctx, func() (error, error) {
			a, err := s.account(ctx, in.Account, creditWrite)
			if err != nil {
				return nil, err
			}
			e = s.newEntry(ctx, a.ID, &in.Body)
			changes, err := s.addition(e, "")
			if err != nil {
				return nil, err
			}
			return s.apply(ctx, in.Rehearsal, changes...), nil
		})
	})
	if err != nil {
		return nil, err
	}
	e = written[*directory.CreditEntry](directory.Create(e))
	return created(in.Rehearsal, accountURL(e.Account)+"/credit/entries/"+string(e.ID), e.Version, renderCreditEntry(e)), nil
}

type listCreditEntriesInput struct {
	InAccount
	Paging
}

func (s *Server) listCreditEntries(ctx context.Context, in *listCreditEntriesInput) (*Listing[CreditEntry], error) {
	a, err := s.account(ctx, in.Account, creditRead)
	if err != nil {
		return nil, err
	}
	at, err := s.position("credit "+string(a.ID), in.Cursor)
	if err != nil {
		return nil, err
	}
	page := &Listing[CreditEntry]{Body: Page[CreditEntry]{Items: []CreditEntry{}}}
	for _, e := range directory.ListFrom[*directory.CreditEntry](s.view, directory.KindCreditEntry, a.ID, at.ID, in.Limit+1) {
		if len(page.Body.Items) == in.Limit {
			page.Body.Next = s.cursor("credit "+string(a.ID), at)
			break
		}
		page.Body.Items = append(page.Body.Items, renderCreditEntry(e))
		at.ID = string(e.ID)
	}
	return page, nil
}

type getCreditEntryInput struct {
	InAccount
	Entry directory.CreditEntryID `path:"entry" maxLength:"64" doc:"The entry's id."`
}

func (s *Server) getCreditEntry(ctx context.Context, in *getCreditEntryInput) (*Reading[CreditEntry], error) {
	a, err := s.account(ctx, in.Account, creditRead)
	if err != nil {
		return nil, err
	}
	e := directory.Find[*directory.CreditEntry](s.view, directory.KindCreditEntry, string(in.Entry))
	if e == nil || e.Account != a.ID {
		return nil, directory.NotFound(directory.KindCreditEntry)
	}
	return &Reading[CreditEntry]{ETag: etag(e.Version), Body: renderCreditEntry(e)}, nil
}

func renderCreditEntry(e *directory.CreditEntry) CreditEntry {
	return CreditEntry{ID: e.ID, Amount: e.Amount, Currency: e.Currency, Note: e.Note, Version: e.Version, CreatedAt: e.CreatedAt.UTC()}
}

// accountURL is where an account is.
func accountURL(id directory.AccountID) string { return "/v1/accounts/" + string(id) }
