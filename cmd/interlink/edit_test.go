package main

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/provision"
)

// competitors is how many do one thing at once.
const competitors = 16

// atOnce counts how many of several that do a thing at once succeed.
func atOnce(do func(i int) error) int {
	var all sync.WaitGroup
	var won atomic.Int32
	for i := range competitors {
		all.Go(func() {
			if do(i) == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	return int(won.Load())
}

// With the real store too, one of several edits of one version wins, one of
// several uses of a key links, and one of several requests for a name has it.
func TestOneWinnerInTheStore(t *testing.T) {
	r := newRow(t)
	plan := r.show.plan
	for round := range 3 {
		number := r.number(plan.smith, "2001")
		won := atOnce(func(i int) error {
			_, err := r.api.PatchNumber(r.ctx, plan.smith, number, provision.NumberPatch{Label: provision.To(fmt.Sprintf("Label %d of round %d", i, round))})
			return err
		})
		if after := r.number(plan.smith, "2001"); won != 1 || after.Version != number.Version+1 || after.Label == number.Label {
			t.Errorf("%d edits of version %d won; now it is %+v", won, number.Version, after)
		}
	}
	link, err := r.api.CreateInterlink(r.ctx, plan.smith, provision.NewInterlink{Name: "open"})
	r.must(err)
	others := make([]directory.AccountID, competitors)
	for i := range others {
		a, err := r.api.CreateAccount(r.ctx, provision.NewAccount{Name: fmt.Sprint("Account ", i)})
		r.must(err)
		others[i] = a.ID
	}
	if won := atOnce(func(i int) error {
		_, err := r.api.Redeem(r.ctx, others[i], provision.Redemption{Name: "N", Key: *link.Key})
		return err
	}); won != 1 {
		t.Errorf("%d accounts redeemed one key", won)
	}
	linked := 0
	for _, a := range others {
		page, err := r.api.Interlinks(r.ctx, a, provision.Paging{})
		r.must(err)
		linked += len(page.Items)
	}
	if linked != 1 {
		t.Errorf("%d accounts are linked", linked)
	}
	trunks, err := r.api.Trunks(r.ctx, plan.smith, provision.Paging{})
	r.must(err)
	if won := atOnce(func(int) error {
		_, err := r.api.CreateNumber(r.ctx, plan.smith, provision.NewNumber{Number: "5555", Trunk: trunks.Items[0].ID})
		return err
	}); won != 1 {
		t.Errorf("%d numbers 5555 were made", won)
	}
	if won := atOnce(func(i int) error {
		_, err := r.api.CreateUser(r.ctx, others[i], provision.NewUser{Email: "pat@brown.example", FirstName: "P", LastName: "B", Role: directory.RoleAdmin})
		return err
	}); won != 1 {
		t.Errorf("%d users have one address", won)
	}
}
