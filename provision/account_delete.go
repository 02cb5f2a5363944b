package provision

import (
	"context"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

type deleteAccountInput struct {
	InAccount
	Precondition
	Rehearsal
	Cascade bool `query:"cascade" doc:"Delete the accounts below, too; without, an account that has some is refused with 409."`
}

// deleteAccount removes the account with all that hangs on it in one write, so
// that no half of it is ever seen and its interlinks vanish on the other sides
// at the same moment (AC6).
func (s *Server) deleteAccount(ctx context.Context, in *deleteAccountInput) (*struct{}, error) {
	return nil, s.retry(ctx, func() (error, error) {
		a, err := s.account(ctx, in.Account, accountDelete)
		if err != nil {
			return nil, err
		}
		if err := in.check(a.Version); err != nil {
			return nil, err
		}
		doomed := []*directory.Account{a}
		if s.view.Children(a.ID) > 0 {
			if !in.Cascade {
				return nil, directory.Conflict("", "has_accounts", "The account has accounts below it; delete those first or ask for cascade=true.")
			}
			doomed = s.subtree(a)
		}
		err = s.apply(ctx, in.Rehearsal, s.demolition(doomed)...)
		if isKind(err, directory.KindConflict) || isKind(err, directory.KindNotFound) {
			// Something was hung on the account, or taken off, meanwhile: what is
			// to be deleted is read anew.
			err = stale()
		}
		return err, nil
	})
}

// subtree returns an account and all below it, parents first.
func (s *Server) subtree(root *directory.Account) []*directory.Account {
	children := map[directory.AccountID][]*directory.Account{}
	s.view.Accounts("", func(a *directory.Account) bool {
		if a.Parent != "" {
			children[a.Parent] = append(children[a.Parent], a)
		}
		return true
	})
	tree := []*directory.Account{root}
	for i := 0; i < len(tree); i++ {
		tree = append(tree, children[tree[i].ID]...)
	}
	return tree
}

// demolition lists the deletes in an order in which nothing is ever missing
// what it requires: interlinks, numbers, trunks, limits, then the accounts from
// the leaves up.
func (s *Server) demolition(accounts []*directory.Account) []directory.Change {
	var changes []directory.Change
	seen := map[directory.InterlinkID]bool{}
	for _, a := range slices.Backward(accounts) {
		for _, l := range s.view.Interlinks(a.ID) {
			if !seen[l.ID] {
				seen[l.ID] = true
				changes = append(changes, directory.Delete(l))
			}
		}
		for _, n := range s.allNumbers(a.ID) {
			changes = append(changes, directory.Delete(n))
		}
		for _, t := range s.view.Trunks(a.ID) {
			changes = append(changes, directory.Delete(t))
		}
		if l := s.view.LimitsOf(a.ID); l != nil {
			changes = append(changes, directory.Delete(l))
		}
	}
	for _, a := range slices.Backward(accounts) {
		changes = append(changes, directory.Delete(a))
	}
	return changes
}

// allNumbers returns all of an account's numbers.
func (s *Server) allNumbers(id directory.AccountID) []*directory.InternalNumber {
	const all = 1 << 30
	return s.view.Numbers(id, "", all)
}
