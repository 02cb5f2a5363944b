package provision

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// given is what the pool of an account with this path has given out.
func (w *world) given(account string) directory.Pool {
	if p := directory.Find[*directory.Pool](w.store.view, directory.KindPool, idIn(account)); p != nil {
		c := *p
		c.Version = 0
		return c
	}
	return directory.Pool{Account: idOf(account)}
}

// LI3: the sum of the customers' trunks may not exceed the reseller's own, and
// the refusal says how much is free.
func TestLI3PoolIsNotExceeded(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	partner := w.admin(reseller)
	w.do(put(reseller+"/limits", limits(10, 10, 4, -1))).want(200)

	w.do(put(brown+"/limits", limits(6, 3, 4, 50)).as(partner)).want(200)
	r := w.do(put(smith+"/limits", limits(5, 3, 1, -1)).as(partner)).want(409, "pool_exceeded", "/inbound_trunks").want(409, "pool_exceeded", "/twoway_trunks").
		is("free.inbound_trunks", 4).is("free.outbound_trunks", 7).is("free.twoway_trunks", 0).is("free.burst_trunks", -1)
	if n := len(r.field("errors").([]any)); n != 2 {
		t.Errorf("%d lanes are blamed: %s", n, r.text)
	}
	w.do(get(smith+"/limits")).want(200).is("version", 0)
	w.do(put(smith+"/limits?dry_run=true", limits(5, 3, 0, 1)).as(partner)).want(409, "pool_exceeded", "/inbound_trunks")
	w.do(put(smith+"/limits", limits(4, 7, 0, -1)).as(partner)).want(200)
	// An unlimited customer fits into no limited pool.
	w.do(put(smith+"/limits", limits(4, -1, 0, 0)).as(partner)).want(409, "pool_exceeded", "/outbound_trunks").is("free.outbound_trunks", 7)
	// What the customer has itself counts as free for it.
	w.do(put(smith+"/limits", limits(5, 7, 0, 0)).as(partner)).want(409, "pool_exceeded").is("free.inbound_trunks", 4)
	w.do(put(brown+"/limits", limits(5, 3, 4, 50)).as(partner)).want(200)
	w.do(put(smith+"/limits", limits(5, 7, 0, 0)).as(partner)).want(200)

	// The pool does not shrink below what is given out, whoever asks.
	version := w.do(get(reseller + "/limits")).want(200).etag()
	w.do(put(reseller+"/limits", limits(9, 10, 4, 50))).want(409, "pool_exceeded", "/inbound_trunks")
	w.do(put(reseller+"/limits", limits(10, 10, 4, 49))).want(409, "pool_exceeded", "/burst_trunks")
	w.do(put(reseller+"/limits", limits(10, 10, 4, 50)).match(version)).want(200) // customers' writes leave its version alone
	w.do(put(reseller+"/limits", limits(-1, -1, -1, -1))).want(200)
}

// LI3: the pool counts accounts made with limits and those deleted.
func TestLI3PoolFollowsCreationAndDeletion(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	w.do(put(reseller+"/limits", limits(10, 10, 10, 10))).want(200)
	brown := "/v1/accounts/" + w.do(post("/v1/accounts", obj{"name": "Brown", "parent": idOf(reseller), "limits": limits(6, 6, 6, 6)})).want(201).str("id")
	w.do(post("/v1/accounts", obj{"name": "Smith", "parent": idOf(reseller), "limits": limits(5, 4, 4, 4)})).want(409, "pool_exceeded", "/limits/inbound_trunks").
		is("free.inbound_trunks", 4)
	w.do(post("/v1/accounts", obj{"name": "Clark", "parent": idOf(reseller)})).want(201) // no limits: nothing is given out

	// Pools below a customer are of the customer, not of the reseller.
	w.do(post("/v1/accounts", obj{"name": "Deep", "parent": idOf(brown), "limits": limits(6, 0, 0, 0)})).want(201)
	w.do(post("/v1/accounts", obj{"name": "Deeper", "parent": idOf(brown), "limits": limits(1, 0, 0, 0)})).want(409, "pool_exceeded", "/limits/inbound_trunks")
	if got := w.given(reseller).Inbound; got != (directory.Share{Lines: 6}) {
		t.Fatalf("given out: %+v", got)
	}
	w.do(requestFor("DELETE", brown+"?cascade=true&dry_run=true", nil).match("*")).want(204)
	w.do(requestFor("DELETE", brown+"?cascade=true", nil).match("*")).want(204)
	if got := w.given(reseller); got != (directory.Pool{Account: idOf(reseller)}) {
		t.Fatalf("given out after the deletion: %+v", got)
	}
	w.do(post("/v1/accounts", obj{"name": "Smith", "parent": idOf(reseller), "limits": limits(10, 10, 10, 10)})).want(201)
}

// LI3: of writes at the same time no more are carried out than fit, also where
// the pool shrinks meanwhile.
func TestLI3PoolHoldsAtOnce(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	w.do(put(reseller+"/limits", limits(10, 10, 10, 10))).want(200)
	var customers []string
	for i := range 12 {
		customers = append(customers, w.below(reseller, fmt.Sprint("Customer ", i)))
	}
	var given, made atomic.Int64
	var wg sync.WaitGroup
	for _, c := range customers {
		wg.Go(func() {
			switch r := w.do(put(c+"/limits", limits(3, 0, 0, 0))); r.status {
			case 200:
				given.Add(3)
			case 409:
			default:
				t.Errorf("status %d: %s", r.status, r.text)
			}
		})
		wg.Go(func() {
			if w.do(post("/v1/accounts", obj{"name": "New", "parent": idOf(reseller), "limits": limits(2, 0, 0, 0)})).status == 201 {
				made.Add(2)
			}
		})
		wg.Go(func() { w.do(put(reseller+"/limits", limits(8, 10, 10, 10))) })
	}
	wg.Wait()
	sum := given.Load() + made.Load()
	limit := w.do(get(reseller + "/limits")).field("inbound_trunks").(float64)
	if got := w.given(reseller).Inbound.Lines; got != sum || float64(sum) > limit || sum < 7 {
		t.Fatalf("given out %d, counted %d, of %v", sum, got, limit)
	}
}

// LI3: where nobody counted yet, the customers there are count.
func TestLI3PoolCountsCustomersFromBefore(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown, smith := w.below(reseller, "Brown"), w.below(reseller, "Smith")
	old := &directory.Limits{Account: idOf(brown), Inbound: 6, Outbound: 1, TwoWay: 1, Burst: 1, MaxOutbound: -1}
	if err := w.store.Apply(t.Context(), directory.Actor{Principal: "test"}, directory.Create(old)); err != nil {
		t.Fatal(err)
	}
	w.do(put(reseller+"/limits", limits(5, 9, 9, 9))).want(409, "pool_exceeded", "/inbound_trunks")
	w.do(put(reseller+"/limits", limits(9, 9, 9, 9))).want(200)
	w.do(put(smith+"/limits", limits(4, 1, 1, 1))).want(409, "pool_exceeded", "/inbound_trunks").is("free.inbound_trunks", 3)
	w.do(put(smith+"/limits", limits(3, 1, 1, 1))).want(200)
}

// LI3: a customer that may set its own limits does not learn what the reseller
// has; what is billed per minute it never sets.
func TestLI3CustomerLearnsNothingOfThePool(t *testing.T) {
	w := newWorld(t)
	reseller := w.account("Reseller")
	brown := w.below(reseller, "Brown")
	w.do(put(reseller+"/limits", limits(7, 7, 7, 7))).want(200)
	admin := w.admin(brown)
	shown := &directory.Permissions{Account: idOf(brown), Editions: []directory.PermissionEdition{{Number: 1, Features: directory.FeatureSet{"limits": directory.Shown}}}}
	if err := w.store.Apply(t.Context(), directory.Actor{Principal: "test"}, directory.Create(shown)); err != nil {
		t.Fatal(err)
	}
	r := w.do(put(brown+"/limits", limits(8, 7, 7, 7)).as(admin)).want(409, "pool_exceeded", "/inbound_trunks")
	if _, told := r.body["free"]; told {
		t.Errorf("the customer learns what is free: %s", r.text)
	}
	w.do(put(brown+"/limits", limits(7, 7, 7, 7)).as(admin)).want(200)
	body := limits(7, 7, 7, 7)
	body["allow_postpay"], body["max_postpay_amount"] = true, 5000
	w.do(put(brown+"/limits", body).as(admin)).want(403, "forbidden")
	w.do(put(brown+"/limits", body).as(w.admin(reseller))).want(200).is("allow_postpay", true).is("max_postpay_amount", 5000).is("allow_prepay", false)
	w.do(put(brown+"/limits", body).as(admin)).want(200) // unchanged
}

// LI2: a value over the provider's capacity is refused at write time.
func TestLI2ProviderCapacity(t *testing.T) {
	w := newWorld(t)
	brown := w.account("Brown")
	provider := w.do(post("/v1/providers", obj{"name": "Carrier One", "capacity": 10})).want(201).str("id")
	w.do(put(brown+"/provider", obj{"provider": provider})).want(200)
	body := limits(2, 0, 8, 0)
	body["max_outbound_calls"] = 11
	w.do(put(brown+"/limits", body)).want(409, "capacity_exceeded", "/max_outbound_calls")
	body["max_outbound_calls"] = 8
	w.do(put(brown+"/limits", body)).want(200).is("max_outbound_calls", 8)
	w.do(change("/v1/providers/"+provider, obj{"capacity": 7})).want(409, "capacity_exceeded", "/capacity")
	w.do(change("/v1/providers/"+provider, obj{"capacity": 8})).want(200)
	body["max_outbound_calls"] = 9
	w.do(put(brown+"/limits", body)).want(409, "capacity_exceeded", "/max_outbound_calls")
	body["max_outbound_calls"] = -1 // no cap of its own
	w.do(put(brown+"/limits", body)).want(200)
}
