package provision

import (
	"context"

	"github.com/pbx-interlink/interlink/directory"
)

// NumberClass is a sort of dialled numbers.
type NumberClass struct {
	Name    string `json:"name" maxLength:"32" doc:"1 to 32 of a-z, 0-9 and _; restrictions name it. A class of several patterns stands once with each." example:"premium"`
	Pattern string `json:"pattern" maxLength:"32" doc:"Digits, * and #, x for any digit, + only as the first character, and at its end an optional dot for one or more further characters." example:"0900x."`
}

// NumberClasses are the platform's, in their order.
type NumberClasses struct {
	Classes []NumberClass `json:"classes" nullable:"false" doc:"The first whose pattern covers a dialled number counts."`
	Version uint64        `json:"version" doc:"Counts the changes; the ETag. 0 while nothing was ever set."`
}

// NewNumberClasses replaces the list.
type NewNumberClasses struct {
	Classes []NumberClass `json:"classes" nullable:"false" maxItems:"256" doc:"All classes, the first that covers a number before the others."`
}

// numberClasses are the platform's; none, at version 0, until they are set.
func (s *Server) numberClasses() *directory.NumberClasses {
	if n := directory.Find[*directory.NumberClasses](s.view, directory.KindNumberClasses, directory.NumberClassesID); n != nil {
		return n
	}
	return &directory.NumberClasses{}
}

func (s *Server) getNumberClasses(ctx context.Context, _ *struct{}) (*Reading[NumberClasses], error) {
	if err := s.platform(ctx, restrictionsRead); err != nil {
		return nil, err
	}
	return renderNumberClasses(s.numberClasses()), nil
}

type putNumberClassesInput struct {
	Precondition
	Rehearsal
	Body NewNumberClasses
}

func (s *Server) putNumberClasses(ctx context.Context, in *putNumberClassesInput) (*Reading[NumberClasses], error) {
	var after *directory.NumberClasses
	err := s.retry(ctx, func() (error, error) {
		if !s.mayNow(ctx, platformWrite, "") {
			return nil, forbidden()
		}
		next := &directory.NumberClasses{Classes: make([]directory.NumberClass, len(in.Body.Classes))}
		for i, c := range in.Body.Classes {
			next.Classes[i] = directory.NumberClass(c)
		}
		if err := next.Validate(); err != nil {
			return nil, err
		}
		change := directory.Create(next)
		if before := s.numberClasses(); before.Version > 0 {
			change = directory.Replace(before, next)
		}
		if err := in.check(change.Expect()); err != nil {
			return nil, err
		}
		after = written[*directory.NumberClasses](change)
		return s.apply(ctx, in.Rehearsal, change), nil
	})
	if err != nil {
		return nil, err
	}
	return renderNumberClasses(after), nil
}

func renderNumberClasses(n *directory.NumberClasses) *Reading[NumberClasses] {
	out := NumberClasses{Classes: make([]NumberClass, len(n.Classes)), Version: n.Version}
	for i, c := range n.Classes {
		out.Classes[i] = NumberClass(c)
	}
	return &Reading[NumberClasses]{ETag: etag(n.Version), Body: out}
}
