package provision

import (
	"context"

	"github.com/pbx-interlink/interlink/directory"
)

// The platform's own users are staff; each has a name of its own in the audit
// log. The first of them is created with the first administrator's token.

type createStaffUserInput struct {
	Rehearsal
	Repeatable
	Body NewUser
}

func (s *Server) createStaffUser(ctx context.Context, in *createStaffUserInput) (*Creation[User], error) {
	if err := s.platform(ctx, usersWrite); err != nil {
		return nil, err
	}
	return s.makeUser(ctx, in.Rehearsal, nil, &in.Body)
}

type listStaffUsersInput struct{ Paging }

func (s *Server) listStaffUsers(ctx context.Context, in *listStaffUsersInput) (*Listing[User], error) {
	if err := s.platform(ctx, usersRead); err != nil {
		return nil, err
	}
	return s.usersOf("", in.Paging)
}

// StaffUser is the user a path of the platform names.
type StaffUser struct {
	User directory.UserID `path:"user" maxLength:"64" doc:"The user's id."`
}

func (s *Server) getStaffUser(ctx context.Context, in *StaffUser) (*Reading[User], error) {
	u, err := s.staffUser(ctx, in.User, usersRead)
	if err != nil {
		return nil, err
	}
	return &Reading[User]{ETag: etag(u.Edits), Body: renderUser(u)}, nil
}

func (s *Server) staffUser(ctx context.Context, id directory.UserID, do permission) (*directory.User, error) {
	if err := s.platform(ctx, do); err != nil {
		return nil, err
	}
	return s.userOf("", id)
}

type patchStaffUserInput struct {
	StaffUser
	Precondition
	Rehearsal
	Body UserPatch
}

func (s *Server) patchStaffUser(ctx context.Context, in *patchStaffUserInput) (*Reading[User], error) {
	return s.amendUser(ctx, in.Rehearsal, in.Precondition, &in.Body, func() (*directory.User, error) {
		return s.staffUser(ctx, in.User, usersWrite)
	})
}

type deleteStaffUserInput struct {
	StaffUser
	Precondition
	Rehearsal
}

func (s *Server) deleteStaffUser(ctx context.Context, in *deleteStaffUserInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		u, err := s.staffUser(ctx, in.User, usersWrite)
		if err != nil {
			return nil, err
		}
		return s.dismiss(ctx, u, in.Precondition, in.Rehearsal)
	})
}
