package provision

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// User is a person who logs in, as it is read.
type User struct {
	ID        directory.UserID `json:"id" doc:"The user's id." example:"usr_01JZ8Q4V5T3N6W7X8Y9Z0A1B2C"`
	Email     string           `json:"email" doc:"Names the user at the login; never changes." example:"pat@brown.example"`
	FirstName string           `json:"first_name" doc:"First name." example:"Pat"`
	LastName  string           `json:"last_name" doc:"Last name." example:"Brown"`
	Phone     string           `json:"phone" doc:"A phone number for people; empty for none." example:"+49 30 1234567"`
	Role      directory.Role   `json:"role" enum:"admin,user" doc:"An admin manages the account; a user reads its directory and its own settings."`
	TimeZone  string           `json:"timezone" doc:"IANA name." example:"Europe/Berlin"`
	LastLogin *time.Time       `json:"last_login" doc:"When the user last logged in; null before the first time."`
	Password  string           `json:"password,omitempty" doc:"A generated password. Only in the answer to the request that had it generated: nobody can read it again." example:"7m3k-q9xw-2zpa-r5tn-0hjc-8vbd"`
	Version   uint64           `json:"version" doc:"Counts the changes people make, not logins; the ETag."`
	CreatedAt time.Time        `json:"created_at" doc:"When it was created."`
}

// NewUser creates a user.
type NewUser struct {
	Email     string         `json:"email" minLength:"3" maxLength:"254" doc:"Unique on the platform, in any case; never changes." example:"pat@brown.example"`
	FirstName string         `json:"first_name" minLength:"1" maxLength:"128" doc:"First name." example:"Pat"`
	LastName  string         `json:"last_name" minLength:"1" maxLength:"128" doc:"Last name." example:"Brown"`
	Phone     string         `json:"phone,omitempty" maxLength:"32" doc:"A phone number for people." example:"+49 30 1234567"`
	Role      directory.Role `json:"role" enum:"admin,user" doc:"An admin manages the account; a user reads its directory and its own settings." example:"admin"`
	TimeZone  string         `json:"timezone,omitempty" maxLength:"64" doc:"IANA name; the account's without." example:"Europe/Berlin"`
	Password  *string        `json:"password,omitempty" maxLength:"512" doc:"12 to 128 characters. Without, one is generated and answered once." example:"correct horse battery"`
}

// UserPatch changes a user.
type UserPatch struct {
	Email     Optional[string]         `json:"email,omitzero" doc:"Can never be changed; the address it has is accepted."`
	FirstName Optional[string]         `json:"first_name,omitzero" doc:"First name."`
	LastName  Optional[string]         `json:"last_name,omitzero" doc:"Last name."`
	Phone     Optional[string]         `json:"phone,omitzero" doc:"A phone number for people; null: none."`
	Role      Optional[directory.Role] `json:"role,omitzero" doc:"admin or user; null: user."`
	TimeZone  Optional[string]         `json:"timezone,omitzero" doc:"IANA name; null: the account's."`
	Password  Optional[string]         `json:"password,omitzero" doc:"12 to 128 characters; null: one is generated and answered once. Ends the user's other sessions."`
	Current   string                   `json:"current_password,omitempty" maxLength:"512" doc:"The password until now; required of users who change their own."`
}

// InUser is the user a path names.
type InUser struct {
	InAccount
	User directory.UserID `path:"user" maxLength:"64" doc:"The user's id."`
}

type createUserInput struct {
	InAccount
	Rehearsal
	Repeatable
	Body NewUser
}

func (s *Server) createUser(ctx context.Context, in *createUserInput) (*Creation[User], error) {
	a, err := s.account(ctx, in.Account, usersWrite)
	if err != nil {
		return nil, err
	}
	return s.makeUser(ctx, in.Rehearsal, a, &in.Body)
}

// makeUser creates a user of an account, or of the platform for nil.
func (s *Server) makeUser(ctx context.Context, dry Rehearsal, a *directory.Account, body *NewUser) (*Creation[User], error) {
	owner, kind := directory.AccountID(""), plainUser
	if a != nil {
		owner = a.ID
	}
	if body.Role == directory.RoleAdmin {
		kind = s.adminKind(owner)
	}
	if !s.mayEmpower(requestOf(ctx).principal, owner, kind, nil) {
		return nil, moreThanOwn("/role")
	}
	u, generated, err := s.newUser(ctx, dry, a, body)
	if err != nil {
		return nil, err
	}
	change := directory.Create(u)
	if err := s.apply(ctx, dry, change); err != nil {
		return nil, err
	}
	out := renderUser(written[*directory.User](change))
	out.Password = generated
	return created(dry, userPath(u), u.Edits, out), nil
}

// newUser checks what is given of a user and hashes the password (AC8). A
// generated one is returned, too.
func (s *Server) newUser(ctx context.Context, dry Rehearsal, a *directory.Account, body *NewUser) (u *directory.User, generated string, err error) {
	u = &directory.User{
		ID: directory.UserID(s.ids.next("usr_")), Email: body.Email, FirstName: body.FirstName, LastName: body.LastName, Phone: body.Phone,
		Role: body.Role, TimeZone: body.TimeZone, Edits: 1, CreatedAt: now(),
	}
	if a != nil {
		u.Account = a.ID
	}
	if u.TimeZone == "" {
		u.TimeZone = timeZoneFor(a)
	}
	if err := u.Validate(); err != nil {
		return nil, "", err
	}
	given := To("")
	if given.Null = body.Password == nil; !given.Null {
		given.Value = *body.Password
	}
	generated, err = s.setPassword(ctx, dry, u, given)
	return u, generated, err
}

func timeZoneFor(a *directory.Account) string {
	if a == nil {
		return "UTC"
	}
	return a.TimeZone
}

// setPassword gives a user a new password; null has one generated, which is
// returned. A dry run generates none and keeps the old hash.
func (s *Server) setPassword(ctx context.Context, dry Rehearsal, u *directory.User, password Optional[string]) (generated string, err error) {
	plain := password.Value
	if password.Null {
		generated = newPassword()
		plain = generated
	} else if err := checkPassword("/password", plain, u.Email); err != nil {
		return "", err
	}
	if dry.DryRun {
		return "", nil
	}
	u.Password, err = s.passwords.hash(ctx, plain)
	return generated, err
}

func userPath(u *directory.User) string {
	if u.Account == "" {
		return "/v1/users/" + string(u.ID)
	}
	return fmt.Sprintf("/v1/accounts/%s/users/%s", u.Account, u.ID)
}

type listUsersInput struct {
	InAccount
	Paging
}

func (s *Server) listUsers(ctx context.Context, in *listUsersInput) (*Listing[User], error) {
	a, err := s.account(ctx, in.Account, usersRead)
	if err != nil {
		return nil, err
	}
	return s.usersOf(a.ID, in.Paging)
}

func (s *Server) usersOf(owner directory.AccountID, ask Paging) (*Listing[User], error) {
	return pageOf(s, "users "+string(owner), ask, directory.List[*directory.User](s.view, directory.KindUser, owner),
		func(u *directory.User) string { return string(u.ID) }, renderUser)
}

func (s *Server) getUser(ctx context.Context, in *InUser) (*Reading[User], error) {
	u, err := s.user(ctx, in, usersRead)
	if err != nil {
		return nil, err
	}
	return &Reading[User]{ETag: etag(u.Edits), Body: renderUser(u)}, nil
}

// user returns the user a path names. Every user may read and change itself.
func (s *Server) user(ctx context.Context, in *InUser, do permission) (*directory.User, error) {
	if requestOf(ctx).principal.User == in.User {
		do = accountRead
	}
	a, err := s.account(ctx, in.Account, do)
	if err != nil {
		return nil, err
	}
	return s.userOf(a.ID, in.User)
}

func (s *Server) userOf(owner directory.AccountID, id directory.UserID) (*directory.User, error) {
	u := directory.Find[*directory.User](s.view, directory.KindUser, string(id))
	if u == nil || u.Account != owner {
		return nil, directory.NotFound(directory.KindUser)
	}
	return u, nil
}

type deleteUserInput struct {
	InUser
	Precondition
	Rehearsal
}

func (s *Server) deleteUser(ctx context.Context, in *deleteUserInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, usersWrite)
		if err != nil {
			return nil, err
		}
		u, err := s.userOf(a.ID, in.User)
		if err != nil {
			return nil, err
		}
		return s.dismiss(ctx, u, in.Precondition, in.Rehearsal)
	})
}

// dismiss deletes a user with its sessions and what it administers.
func (s *Server) dismiss(ctx context.Context, u *directory.User, match Precondition, dry Rehearsal) (applied, final error) {
	if err := match.check(u.Edits); err != nil {
		return nil, err
	}
	demands, err := s.withoutAdmin(requestOf(ctx).principal, u)
	if err != nil {
		return nil, err
	}
	return overtaken(s.apply(ctx, dry, append(s.uproot(u), demands...)...)), nil
}

// withoutAdmin refuses to take an account's last administrator away on the
// account's own behalf. It returns what must still hold when the write happens,
// so that two administrators cannot remove each other at once.
func (s *Server) withoutAdmin(p principal, u *directory.User) ([]directory.Change, error) {
	if u.Role != directory.RoleAdmin || p.Kind == staff || s.above(p, u.Account) {
		return nil, nil
	}
	for _, other := range directory.List[*directory.User](s.view, directory.KindUser, u.Account) {
		if other.ID != u.ID && other.Role == directory.RoleAdmin {
			return []directory.Change{directory.Unchanged(other)}, nil
		}
	}
	return nil, directory.Conflict("", "last_admin", "An account's last administrator can only be taken away by those above the account.")
}

// newestLogin is when somebody of an account last logged in.
func (s *Server) newestLogin(id directory.AccountID) *time.Time {
	var newest time.Time
	for _, o := range s.view.OwnedBy(directory.KindUser, id) {
		if u, ok := o.(*directory.User); ok && u.LastLogin.After(newest) {
			newest = u.LastLogin
		}
	}
	return nullTime(newest)
}

func renderUser(u *directory.User) User {
	return User{
		ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, Phone: u.Phone, Role: u.Role, TimeZone: u.TimeZone,
		LastLogin: nullTime(u.LastLogin), Version: u.Edits, CreatedAt: u.CreatedAt.UTC(),
	}
}

// under puts a part's errors below the part's place in the body.
func under(base string, err error) error {
	var e *directory.Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Field = base + e.Field
	return &moved
}
