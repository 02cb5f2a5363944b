package provision

import (
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// populate gives an account one of everything an account can have, and returns
// the federation it owns.
func (w *world) populate(account, member string) *directory.Federation {
	w.t.Helper()
	id, other := idOf(account), idOf(member)
	w.admin(account)
	provider := &directory.Provider{ID: directory.ProviderID(w.server.ids.next("prv_")), Name: "Voice " + string(id)}
	federation := &directory.Federation{ID: directory.FederationID(w.server.ids.next("fed_")), Account: id, Name: "All", CodeHash: string(id)}
	user := w.server.view.OwnedBy(directory.KindUser, id)[0].(*directory.User)
	plan := &directory.PricePlan{ID: directory.PricePlanID(w.server.ids.next("pln_")), Name: "Plan " + string(id)}
	objects := []directory.Object{
		provider, plan, federation,
		&directory.Membership{ID: directory.MembershipID(w.server.ids.next("mem_")), Federation: federation.ID, Account: id, JoinedAt: now()},
		&directory.Membership{ID: directory.MembershipID(w.server.ids.next("mem_")), Federation: federation.ID, Account: other},
		&directory.FederationAdmin{Federation: federation.ID, User: user.ID},
		&directory.Connection{Account: id, Provider: provider.ID},
		&directory.Restrictions{Account: id},
		&directory.Pool{Account: id},
		&directory.CreditEntry{ID: directory.CreditEntryID(w.server.ids.next("crd_")), Account: id, Amount: 100, Currency: "EUR"},
		&directory.Credit{Account: id, Currency: "EUR", Added: 100},
		&directory.Licence{ID: directory.LicenceID(w.server.ids.next("lic_")), Account: id},
		&directory.PlanSelection{Account: id, Plans: []directory.PricePlanID{plan.ID}},
		&directory.Permissions{Account: id},
		&directory.Settings{Account: id},
		&directory.Webhook{ID: directory.WebhookID(w.server.ids.next("whk_")), Account: id},
		&directory.Token{ID: directory.TokenID(w.server.ids.next("tok_")), Account: id, Use: directory.TokenAPI, Hash: "hash of " + string(id)},
	}
	if pool := (&directory.Pool{Account: id}); w.server.view.Object(pool.Ref()) == nil {
		objects = append(objects, pool)
	}
	changes := []directory.Change{}
	for _, o := range objects {
		changes = append(changes, directory.Create(o))
	}
	if err := w.store.Apply(w.t.Context(), directory.Actor{Principal: "test"}, changes...); err != nil {
		w.t.Fatal(err)
	}
	return federation
}

// leftOf lists what the store still holds of accounts.
func (w *world) leftOf(paths ...string) (left []directory.Ref) {
	ids := map[directory.AccountID]bool{}
	for _, p := range paths {
		ids[idOf(p)] = true
	}
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for ref, o := range w.store.objects {
		owned, _ := o.(directory.Owned)
		for _, r := range o.Requires() {
			if r.Kind == directory.KindAccount && ids[directory.AccountID(r.ID)] {
				left = append(left, ref)
			}
		}
		if ids[directory.AccountID(ref.ID)] || owned != nil && ids[owned.Owner()] {
			left = append(left, ref)
		}
	}
	return left
}

func TestAC6DeletionTakesAllKinds(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	trunk := w.trunk(brown, "192.0.2.1")
	w.number(brown, trunk, "2001", nil)
	w.do(put(brown+"/limits", obj{"inbound_trunks": 1, "outbound_trunks": 1, "twoway_trunks": 1, "burst_trunks": 1})).want(200)
	_, onSmith := w.link(brown, smith)
	w.populate(brown, smith)
	session := w.admin(brown)

	owned := map[directory.Kind]bool{}
	for ref := range w.store.objects {
		owned[ref.Kind] = true
	}
	for _, k := range directory.Kinds() {
		if !owned[k] && k != directory.KindNumberClasses {
			t.Errorf("the test has no %s", k)
		}
	}

	w.do(del(brown)).want(409, "owns_federation")
	w.do(get(onSmith)).want(200)
	writes := len(w.store.actors)
	w.do(del(brown + "?cascade=true&dry_run=true")).want(204)
	w.do(del(brown + "?cascade=true")).want(204)
	if n := len(w.store.actors) - writes; n != 1 {
		t.Fatalf("%d writes for one deletion", n)
	}
	if left := w.leftOf(brown); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
	w.do(get(onSmith)).want(404, "not_found")
	w.do(get("/v1/me").as(session)).want(401, "token_invalid")
	if m := w.server.view.ObjectByClaim(directory.MembershipClaim(idOf(smith))); m != nil {
		t.Fatal("Smith still asks to join a federation that is gone")
	}
	// What is the platform's stays.
	if len(w.server.view.OwnedBy(directory.KindProvider, "")) != 1 || len(w.server.view.OwnedBy(directory.KindPricePlan, "")) != 1 {
		t.Fatal("the platform's provider or plan went with the account")
	}
}

func TestAC6CascadeTakesTheAccountsBelow(t *testing.T) {
	w := newWorld(t)
	reseller, stranger := w.account("Reseller"), w.account("Stranger")
	brown := w.below(reseller, "Brown")
	shop := w.below(brown, "Shop")
	for _, a := range []string{reseller, brown, shop} {
		w.link(a, stranger)
	}
	w.populate(shop, stranger)
	w.do(del(reseller)).want(409, "has_accounts")
	w.do(del(brown).as(w.admin(stranger))).want(404, "not_found")
	w.do(del(brown + "?cascade=true").as(w.admin(reseller))).want(204)
	if left := w.leftOf(brown, shop); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
	w.do(get(reseller)).want(200)
	if n := len(w.do(get(stranger + "/interlinks")).want(200).ids("id")); n != 1 {
		t.Fatalf("the stranger has %d interlinks", n)
	}
}

// Something is hung on the account while it is being deleted: it goes, too.
func TestAC6DeletionRaces(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	w.store.before = func() { w.link(smith, brown) }
	w.do(del(brown)).want(204)
	if left := w.leftOf(brown); len(left) > 0 {
		t.Fatalf("left: %v", left)
	}
}

// The store fails: nothing of a cascade has happened.
func TestAC6DeletionIsWholeOrNothing(t *testing.T) {
	w := newWorld(t)
	brown, smith := w.account("Brown"), w.account("Smith")
	w.populate(brown, smith)
	before := len(w.leftOf(brown))
	w.store.broken = errBroken
	w.do(del(brown+"?cascade=true")).want(503, "store_unavailable")
	w.store.broken = nil
	if after := len(w.leftOf(brown)); after != before {
		t.Fatalf("%d objects of %d are left", after, before)
	}
	w.do(del(brown + "?cascade=true")).want(204)
}
