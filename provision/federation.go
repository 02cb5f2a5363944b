package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Federation is a federation as those read it who have to do with it.
type Federation struct {
	ID    directory.FederationID `json:"id" doc:"The federation's id." example:"fed_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name  string                 `json:"name" doc:"What it is called." example:"Harbour firms"`
	Owner *directory.AccountID   `json:"owner" doc:"The account that owns it; null where the token may not see that account." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	// AccessCode is for who manages the federation only.
	AccessCode *string   `json:"access_code,omitempty" doc:"The code that admits accounts, for the owner's administrators only, and not in lists." example:"4T0R-8KMW-Y1QB-ZX5H-2NCD-7VJP-93SA-E6GF"`
	Members    int       `json:"members" minimum:"0" doc:"How many accounts are members." example:"3"`
	Version    uint64    `json:"version" doc:"Counts its changes; the ETag." example:"1"`
	CreatedAt  time.Time `json:"created_at" doc:"When it was created."`
}

// NewFederation creates a federation.
type NewFederation struct {
	Name  string              `json:"name" minLength:"1" maxLength:"128" doc:"1 to 128 characters." example:"Harbour firms"`
	Owner directory.AccountID `json:"owner,omitempty" maxLength:"64" doc:"The account that owns it; without, the token's own account. It is no member by that." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

// FederationPatch changes a federation.
type FederationPatch struct {
	Name Optional[string] `json:"name,omitzero" doc:"1 to 128 characters." example:"Harbour firms"`
}

// InFederation is the federation a path names.
type InFederation struct {
	Federation directory.FederationID `path:"federation" maxLength:"64" doc:"The federation's id." example:"fed_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

type createFederationInput struct {
	Rehearsal
	Repeatable
	Body NewFederation
}

// createFederation is for staff and partners (FE1): whoever may not create one
// anywhere is told so before anything is looked at.
func (s *Server) createFederation(ctx context.Context, in *createFederationInput) (*Creation[Federation], error) {
	p := requestOf(ctx).principal
	if !s.may(p, federationCreate, p.Account) && p.Kind != staff {
		return nil, forbidden()
	}
	owner := in.Body.Owner
	if owner == "" {
		owner = p.Account
	}
	if owner == "" {
		return nil, directory.Invalid("/owner", "required", "A federation needs an owner.")
	}
	if s.view.Account(owner) == nil || !s.sees(ctx, owner) {
		return nil, directory.Invalid("/owner", "owner_unknown", "There is no such account.")
	}
	if !s.mayNow(ctx, federationCreate, owner) {
		return nil, forbidden()
	}
	f := &directory.Federation{ID: directory.FederationID(s.ids.next("fed_")), Account: owner, Name: in.Body.Name, CreatedAt: now()}
	s.secrets.renewCode(f)
	if err := f.Validate(); err != nil {
		return nil, err
	}
	change := directory.Create(f)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	f = written[*directory.Federation](change)
	body := s.renderFederation(ctx, f)
	if !in.DryRun {
		body.AccessCode = s.secrets.codeOf(f)
	}
	return created(in.Rehearsal, "/v1/federations/"+string(f.ID), f.Version, body), nil
}

type listFederationsInput struct{ Paging }

// listFederations lists those the principal manages or administers.
func (s *Server) listFederations(ctx context.Context, in *listFederationsInput) (*Listing[Federation], error) {
	p := requestOf(ctx).principal
	if p.Token != nil && !inScope(p.Token.Scopes, federationRead) {
		return nil, forbidden()
	}
	return pageOf(s, "federations of "+p.ID, in.Paging, s.led(p),
		func(f *directory.Federation) string { return string(f.ID) },
		func(f *directory.Federation) Federation { return s.renderFederation(ctx, f) })
}

type getFederationInput struct{ InFederation }

func (s *Server) getFederation(ctx context.Context, in *getFederationInput) (*Reading[Federation], error) {
	f, _, err := s.federation(ctx, in.Federation, federationRead)
	if err != nil {
		return nil, err
	}
	body := s.renderFederation(ctx, f)
	if s.mayNow(ctx, federationManage, f.Account) {
		body.AccessCode = s.secrets.codeOf(f)
	}
	return &Reading[Federation]{ETag: etag(f.Version), Body: body}, nil
}

type patchFederationInput struct {
	InFederation
	Precondition
	Rehearsal
	Body FederationPatch
}

func (s *Server) patchFederation(ctx context.Context, in *patchFederationInput) (*Reading[Federation], error) {
	return s.editFederation(ctx, &in.InFederation, &in.Precondition, in.Rehearsal, func(f *directory.Federation) error {
		patch(&f.Name, in.Body.Name, "")
		return f.Validate()
	})
}

type rotateAccessCodeInput struct {
	InFederation
	Rehearsal
	Repeatable
}

// rotateAccessCode makes a new access code (FE7): the old one is dead, members
// and join requests stay.
func (s *Server) rotateAccessCode(ctx context.Context, in *rotateAccessCodeInput) (*Reading[Federation], error) {
	return s.editFederation(ctx, &in.InFederation, nil, in.Rehearsal, func(f *directory.Federation) error {
		s.secrets.renewCode(f)
		return nil
	})
}

// editFederation changes a federation; a nil precondition fits any version.
func (s *Server) editFederation(ctx context.Context, in *InFederation, guard *Precondition, dry Rehearsal, edit func(*directory.Federation) error) (*Reading[Federation], error) {
	var after *directory.Federation
	err := s.retry(ctx, func() (error, error) {
		before, _, err := s.federation(ctx, in.Federation, federationManage)
		if err != nil {
			return nil, err
		}
		if guard != nil {
			if err := guard.check(before.Version); err != nil {
				return nil, err
			}
		}
		next := *before
		if err := edit(&next); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.Federation](change)
		return s.apply(ctx, dry, change), nil
	})
	if err != nil {
		return nil, err
	}
	body := s.renderFederation(ctx, after)
	if !dry.DryRun {
		body.AccessCode = s.secrets.codeOf(after)
	}
	return &Reading[Federation]{ETag: etag(after.Version), Body: body}, nil
}

type deleteFederationInput struct {
	InFederation
	Precondition
	Rehearsal
}

// deleteFederation takes memberships, join requests and administrators along:
// from the next INVITE on its members no longer dial each other.
func (s *Server) deleteFederation(ctx context.Context, in *deleteFederationInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		f, _, err := s.federation(ctx, in.Federation, federationManage)
		if err != nil {
			return nil, err
		}
		if err := in.check(f.Version); err != nil {
			return nil, err
		}
		return overtaken(s.apply(ctx, in.Rehearsal, s.withDependents(f)...)), nil
	})
}

// withDependents deletes an object after all that requires it.
func (s *Server) withDependents(o directory.Owned) []directory.Change {
	list, seen := []directory.Owned{o}, map[directory.Ref]bool{o.Ref(): true}
	for i := 0; i < len(list); i++ {
		for _, d := range s.view.Dependents(list[i].Ref()) {
			if !seen[d.Ref()] {
				seen[d.Ref()] = true
				list = append(list, d)
			}
		}
	}
	// What requires something was found after it, but what requires two things
	// may have been found by the first: sorted by kind, it stands right.
	changes := make([]directory.Change, 0, len(list))
	kinds := directory.Kinds()
	for k := len(kinds) - 1; k >= 0; k-- {
		for _, d := range list {
			if d.Ref().Kind == kinds[k] {
				changes = append(changes, directory.Delete(d))
			}
		}
	}
	return changes
}

// overtaken turns the refusal of a delete into a stale read: something was hung
// on what is to be deleted, or taken off, meanwhile.
func overtaken(err error) error {
	if isKind(err, directory.KindConflict) || isKind(err, directory.KindNotFound) {
		return stale()
	}
	return err
}

// renderFederation shows a federation without its code.
func (s *Server) renderFederation(ctx context.Context, f *directory.Federation) Federation {
	out := Federation{ID: f.ID, Name: f.Name, Members: len(s.members(f.ID)), Version: f.Version, CreatedAt: f.CreatedAt.UTC()}
	if s.sees(ctx, f.Account) {
		out.Owner = &f.Account
	}
	return out
}
