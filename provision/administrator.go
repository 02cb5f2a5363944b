package provision

import (
	"context"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// FederationAdministrator is a user with the rights of a customer administrator
// over every member of a federation (FE5).
type FederationAdministrator struct {
	User      directory.UserID    `json:"user" doc:"The user's id." example:"usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Account   directory.AccountID `json:"account" doc:"The user's own account: the owner or a member." example:"acc_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name      string              `json:"name" doc:"The user's name." example:"Pat Brown"`
	Version   uint64              `json:"version" doc:"The ETag; 0 stands for who is no administrator." example:"1"`
	CreatedAt time.Time           `json:"created_at" doc:"When the user was named."`
}

type listAdministratorsInput struct {
	InFederation
	Paging
}

func (s *Server) listAdministrators(ctx context.Context, in *listAdministratorsInput) (*Listing[FederationAdministrator], error) {
	f, _, err := s.federation(ctx, in.Federation, federationManage)
	if err != nil {
		return nil, err
	}
	var list []*directory.FederationAdmin
	for _, o := range s.view.Dependents(f.Ref()) {
		if a, ok := o.(*directory.FederationAdmin); ok {
			list = append(list, a)
		}
	}
	return pageOf(s, "administrators of "+string(f.ID), in.Paging, list,
		func(a *directory.FederationAdmin) string { return string(a.User) }, s.renderAdministrator)
}

// InAdministrator is the administrator a path names.
type InAdministrator struct {
	InFederation
	User directory.UserID `path:"user" maxLength:"64" doc:"The user's id." example:"usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
}

func (s *Server) administrator(in *InAdministrator) *directory.FederationAdmin {
	return directory.Find[*directory.FederationAdmin](s.view, directory.KindFederationAdmin, directory.FederationAdminID(in.Federation, in.User))
}

type getAdministratorInput struct{ InAdministrator }

func (s *Server) getAdministrator(ctx context.Context, in *getAdministratorInput) (*Reading[FederationAdministrator], error) {
	if _, _, err := s.federation(ctx, in.Federation, federationManage); err != nil {
		return nil, err
	}
	a := s.administrator(&in.InAdministrator)
	if a == nil {
		return nil, directory.NotFound(directory.KindFederationAdmin)
	}
	return &Reading[FederationAdministrator]{ETag: etag(a.Version), Body: s.renderAdministrator(a)}, nil
}

type putAdministratorInput struct {
	InAdministrator
	Precondition
	Rehearsal
}

// putAdministrator names a user of the owner or of a member. Whose account has
// only asked to join cannot be named: to the federation it does not exist (FE3).
func (s *Server) putAdministrator(ctx context.Context, in *putAdministratorInput) (*Reading[FederationAdministrator], error) {
	var after *directory.FederationAdmin
	err := s.retry(ctx, func() (error, error) {
		f, _, err := s.federation(ctx, in.Federation, federationManage)
		if err != nil {
			return nil, err
		}
		next := &directory.FederationAdmin{Federation: f.ID, User: in.User, CreatedAt: now()}
		u := directory.Find[*directory.User](s.view, directory.KindUser, string(in.User))
		if u == nil {
			return nil, directory.NotFound(directory.KindUser)
		}
		if u.Account != f.Account {
			m := s.membership(u.Account)
			if u.Account == "" || m == nil || m.Pending() || m.Federation != f.ID {
				return nil, directory.NotFound(directory.KindUser)
			}
			next.Membership = m.ID
		}
		if before := s.administrator(&in.InAdministrator); before != nil {
			after = before
			return nil, in.check(before.Version)
		}
		if err := in.check(0); err != nil {
			return nil, err
		}
		change := directory.Create(next)
		after = written[*directory.FederationAdmin](change)
		return overtaken(s.apply(ctx, in.Rehearsal, change)), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[FederationAdministrator]{ETag: etag(after.Version), Body: s.renderAdministrator(after)}, nil
}

type deleteAdministratorInput struct {
	InAdministrator
	Precondition
	Rehearsal
}

// deleteAdministrator is for who manages the federation, and for the
// administrator who gives it up.
func (s *Server) deleteAdministrator(ctx context.Context, in *deleteAdministratorInput) (*struct{}, error) {
	need := federationManage
	if p := requestOf(ctx).principal; p.User != "" && p.User == in.User && p.Actor == "" {
		need = federationRead
	}
	return nil, s.retry(ctx, func() (error, error) {
		if _, _, err := s.federation(ctx, in.Federation, need); err != nil {
			return nil, err
		}
		a := s.administrator(&in.InAdministrator)
		if a == nil {
			return nil, directory.NotFound(directory.KindFederationAdmin)
		}
		if err := in.check(a.Version); err != nil {
			return nil, err
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(a)), nil
	})
}

func (s *Server) renderAdministrator(a *directory.FederationAdmin) FederationAdministrator {
	out := FederationAdministrator{User: a.User, Version: a.Version, CreatedAt: a.CreatedAt.UTC()}
	if u := directory.Find[*directory.User](s.view, directory.KindUser, string(a.User)); u != nil {
		out.Account, out.Name = u.Account, strings.TrimSpace(u.FirstName+" "+u.LastName)
	}
	return out
}
