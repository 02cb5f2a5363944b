package provision

import (
	"errors"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// A reseller and its customer, by the client alone.
func TestClientPeople(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	root := w.serve(testToken)
	reseller := got[*CreatedAccount](t)(root.CreateAccount(ctx, NewAccount{
		Name: "Reseller", Reseller: true, Admin: &NewAdmin{FirstName: "Rae", LastName: "R", Email: "rae@reseller.example"},
	}))
	session := got[*Session](t)(w.serve("").Login(ctx, Login{Email: "rae@reseller.example", Password: reseller.Admin.Password}))
	if session.Principal.Kind != partner {
		t.Errorf("login: %+v", session)
	}
	rae := w.serve(session.Token)
	brown := got[*CreatedAccount](t)(rae.CreateAccount(ctx, NewAccount{Name: "Brown"}))
	if brown.Parent == nil || *brown.Parent != reseller.ID || brown.Admin != nil {
		t.Errorf("account: %+v", brown)
	}
	pat := got[*User](t)(rae.CreateUser(ctx, brown.ID, NewUser{Email: "pat@brown.example", FirstName: "Pat", LastName: "B", Role: directory.RoleAdmin}))
	renamed := got[*User](t)(rae.PatchUser(ctx, brown.ID, pat, UserPatch{FirstName: To("Patricia"), Phone: Reset[string]()}))
	if read := got[*User](t)(rae.User(ctx, brown.ID, pat.ID)); *read != *renamed || read.Password != "" {
		t.Errorf("user: %+v, want %+v", read, renamed)
	}
	var p *Problem
	if _, err := rae.PatchUser(ctx, brown.ID, pat, UserPatch{}); !errors.As(err, &p) || p.Code != "stale" {
		t.Errorf("a stale user: %v", err)
	}
	if page := got[*Page[User]](t)(rae.Users(ctx, brown.ID, Paging{})); len(page.Items) != 1 {
		t.Errorf("users: %+v", page)
	}

	made := got[*Token](t)(rae.CreateToken(ctx, brown.ID, NewToken{Name: "T", Scopes: []string{"read"}}))
	if me := got[*Me](t)(w.serve(made.Token).Me(ctx)); me.Account == nil || *me.Account != brown.ID {
		t.Errorf("me: %+v", me)
	}
	if page := got[*Page[Token]](t)(rae.Tokens(ctx, brown.ID, Paging{})); len(page.Items) != 1 || page.Items[0].ID != made.ID {
		t.Errorf("tokens: %+v", page)
	}
	got[*Token](t)(rae.Token(ctx, brown.ID, made.ID))
	if err := rae.DeleteToken(ctx, brown.ID, made.ID, made.Version); err != nil {
		t.Error(err)
	}

	access := w.serve(got[*Token](t)(rae.StartAccess(ctx, brown.ID, NewAccess{Reason: "R"})).Token)
	if me := got[*Me](t)(access.Me(ctx)); me.Actor == nil || *me.Actor != session.Principal.Principal {
		t.Errorf("me: %+v", me)
	}
	for _, end := range []error{access.EndAccess(ctx), rae.DeleteUser(ctx, brown.ID, renamed.ID, renamed.Version), rae.Logout(ctx)} {
		if end != nil {
			t.Error(end)
		}
	}
	if _, err := rae.Me(ctx); !errors.As(err, &p) || p.Code != "token_invalid" {
		t.Errorf("after the logout: %v", err)
	}
	robot := got[*Token](t)(root.CreateToken(ctx, "", NewToken{Name: "T"}))
	if me := got[*Me](t)(w.serve(robot.Token).Me(ctx)); me.Kind != staff {
		t.Errorf("me: %+v", me)
	}
}
