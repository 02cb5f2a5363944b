package provision

import (
	"context"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// NewAccount creates an account, at wish with all it needs (AC7): everything is
// created or nothing.
type NewAccount struct {
	Name         string              `json:"name" minLength:"1" maxLength:"128" doc:"1 to 128 characters; can never be changed." example:"Brown Ltd"`
	Parent       directory.AccountID `json:"parent,omitempty" maxLength:"64" doc:"The account above; without, the token's own account, or for staff directly below the platform."`
	TimeZone     string              `json:"timezone,omitempty" maxLength:"64" doc:"IANA name; the parent's without, UTC where there is no parent." example:"Europe/Berlin"`
	Enabled      *bool               `json:"enabled,omitempty" default:"true" doc:"A disabled account makes and receives no calls."`
	Reseller     bool                `json:"reseller,omitempty" default:"false" doc:"Whether it may have accounts below: its administrators are partners."`
	Admin        *NewAdmin           `json:"admin,omitempty" doc:"Its first administrator; users can be added later, too."`
	Limits       *NewLimits          `json:"limits,omitempty" doc:"Concurrent calls; unlimited without."`
	Restrictions *NewRestrictions    `json:"restrictions,omitempty" doc:"Classes of numbers it may not dial; none without."`
	Credit       *OpeningCredit      `json:"credit,omitempty" doc:"What it has to spend; nothing without."`
	Permissions  *NewPermissions     `json:"permissions,omitempty" doc:"The features its administrators see, published at once; the defaults without."`
	// Configuration says the rest of what can be said at once.
	Configuration *Configuration `json:"configuration,omitempty" doc:"Its users, trunks, numbers, settings and plans, as PUT …/configuration takes them. Limits, restrictions and permissions stand here or beside, not both; timezone, enabled and reseller beside only."`
}

// NewAdmin is the administrator of a new account.
type NewAdmin struct {
	FirstName string  `json:"first_name" minLength:"1" maxLength:"128" doc:"First name." example:"Pat"`
	LastName  string  `json:"last_name" minLength:"1" maxLength:"128" doc:"Last name." example:"Brown"`
	Email     string  `json:"email" minLength:"3" maxLength:"254" doc:"Unique on the platform, in any case; never changes." example:"pat@brown.example"`
	Phone     string  `json:"phone,omitempty" maxLength:"32" doc:"A phone number for people." example:"+49 30 1234567"`
	Password  *string `json:"password,omitempty" maxLength:"512" doc:"12 to 128 characters. Without, one is generated and answered once." example:"correct horse battery"`
}

// CreatedAccount is a new account with its administrator.
type CreatedAccount struct {
	Account
	Admin     *User               `json:"admin,omitempty" doc:"The administrator that was created with it; a generated password shows here and nowhere else."`
	Passwords []GeneratedPassword `json:"passwords,omitempty" nullable:"false" doc:"Of the users of its configuration; nobody can read them again."`
}

type createAccountInput struct {
	Rehearsal
	Repeatable
	Body NewAccount
}

// createAccount is the wizard: one write creates all.
func (s *Server) createAccount(ctx context.Context, in *createAccountInput) (*Creation[CreatedAccount], error) {
	a, err := s.newAccount(ctx, &in.Body)
	if err != nil {
		return nil, err
	}
	if err := mayPopulate(s, requestOf(ctx).principal, &in.Body); err != nil {
		return nil, err
	}
	// Hashed once, however often the write is tried.
	admin, generated, err := s.newAdmin(ctx, in.Rehearsal, a, in.Body.Admin)
	if err != nil {
		return nil, err
	}
	rest, people, err := s.newConfiguration(ctx, in.Rehearsal, a, &in.Body)
	if err != nil {
		return nil, err
	}
	var changes []directory.Change
	err = s.inPool(ctx, a.Parent, func() error {
		return s.retry(ctx, func() (error, error) {
			parts, err := s.parts(ctx, a, &in.Body)
			if err != nil {
				return nil, err
			}
			configured, err := s.configured(ctx, a, rest, people)
			if err != nil {
				return nil, underPart("/configuration", err)
			}
			parts = once(append(parts, configured...))
			changes = append([]directory.Change{directory.Create(a)}, parts...)
			if admin != nil {
				changes = append(changes, directory.Create(admin))
			}
			return s.applyNewRealm(ctx, in.Rehearsal, a, changes), nil
		})
	})
	if claimOf(err) == "email" {
		err = directory.Conflict("/admin/email", "email_taken", "Another user has this email address.")
	}
	if err != nil {
		return nil, err
	}
	out := s.renderCreated(ctx, in.Rehearsal, changes, admin, generated)
	if !in.DryRun {
		out.Body.Passwords = people.passwords()
	}
	return out, nil
}

// newConfiguration is the configuration of a new account, an empty one for none,
// with the users it adds.
func (s *Server) newConfiguration(ctx context.Context, dry Rehearsal, a *directory.Account, body *NewAccount) (*Configuration, newcomers, error) {
	if body.Configuration == nil {
		return &Configuration{}, nil, nil
	}
	c := body.Configuration
	for _, f := range []struct {
		name  string
		twice bool
	}{
		{"timezone", c.TimeZone != nil}, {"enabled", c.Enabled != nil}, {"reseller", c.Reseller != nil},
		{"limits", c.Limits != nil && body.Limits != nil}, {"restrictions", c.Restrictions != nil && body.Restrictions != nil},
		{"permissions", c.Permissions != nil && body.Permissions != nil},
	} {
		if f.twice {
			return nil, nil, directory.Invalid("/configuration/"+f.name, "invalid", "This stands beside the configuration of a new account.")
		}
	}
	c.Normalize()
	people, err := s.newcomers(ctx, dry, a, c, "/configuration")
	return c, people, err
}

// newAccount checks what is given of the account itself.
func (s *Server) newAccount(ctx context.Context, body *NewAccount) (*directory.Account, error) {
	a := &directory.Account{
		ID: directory.AccountID(s.ids.next("acc_")), Name: body.Name, Parent: body.Parent, TimeZone: body.TimeZone,
		Enabled: body.Enabled == nil || *body.Enabled, Reseller: body.Reseller, CreatedAt: now(),
	}
	if a.Parent == "" {
		a.Parent = requestOf(ctx).principal.Account
	}
	if a.Parent != "" && (s.view.Account(a.Parent) == nil || !s.sees(ctx, a.Parent)) {
		return nil, directory.Invalid("/parent", "parent_unknown", "There is no such account.")
	}
	if s.depth(a.Parent) > routing.MaxDepth {
		return nil, directory.Invalid("/parent", "tree_too_deep", "At most %d accounts can stand above another.", routing.MaxDepth)
	}
	if !s.mayNow(ctx, accountCreate, a.Parent) {
		return nil, &directory.Error{Kind: directory.KindForbidden, Code: "forbidden", Detail: "The token does not allow accounts to be created there."}
	}
	if a.TimeZone == "" {
		a.TimeZone = s.defaultTimeZone(a)
	}
	return a, a.Validate()
}

// mayPopulate checks that who may create an account may create its parts, too.
// Its standing is that of one above; the token's scopes can take rights away.
func mayPopulate(s *Server, p principal, body *NewAccount) error {
	for _, part := range []struct {
		pointer string
		given   bool
		do      permission
	}{
		{"/limits", body.Limits != nil, limitsWrite},
		{"/restrictions", body.Restrictions != nil, restrictionsWrite},
		{"/credit", body.Credit != nil, creditWrite},
		{"/permissions", body.Permissions != nil, permissionsWrite},
		{"/admin", body.Admin != nil, usersWrite},
	} {
		if part.given && p.Token != nil && !inScope(p.Token.Scopes, part.do) {
			return moreThanOwn(part.pointer)
		}
	}
	kind := customerAdmin
	if body.Reseller {
		kind = partner
	}
	if body.Admin != nil && !s.mayEmpowerBelow(p, kind, nil) {
		return moreThanOwn("/admin")
	}
	return nil
}

// newAdmin builds the administrator; nil for none.
func (s *Server) newAdmin(ctx context.Context, dry Rehearsal, a *directory.Account, n *NewAdmin) (*directory.User, string, error) {
	if n == nil {
		return nil, "", nil
	}
	u, generated, err := s.newUser(ctx, dry, a, &NewUser{
		Email: n.Email, FirstName: n.FirstName, LastName: n.LastName, Phone: n.Phone, Role: directory.RoleAdmin, Password: n.Password,
	})
	return u, generated, under("/admin", err)
}

// parts are the other changes of the wizard, each checked by the code of its own
// route.
func (s *Server) parts(ctx context.Context, a *directory.Account, body *NewAccount) (changes []directory.Change, err error) {
	add := func(part []directory.Change, e error) {
		changes = append(changes, part...)
		if err == nil {
			err = e
		}
	}
	if body.Limits != nil {
		add(s.limitsPart(ctx, a, body.Limits, "/limits"))
	}
	if body.Restrictions != nil {
		add(s.restrictionsPart(a, body.Restrictions, "/restrictions"))
	}
	if body.Credit != nil {
		add(s.creditPart(ctx, a, body.Credit, "/credit"))
	}
	if body.Permissions != nil {
		add(permissionsPart(ctx, a, body.Permissions, "/permissions"))
	}
	return changes, err
}

// permissionsPart is what publishes the permissions of a new account.
func permissionsPart(ctx context.Context, a *directory.Account, n *NewPermissions, base string) ([]directory.Change, error) {
	p, err := n.published(ctx, a.ID, base)
	if err != nil {
		return nil, err
	}
	return []directory.Change{directory.Create(p)}, nil
}

// renderCreated answers from what was, or would be, written.
func (s *Server) renderCreated(ctx context.Context, dry Rehearsal, changes []directory.Change, admin *directory.User, generated string) *Creation[CreatedAccount] {
	a := written[*directory.Account](changes[0])
	body := CreatedAccount{Account: s.renderAccount(ctx, a)}
	for _, c := range changes {
		switch o := c.Written().(type) {
		case *directory.Limits:
			if o.Account == a.ID {
				body.Lines.Allowed = allowed(o)
			}
		case *directory.User:
			if admin != nil && o.ID == admin.ID {
				u := renderUser(o)
				u.Password = generated
				body.Admin = &u
			}
		}
	}
	return created(dry, "/v1/accounts/"+string(a.ID), a.Version, body)
}
