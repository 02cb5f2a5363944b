package provision

import (
	"context"
	"fmt"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Interlink is one side's view of an interlink. Nothing of the other side shows
// but its account's name and whether the link works.
type Interlink struct {
	ID        directory.InterlinkID     `json:"id" doc:"The interlink's id, the same on both sides." example:"lnk_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name      string                    `json:"name" doc:"This side's name for the connection."`
	Status    directory.InterlinkStatus `json:"status" enum:"pending,active,suspended" doc:"Pending until the key is redeemed; suspended when either side has suspended it."`
	Key       *string                   `json:"authorization_key,omitempty" doc:"The key to give to the other side. Only while pending and not expired, and not in lists."`
	ExpiresAt *time.Time                `json:"expires_at" doc:"When a pending key stops working; null for never."`
	Expired   bool                      `json:"expired" doc:"Whether a pending key's time has run out: the interlink can only be deleted." example:"false"`
	Peer      *Peer                     `json:"peer" doc:"The other account; null while pending."`
	Priority  *int                      `json:"priority" doc:"1 to 100; between links that own the same number the lower wins; null: none given."`
	Prefix    *string                   `json:"prefix" doc:"Dialled before a number to reach this link whatever else has the number; null: none."`
	Suspended bool                      `json:"suspended" doc:"Whether this side has suspended it."`
	CreatedAt time.Time                 `json:"created_at" doc:"When the key was generated."`
	LinkedAt  *time.Time                `json:"linked_at" doc:"When the key was redeemed; null while pending."`
	Version   uint64                    `json:"version" doc:"Counts the changes this side can see; the ETag."`
}

// Peer is all one account learns of another.
type Peer struct {
	Name string `json:"name" doc:"The other account's name." example:"Smith & Sons"`
}

// peer is what may be told of an account to those linked with it.
func (s *Server) peer(id directory.AccountID) *Peer {
	if a := s.view.Account(id); a != nil {
		return &Peer{Name: a.Name}
	}
	return nil
}

// NewInterlink generates an authorization key.
type NewInterlink struct {
	Name      string     `json:"name" minLength:"1" maxLength:"128" doc:"This side's name for the connection." example:"Smith"`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the key stops working, in the future; never without."`
}

// InterlinkPatch changes this side of an interlink.
type InterlinkPatch struct {
	Name      Optional[string] `json:"name,omitzero" doc:"This side's name for the connection."`
	Priority  Optional[int]    `json:"priority,omitzero" doc:"1 to 100, lower wins; null: none."`
	Prefix    Optional[string] `json:"prefix,omitzero" doc:"Up to 4 digits, * or #; null: none."`
	Suspended Optional[bool]   `json:"suspended,omitzero" doc:"No calls pass while either side has suspended it; null: false."`
}

// InInterlink is the interlink a path names.
type InInterlink struct {
	InAccount
	Interlink directory.InterlinkID `path:"interlink" maxLength:"64" doc:"The interlink's id."`
}

type createInterlinkInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewInterlink
}

func (s *Server) createInterlink(ctx context.Context, in *createInterlinkInput) (*Creation[Interlink], error) {
	a, err := s.account(ctx, in.Account, interlinksWrite)
	if err != nil {
		return nil, err
	}
	l := &directory.Interlink{
		ID: directory.InterlinkID(s.ids.next("lnk_")), A: directory.Side{Account: a.ID, Name: in.Body.Name, Version: 1},
		CreatedAt: now(),
	}
	if in.Body.ExpiresAt != nil {
		if l.ExpiresAt = in.Body.ExpiresAt.UTC(); !l.ExpiresAt.After(l.CreatedAt) {
			return nil, directory.Invalid("/expires_at", "expiry_past", "The key would have expired already.")
		}
	}
	if err := l.A.Validate(); err != nil {
		return nil, err
	}
	l.Secret = s.secrets.keySecret(l.ID, newSecret(authorizationKey))
	change := directory.Create(l)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	l = written[*directory.Interlink](change)
	body := s.renderInterlink(l, a.ID)
	if !in.DryRun {
		body.Key = s.secrets.keyOf(l)
	}
	return created(in.Rehearsal, interlinkPath(a.ID, l.ID), l.A.Version, body), nil
}

func interlinkPath(a directory.AccountID, l directory.InterlinkID) string {
	return fmt.Sprintf("/v1/accounts/%s/interlinks/%s", a, l)
}

type listInterlinksInput struct {
	InAccount
	Paging
}

func (s *Server) listInterlinks(ctx context.Context, in *listInterlinksInput) (*Listing[Interlink], error) {
	a, err := s.account(ctx, in.Account, interlinksRead)
	if err != nil {
		return nil, err
	}
	return pageOf(s, "interlinks "+string(a.ID), in.Paging, s.view.Interlinks(a.ID),
		func(l *directory.Interlink) string { return string(l.ID) },
		func(l *directory.Interlink) Interlink { return s.renderInterlink(l, a.ID) })
}

func (s *Server) getInterlink(ctx context.Context, in *InInterlink) (*Reading[Interlink], error) {
	l, own, err := s.interlink(ctx, in, interlinksRead)
	if err != nil {
		return nil, err
	}
	body := s.renderInterlink(l, own.Account)
	if s.mayNow(ctx, interlinksWrite, own.Account) && keyWorks(l, time.Now()) {
		body.Key = s.secrets.keyOf(l)
	}
	return &Reading[Interlink]{ETag: etag(own.Version), Body: body}, nil
}

// interlink returns the interlink a path names and the account's side of it. To
// an account on neither side it does not exist.
func (s *Server) interlink(ctx context.Context, in *InInterlink, do permission) (*directory.Interlink, *directory.Side, error) {
	a, err := s.account(ctx, in.Account, do)
	if err != nil {
		return nil, nil, err
	}
	if l := s.view.Interlink(in.Interlink); l != nil {
		if own, _ := l.Sides(a.ID); own != nil {
			return l, own, nil
		}
	}
	return nil, nil, directory.NotFound(directory.KindInterlink)
}

type patchInterlinkInput struct {
	InInterlink
	Precondition
	Rehearsal
	Body InterlinkPatch
}

// patchInterlink holds If-Match against the side's own version. That the other
// side changed something of its own meanwhile is no conflict: the write is done
// again on top of it.
func (s *Server) patchInterlink(ctx context.Context, in *patchInterlinkInput) (*Reading[Interlink], error) {
	var out *Reading[Interlink]
	err := s.retry(ctx, func() (error, error) {
		before, side, err := s.interlink(ctx, &in.InInterlink, interlinksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(side.Version); err != nil {
			return nil, err
		}
		next := cloneInterlink(before)
		if err := patchedSide(next, side.Account, &in.Body); err != nil {
			return nil, err
		}
		change := directory.Replace(before, next)
		after := written[*directory.Interlink](change)
		own, _ := after.Sides(side.Account)
		out = &Reading[Interlink]{ETag: etag(own.Version), Body: s.renderInterlink(after, own.Account)}
		if !in.DryRun && keyWorks(after, time.Now()) {
			out.Body.Key = s.secrets.keyOf(after)
		}
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// patchedSide changes one side, and the other side's version only where that
// side can see the difference: when the link begins or ceases to work.
func patchedSide(l *directory.Interlink, account directory.AccountID, p *InterlinkPatch) error {
	was := l.Status()
	own, peer := l.Sides(account)
	if p.Priority.Set && !p.Priority.Null && p.Priority.Value == 0 {
		return directory.Invalid("/priority", "priority_out_of_range", "0 is not 1 to 100; null stands for none.")
	}
	patch(&own.Name, p.Name, "")
	patch(&own.Priority, p.Priority, 0)
	patch(&own.Prefix, p.Prefix, "")
	patch(&own.Suspended, p.Suspended, false)
	own.Version++
	if peer != nil && l.Status() != was {
		peer.Version++
	}
	if err := own.Validate(); err != nil {
		return err
	}
	return nil
}

type deleteInterlinkInput struct {
	InInterlink
	Precondition
	Rehearsal
}

// deleteInterlink removes it for both sides at once; a pending one's key dies
// with it (IL5).
func (s *Server) deleteInterlink(ctx context.Context, in *deleteInterlinkInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		l, own, err := s.interlink(ctx, &in.InInterlink, interlinksWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(own.Version); err != nil {
			return nil, err
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(l)), nil
	})
}

// keyWorks reports whether a pending interlink's key can still be redeemed.
func keyWorks(l *directory.Interlink, at time.Time) bool {
	return l.B == nil && (l.ExpiresAt.IsZero() || at.Before(l.ExpiresAt))
}

// cloneInterlink copies an interlink with both sides.
func cloneInterlink(l *directory.Interlink) *directory.Interlink {
	c := *l
	if l.B != nil {
		b := *l.B
		c.B = &b
	}
	return &c
}

// renderInterlink shows the account's side, without the key.
func (s *Server) renderInterlink(l *directory.Interlink, account directory.AccountID) Interlink {
	own, peer := l.Sides(account)
	out := Interlink{
		ID: l.ID, Name: own.Name, Status: l.Status(), Priority: nullable(own.Priority), Prefix: nullable(own.Prefix),
		Suspended: own.Suspended, CreatedAt: l.CreatedAt.UTC(), LinkedAt: nullTime(l.LinkedAt), Version: own.Version,
	}
	if peer == nil {
		out.ExpiresAt, out.Expired = nullTime(l.ExpiresAt), !keyWorks(l, time.Now())
		return out
	}
	out.Peer = s.peer(peer.Account)
	return out
}
