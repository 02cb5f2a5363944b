package provision

import (
	"context"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

type patchUserInput struct {
	InUser
	Precondition
	Rehearsal
	Body UserPatch
}

func (s *Server) patchUser(ctx context.Context, in *patchUserInput) (*Reading[User], error) {
	return s.amendUser(ctx, in.Rehearsal, in.Precondition, &in.Body, func() (*directory.User, error) {
		return s.user(ctx, &in.InUser, usersWrite)
	})
}

// amendUser changes the user that find returns. The password is checked and
// hashed once, however often the write is tried.
func (s *Server) amendUser(ctx context.Context, dry Rehearsal, match Precondition, body *UserPatch, find func() (*directory.User, error)) (*Reading[User], error) {
	first, err := find()
	if err != nil {
		return nil, err
	}
	if err := match.check(first.Edits); err != nil {
		return nil, err
	}
	if err := s.mayPatchUser(requestOf(ctx).principal, first, body); err != nil {
		return nil, err
	}
	fresh := *first
	generated, err := s.newPasswordFor(ctx, dry, &fresh, body)
	if err != nil {
		return nil, err
	}
	var after *directory.User
	err = s.retry(ctx, func() (error, error) {
		before, err := find()
		if err != nil {
			return nil, err
		}
		if err := match.check(before.Edits); err != nil {
			return nil, err
		}
		next := *before
		if body.Password.Set {
			if before.Password != first.Password {
				return nil, stale() // the one given was for the old hash
			}
			next.Password = fresh.Password
		}
		changes, err := s.patchedUser(ctx, before, &next, body)
		if err != nil {
			return nil, err
		}
		after = written[*directory.User](changes[0])
		return overtaken(s.apply(ctx, dry, changes...)), nil
	})
	if err != nil {
		return nil, err
	}
	out := &Reading[User]{ETag: etag(after.Edits), Body: renderUser(after)}
	out.Body.Password = generated
	return out, nil
}

// mayPatchUser says who may give a user which role and password. Whoever sets a
// password can be that user from then on.
func (s *Server) mayPatchUser(p principal, u *directory.User, body *UserPatch) error {
	role := u.Role
	patch(&role, body.Role, directory.RoleUser)
	if role != u.Role {
		kind := plainUser
		if role == directory.RoleAdmin {
			kind = s.adminKind(u.Account)
		}
		if !s.may(p, usersWrite, u.Account) || !s.mayEmpower(p, u.Account, kind, nil) {
			return moreThanOwn("/role")
		}
	}
	if !body.Password.Set || p.User == u.ID {
		return nil
	}
	steers := slices.ContainsFunc(s.view.Dependents(u.Ref()), func(o directory.Owned) bool {
		return o.Ref().Kind == directory.KindFederationAdmin
	})
	if !s.mayEmpower(p, u.Account, s.kindOf(u), nil) || steers && p.Kind != staff && !s.above(p, u.Account) {
		return moreThanOwn("/password")
	}
	return nil
}

// newPasswordFor sets the password the patch asks for. Who changes the own one
// proves to know the one until now.
func (s *Server) newPasswordFor(ctx context.Context, dry Rehearsal, u *directory.User, body *UserPatch) (generated string, err error) {
	if !body.Password.Set {
		return "", nil
	}
	if r := requestOf(ctx); r.principal.User == u.ID {
		if err := s.logins.begin(r.source, u.Email); err != nil {
			return "", err
		}
		right, err := s.passwords.verify(ctx, u.Password, body.Current)
		if err == nil && !right {
			return "", directory.Invalid("/current_password", "password_wrong", "This is not the password until now.")
		}
		s.logins.succeed(r.source, u.Email)
		if err != nil {
			return "", err
		}
	}
	return s.setPassword(ctx, dry, u, body.Password)
}

// patchedUser lists the changes, the user's own first. A new password ends the
// user's other sessions.
func (s *Server) patchedUser(ctx context.Context, before, next *directory.User, p *UserPatch) ([]directory.Change, error) {
	if err := s.editedUser(before, next, p); err != nil {
		return nil, err
	}
	changes := []directory.Change{directory.Replace(before, next)}
	me := requestOf(ctx).principal
	if before.Role != next.Role {
		demands, err := s.withoutAdmin(me, before)
		if err != nil {
			return nil, err
		}
		changes = append(changes, demands...)
	}
	if !p.Password.Set {
		return changes, nil
	}
	var others []directory.Object
	for _, t := range s.sessions(before.ID) {
		if me.Token == nil || t.ID != me.Token.ID {
			others = append(others, t)
		}
	}
	return append(changes, s.uproot(others...)...), nil
}

// editedUser carries out a patch but for the password.
func (s *Server) editedUser(before, next *directory.User, p *UserPatch) error {
	if p.Email.Set && p.Email.Value != before.Email {
		return directory.Invalid("/email", "email_fixed", "The email address of a user can never be changed.")
	}
	patch(&next.FirstName, p.FirstName, "")
	patch(&next.LastName, p.LastName, "")
	patch(&next.Phone, p.Phone, "")
	patch(&next.Role, p.Role, directory.RoleUser)
	patch(&next.TimeZone, p.TimeZone, timeZoneFor(s.view.Account(before.Account)))
	next.Edits++
	return next.Validate()
}
