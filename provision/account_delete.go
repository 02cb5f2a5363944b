package provision

import (
	"context"
	"math"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

type deleteAccountInput struct {
	InAccount
	Precondition
	Rehearsal
	Cascade bool `query:"cascade" doc:"Delete the accounts below and the federations it owns, too; without, an account that has some is refused with 409."`
}

// deleteAccount removes the account with all that hangs on it in one write, so
// that no half of it is ever seen and its interlinks vanish on the other sides
// at the same moment (AC6).
func (s *Server) deleteAccount(ctx context.Context, in *deleteAccountInput) (*struct{}, error) {
	a, err := s.account(ctx, in.Account, accountDelete)
	if err != nil {
		return nil, err
	}
	return nil, s.inPool(ctx, a.Parent, func() error { return s.deleteTree(ctx, in) })
}

func (s *Server) deleteTree(ctx context.Context, in *deleteAccountInput) error {
	return s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, accountDelete)
		if err != nil {
			return nil, err
		}
		if err := in.check(a.Version); err != nil {
			return nil, err
		}
		doomed, err := s.condemned(a, in.Cascade)
		if err != nil {
			return nil, err
		}
		err = s.apply(ctx, in.Rehearsal, append(s.demolition(doomed), s.backToPool(a)...)...)
		if isKind(err, directory.KindConflict) || isKind(err, directory.KindNotFound) {
			// Something was hung on the account, or taken off, meanwhile: what is
			// to be deleted is read anew.
			err = stale()
		}
		return err, nil
	})
}

// condemned lists the accounts that go with one, itself first. Without cascade
// an account that has others below it or owns a federation stays.
func (s *Server) condemned(a *directory.Account, cascade bool) ([]*directory.Account, error) {
	switch {
	case cascade:
		tree, _ := s.subtree(a, math.MaxInt)
		return tree, nil
	case s.view.Children(a.ID) > 0:
		return nil, directory.Conflict("", "has_accounts", "The account has accounts below it; delete those first or ask for cascade=true.")
	case len(s.view.OwnedBy(directory.KindFederation, a.ID)) > 0:
		return nil, directory.Conflict("", "owns_federation", "The account owns a federation; delete that first or ask for cascade=true.")
	}
	return []*directory.Account{a}, nil
}

// subtree returns an account and all below it, parents first; false: there are
// more than most, which is nearly what it returns.
func (s *Server) subtree(root *directory.Account, most int) (tree []*directory.Account, whole bool) {
	const together = 256
	tree = []*directory.Account{root}
	for i := 0; i < len(tree); i++ {
		for after := directory.AccountID(""); ; {
			page := s.view.ChildAccounts(tree[i].ID, after, together)
			tree = append(tree, page...)
			if len(tree) > most {
				return tree, false
			}
			if len(page) < together {
				break
			}
			after = page[together-1].ID
		}
	}
	return tree, true
}

// demolition lists the deletes of accounts, of all they own, and of all that
// cannot be without either.
func (s *Server) demolition(accounts []*directory.Account) []directory.Change {
	var objects []directory.Object
	add := func(o directory.Object) { objects = append(objects, o) }
	for _, a := range accounts {
		add(a)
	}
	for _, a := range accounts {
		s.eachOwned(a.ID, add)
	}
	return s.uproot(objects...)
}

// uproot lists the deletes of objects and of all that cannot be without them,
// whoever owns it: the members of a federation, the sessions of a user. What needs
// something stands before it.
func (s *Server) uproot(roots ...directory.Object) []directory.Change {
	var objects []directory.Object
	seen := map[directory.Ref]bool{}
	add := func(o directory.Object) {
		if ref := o.Ref(); !seen[ref] {
			seen[ref] = true
			objects = append(objects, o)
		}
	}
	for _, o := range roots {
		add(o)
	}
	for i := 0; i < len(objects); i++ {
		for _, o := range s.view.Dependents(objects[i].Ref()) {
			add(o)
		}
	}
	changes := make([]directory.Change, 0, len(objects))
	for _, o := range slices.Backward(objects) {
		changes = append(changes, directory.Delete(o))
	}
	return changes
}

// eachOwned calls yield for everything an account has.
func (s *Server) eachOwned(id directory.AccountID, yield func(directory.Object)) {
	if l := s.view.LimitsOf(id); l != nil {
		yield(l)
	}
	for _, t := range s.view.Trunks(id) {
		yield(t)
	}
	for _, n := range s.allNumbers(id) {
		yield(n)
	}
	for _, l := range s.view.Interlinks(id) {
		yield(l)
	}
	for _, k := range directory.Kinds() {
		for _, o := range s.view.OwnedBy(k, id) {
			yield(o)
		}
	}
}

// allNumbers returns all of an account's numbers.
func (s *Server) allNumbers(id directory.AccountID) []*directory.InternalNumber {
	const all = 1 << 30
	return s.view.Numbers(id, "", all)
}
