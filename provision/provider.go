package provision

import (
	"context"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Provider is a voice provider as it is read.
type Provider struct {
	ID        directory.ProviderID `json:"id" doc:"The provider's id." example:"prv_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Name      string               `json:"name" doc:"A name for people, unique on the platform." example:"Carrier One"`
	LoginURL  *string              `json:"login_url" doc:"Where its customers log in; null for none." example:"https://portal.example.com/login"`
	Capacity  int64                `json:"capacity" minimum:"-1" doc:"The most calls it carries at a time for one account; -1 unlimited." example:"10"`
	Version   uint64               `json:"version" doc:"Counts the provider's changes; the ETag."`
	CreatedAt time.Time            `json:"created_at" doc:"When it was created."`
}

// NewProvider creates a provider.
type NewProvider struct {
	Name     string `json:"name" minLength:"1" maxLength:"128" doc:"A name for people, unique on the platform in any case." example:"Carrier One"`
	LoginURL string `json:"login_url,omitempty" maxLength:"512" doc:"Where its customers log in, an http or https address." example:"https://portal.example.com/login"`
	Capacity *int64 `json:"capacity,omitempty" minimum:"-1" maximum:"1000000" default:"-1" doc:"The most calls it carries at a time for one account; -1 unlimited." example:"10"`
}

// ProviderPatch changes a provider.
type ProviderPatch struct {
	Name     Optional[string] `json:"name,omitzero" doc:"A name for people."`
	LoginURL Optional[string] `json:"login_url,omitzero" doc:"Where its customers log in; null: nowhere."`
	Capacity Optional[int64]  `json:"capacity,omitzero" doc:"Not below the max_outbound_calls of an account that has this provider; null: unlimited." example:"20"`
}

// InProvider is the provider a path names.
type InProvider struct {
	Provider directory.ProviderID `path:"provider" maxLength:"64" doc:"The provider's id."`
}

type createProviderInput struct {
	Rehearsal
	Repeatable
	Body NewProvider
}

func (s *Server) createProvider(ctx context.Context, in *createProviderInput) (*Creation[Provider], error) {
	if err := s.platform(ctx, platformWrite); err != nil {
		return nil, err
	}
	p := &directory.Provider{
		ID: directory.ProviderID(s.ids.next("prv_")), Name: in.Body.Name, LoginURL: in.Body.LoginURL,
		Capacity: directory.Unlimited, CreatedAt: now(),
	}
	if in.Body.Capacity != nil {
		p.Capacity = *in.Body.Capacity
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	change := directory.Create(p)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, err
	}
	p = written[*directory.Provider](change)
	return created(in.Rehearsal, "/v1/providers/"+string(p.ID), p.Version, renderProvider(p)), nil
}

type listProvidersInput struct{ Paging }

func (s *Server) listProviders(ctx context.Context, in *listProvidersInput) (*Listing[Provider], error) {
	if err := s.platform(ctx, providerRead); err != nil {
		return nil, err
	}
	return pageOf(s, "providers", in.Paging, directory.List[*directory.Provider](s.view, directory.KindProvider, ""),
		func(p *directory.Provider) string { return string(p.ID) }, renderProvider)
}

// provider returns the provider a path names.
func (s *Server) provider(ctx context.Context, id directory.ProviderID, do permission) (*directory.Provider, error) {
	if err := s.platform(ctx, do); err != nil {
		return nil, err
	}
	p := directory.Find[*directory.Provider](s.view, directory.KindProvider, string(id))
	if p == nil {
		return nil, directory.NotFound(directory.KindProvider)
	}
	return p, nil
}

func (s *Server) getProvider(ctx context.Context, in *InProvider) (*Reading[Provider], error) {
	p, err := s.provider(ctx, in.Provider, providerRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Provider]{ETag: etag(p.Version), Body: renderProvider(p)}, nil
}

type patchProviderInput struct {
	InProvider
	Precondition
	Rehearsal
	Body ProviderPatch
}

func (s *Server) patchProvider(ctx context.Context, in *patchProviderInput) (*Reading[Provider], error) {
	var after *directory.Provider
	err := s.retry(ctx, func() (error, error) {
		before, err := s.provider(ctx, in.Provider, platformWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		patch(&next.Name, in.Body.Name, "")
		patch(&next.LoginURL, in.Body.LoginURL, "")
		patch(&next.Capacity, in.Body.Capacity, directory.Unlimited)
		if err := next.Validate(); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		changes := []directory.Change{change}
		if next.Capacity != before.Capacity {
			demands, err := s.fitsCustomers(&next)
			if err != nil {
				return nil, err
			}
			changes = append(changes, demands...)
		}
		after = written[*directory.Provider](change)
		return s.apply(ctx, in.Rehearsal, changes...), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Provider]{ETag: etag(after.Version), Body: renderProvider(after)}, nil
}

// fitsCustomers holds a provider's capacity against the limits of the accounts
// that are connected through it (LI2), and demands that they stay as they are
// until it is written.
func (s *Server) fitsCustomers(p *directory.Provider) ([]directory.Change, error) {
	var demands []directory.Change
	for _, o := range s.view.Dependents(p.Ref()) {
		l := s.view.Limits(o.Owner())
		if beyond(l.MaxOutbound, p.Capacity) {
			return nil, directory.Conflict("/capacity", "capacity_exceeded", "An account with this provider may make %d calls; lower its max_outbound_calls first.", l.MaxOutbound)
		}
		demands = append(demands, directory.Unchanged(l))
	}
	return demands, nil
}

// beyond reports whether a cap on calls is more than a provider carries. No cap
// at all stands for what the provider carries, whatever that is.
func beyond(calls, capacity int64) bool {
	return calls != directory.Unlimited && capacity != directory.Unlimited && calls > capacity
}

type deleteProviderInput struct {
	InProvider
	Precondition
	Rehearsal
}

func (s *Server) deleteProvider(ctx context.Context, in *deleteProviderInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		p, err := s.provider(ctx, in.Provider, platformWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(p.Version); err != nil {
			return nil, err
		}
		if n := len(s.view.Dependents(p.Ref())); n > 0 {
			return nil, directory.Conflict("", "in_use", "Accounts are connected through this provider: %d of them.", n)
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(p)), nil
	})
}

func renderProvider(p *directory.Provider) Provider {
	return Provider{
		ID: p.ID, Name: p.Name, LoginURL: nullable(p.LoginURL), Capacity: p.Capacity,
		Version: p.Version, CreatedAt: p.CreatedAt.UTC(),
	}
}
