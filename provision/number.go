package provision

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// maxOverlaps bounds the overlaps named in one answer.
const maxOverlaps = 20

// Number is an internal number as it is read.
type Number struct {
	ID        directory.NumberID `json:"id" doc:"The number's id, not what is dialled." example:"num_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Number    string             `json:"number" doc:"What is dialled: one number, a block with x for any digit, or a range." example:"2001"`
	Label     string             `json:"label" doc:"A name for people." example:"Reception"`
	Trunk     directory.TrunkID  `json:"trunk" doc:"The trunk that takes the calls."`
	User      string             `json:"user" doc:"Sent to the PBX in place of the number dialled; empty keeps it."`
	Private   bool               `json:"private" doc:"Rings for its own account only; to others it does not exist."`
	Enabled   bool               `json:"enabled" doc:"A disabled number is not found by anybody."`
	Overlaps  []string           `json:"overlaps,omitempty" nullable:"false" doc:"The account's other numbers that cover some of the same digits (at most 20); the most specific takes the call. Not in lists."`
	Version   uint64             `json:"version" doc:"Counts the number's changes; the ETag."`
	CreatedAt time.Time          `json:"created_at" doc:"When it was created."`
}

// NewNumber creates an internal number.
type NewNumber struct {
	Number  string            `json:"number" minLength:"1" maxLength:"17" doc:"1 to 8 characters of 0-9, * and #; x stands for any digit (20xx); 2000-2099 is a range." example:"2001"`
	Label   string            `json:"label,omitempty" maxLength:"128" doc:"A name for people."`
	Trunk   directory.TrunkID `json:"trunk" maxLength:"64" doc:"A trunk of the same account."`
	User    string            `json:"user,omitempty" maxLength:"64" doc:"Sent to the PBX in place of the number dialled."`
	Private bool              `json:"private,omitempty" default:"false" doc:"Rings for its own account only."`
	Enabled *bool             `json:"enabled,omitempty" default:"true" doc:"A disabled number is not found by anybody."`
}

// NumberPatch changes an internal number.
type NumberPatch struct {
	Number  Optional[string]            `json:"number,omitzero" doc:"What is dialled."`
	Label   Optional[string]            `json:"label,omitzero" doc:"A name for people; null: none."`
	Trunk   Optional[directory.TrunkID] `json:"trunk,omitzero" doc:"A trunk of the same account."`
	User    Optional[string]            `json:"user,omitzero" doc:"Sent to the PBX in place of the number dialled; null: keeps it."`
	Private Optional[bool]              `json:"private,omitzero" doc:"Acts from the next call on; null: false."`
	Enabled Optional[bool]              `json:"enabled,omitzero" doc:"Acts from the next call on; null: true."`
}

// InNumber is the internal number a path names.
type InNumber struct {
	InAccount
	Number directory.NumberID `path:"number" maxLength:"64" doc:"The number's id."`
}

type createNumberInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewNumber
}

func (s *Server) createNumber(ctx context.Context, in *createNumberInput) (*Creation[Number], error) {
	a, err := s.account(ctx, in.Account, numbersWrite)
	if err != nil {
		return nil, err
	}
	n := &directory.InternalNumber{ID: directory.NumberID(s.ids.next("num_")), Account: a.ID, Enabled: true, CreatedAt: now()}
	b := in.Body
	p := &NumberPatch{Number: To(b.Number), Label: To(b.Label), Trunk: To(b.Trunk), User: To(b.User), Private: To(b.Private)}
	if b.Enabled != nil {
		p.Enabled = To(*b.Enabled)
	}
	if err := s.patchedNumber(n, p); err != nil {
		return nil, err
	}
	change := directory.Create(n)
	if err := s.apply(ctx, in.Rehearsal, change); err != nil {
		return nil, s.numberError(err, n)
	}
	n = written[*directory.InternalNumber](change)
	return created(in.Rehearsal, fmt.Sprintf("/v1/accounts/%s/numbers/%s", a.ID, n.ID), n.Version, s.renderOneNumber(n)), nil
}

func (s *Server) getNumber(ctx context.Context, in *InNumber) (*Reading[Number], error) {
	n, err := s.number(ctx, in, numbersRead)
	if err != nil {
		return nil, err
	}
	return &Reading[Number]{ETag: etag(n.Version), Body: s.renderOneNumber(n)}, nil
}

// number returns the number a path names, if it is the account's.
func (s *Server) number(ctx context.Context, in *InNumber, do permission) (*directory.InternalNumber, error) {
	a, err := s.account(ctx, in.Account, do)
	if err != nil {
		return nil, err
	}
	n := s.view.InternalNumber(in.Number)
	if n == nil || n.Account != a.ID {
		return nil, directory.NotFound(directory.KindNumber)
	}
	return n, nil
}

type patchNumberInput struct {
	InNumber
	Precondition
	Rehearsal
	Body NumberPatch
}

func (s *Server) patchNumber(ctx context.Context, in *patchNumberInput) (*Reading[Number], error) {
	var after *directory.InternalNumber
	err := s.retry(ctx, func() (error, error) {
		before, err := s.number(ctx, &in.InNumber, numbersWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(before.Version); err != nil {
			return nil, err
		}
		next := *before
		if err := s.patchedNumber(&next, &in.Body); err != nil {
			return nil, err
		}
		change := directory.Replace(before, &next)
		after = written[*directory.InternalNumber](change)
		return s.numberError(s.apply(ctx, in.Rehearsal, change), after), nil
	})
	if err != nil {
		return nil, err
	}
	return &Reading[Number]{ETag: etag(after.Version), Body: s.renderOneNumber(after)}, nil
}

type deleteNumberInput struct {
	InNumber
	Precondition
	Rehearsal
}

func (s *Server) deleteNumber(ctx context.Context, in *deleteNumberInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		n, err := s.number(ctx, &in.InNumber, numbersWrite)
		if err != nil {
			return nil, err
		}
		if err := in.check(n.Version); err != nil {
			return nil, err
		}
		return s.apply(ctx, in.Rehearsal, directory.Delete(n)), nil
	})
}

// editedNumber carries out a patch, wherever the number goes.
func (s *Server) editedNumber(n *directory.InternalNumber, p *NumberPatch) error {
	if p.Number.Set {
		pattern, err := directory.ParsePattern(p.Number.Value)
		if err != nil {
			return err
		}
		if first, _, _ := strings.Cut(pattern.String(), "-"); len(first) > s.cfg.NumberMax {
			return directory.Invalid("/number", "number_too_long", "An internal number has at most %d characters here.", s.cfg.NumberMax)
		}
		n.Number = pattern
	}
	patch(&n.Label, p.Label, "")
	patch(&n.Trunk, p.Trunk, "")
	patch(&n.User, p.User, "")
	patch(&n.Private, p.Private, false)
	patch(&n.Enabled, p.Enabled, true)
	return n.Validate()
}

// patchedNumber holds a number to the account's trunks, too.
func (s *Server) patchedNumber(n *directory.InternalNumber, p *NumberPatch) error {
	if err := s.editedNumber(n, p); err != nil {
		return err
	}
	if t := s.view.Trunk(n.Trunk); t == nil || t.Account != n.Account {
		return trunkUnknown()
	}
	return nil
}

func trunkUnknown() *directory.Error {
	return directory.Invalid("/trunk", "trunk_unknown", "The account has no such trunk.")
}

// numberError puts the store's refusal into the words of a number: its trunk
// may have been deleted since it was looked at.
func (s *Server) numberError(err error, n *directory.InternalNumber) error {
	if err != nil && !isKind(err, directory.KindStale) && s.view.Trunk(n.Trunk) == nil {
		return trunkUnknown()
	}
	return err
}

func renderNumber(n *directory.InternalNumber) Number {
	return Number{
		ID: n.ID, Number: n.Number.String(), Label: n.Label, Trunk: n.Trunk, User: n.User,
		Private: n.Private, Enabled: n.Enabled, Version: n.Version, CreatedAt: n.CreatedAt.UTC(),
	}
}

// renderOneNumber reports overlaps, too (IN5).
func (s *Server) renderOneNumber(n *directory.InternalNumber) Number {
	out := renderNumber(n)
	for _, other := range s.view.Overlaps(n.Account, n.ID, n.Number, maxOverlaps) {
		out.Overlaps = append(out.Overlaps, other.String())
	}
	return out
}
