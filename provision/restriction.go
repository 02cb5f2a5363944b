package provision

import (
	"context"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pbx-interlink/interlink/directory"
)

// ClassVerdict is allow or deny.
type ClassVerdict string

// Schema names the two.
func (ClassVerdict) Schema(huma.Registry) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Enum: []any{directory.Allow, directory.Deny}, Description: "allow or deny"}
	s.PrecomputeMessages()
	return s
}

// Restrictions say which classes of numbers an account may dial.
type Restrictions struct {
	Classes map[string]ClassVerdict `json:"classes" nullable:"false" doc:"Verdicts by class; a class that is not named is allowed. What an account above denies stays denied."`
	Version uint64                  `json:"version" doc:"Counts the changes; the ETag. 0 while nothing was ever set."`
}

// NewRestrictions replaces an account's restrictions.
type NewRestrictions struct {
	Classes map[string]ClassVerdict `json:"classes" nullable:"false" maxProperties:"256" doc:"Verdicts by number class; a class that is not named is allowed."`
}

// restrictions checks the verdicts; base is the JSON pointer of the object in the
// body. before are those the account has: a class of theirs may be gone.
func (s *Server) restrictions(n *NewRestrictions, before *directory.Restrictions, base string) (*directory.Restrictions, error) {
	known := s.numberClasses()
	next := &directory.Restrictions{Account: before.Account, Classes: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(n.Classes)) {
		if _, had := before.Classes[name]; !had && !known.Has(name) {
			return nil, directory.Invalid(base+"/classes/"+name, "class_unknown", "There is no such number class.")
		}
		next.Classes[name] = string(n.Classes[name])
	}
	return next, nil
}

// restrictionsPart is what creates the restrictions of a new account.
func (s *Server) restrictionsPart(a *directory.Account, n *NewRestrictions, base string) ([]directory.Change, error) {
	r, err := s.restrictions(n, &directory.Restrictions{Account: a.ID}, base)
	if err != nil {
		return nil, err
	}
	return []directory.Change{directory.Create(r)}, nil
}

// restrictionsOf are an account's; none, at version 0, until they are set.
func (s *Server) restrictionsOf(id directory.AccountID) *directory.Restrictions {
	if r := directory.Find[*directory.Restrictions](s.view, directory.KindRestrictions, string(id)); r != nil {
		return r
	}
	return &directory.Restrictions{Account: id}
}

type getRestrictionsInput struct{ InAccount }

func (s *Server) getRestrictions(ctx context.Context, in *getRestrictionsInput) (*Reading[Restrictions], error) {
	a, err := s.account(ctx, in.Account, restrictionsRead)
	if err != nil {
		return nil, err
	}
	return renderRestrictions(s.restrictionsOf(a.ID)), nil
}

type putRestrictionsInput struct {
	InAccount
	Precondition
	Rehearsal
	Body NewRestrictions
}

func (s *Server) putRestrictions(ctx context.Context, in *putRestrictionsInput) (*Reading[Restrictions], error) {
	var after *directory.Restrictions
	err := s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, restrictionsWrite)
		if err != nil {
			return nil, err
		}
		before := s.restrictionsOf(a.ID)
		next, err := s.restrictions(&in.Body, before, "")
		if err != nil {
			return nil, err
		}
		change := directory.Create(next)
		if before.Version > 0 {
			change = directory.Replace(before, next)
		}
		if err := in.check(change.Expect()); err != nil {
			return nil, err
		}
		after = written[*directory.Restrictions](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return renderRestrictions(after), nil
}

func renderRestrictions(r *directory.Restrictions) *Reading[Restrictions] {
	out := Restrictions{Classes: map[string]ClassVerdict{}, Version: r.Version}
	for name, verdict := range r.Classes {
		out.Classes[name] = ClassVerdict(verdict)
	}
	return &Reading[Restrictions]{ETag: etag(r.Version), Body: out}
}
