package provision

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// serve puts the world behind a real listener and returns a client of it.
func (w *world) serve(token string) *Client {
	w.t.Helper()
	listener := httptest.NewServer(w.server.Handler())
	c := NewClient(listener.URL+"/", token)
	c.http = listener.Client()
	w.t.Cleanup(listener.Close)
	return c
}

// got stops the test on an error.
func got[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestClientConversation(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c := w.serve(testToken)
	if me := got[*Me](t)(c.Me(ctx)); me.Kind != "staff" {
		t.Errorf("me: %+v", me)
	}
	account := func(name string) *Account {
		t.Helper()
		return &got[*CreatedAccount](t)(c.CreateAccount(ctx, NewAccount{Name: name})).Account
	}
	brown, smith := account("Brown"), account("Smith")
	trunk := got[*Trunk](t)(c.CreateTrunk(ctx, brown.ID, NewTrunk{Name: "PBX", Addresses: []string{"127.0.0.2:5060"}, Sources: []string{"127.0.0.2"}}))
	trunk = got[*Trunk](t)(c.PatchTrunk(ctx, brown.ID, trunk, TrunkPatch{Name: To("PBX 2")}))
	if read := got[*Trunk](t)(c.Trunk(ctx, brown.ID, trunk.ID)); read.Name != "PBX 2" || read.Version != 2 {
		t.Errorf("trunk: %+v", read)
	}
	number := got[*Number](t)(c.CreateNumber(ctx, brown.ID, NewNumber{Number: "2001", Trunk: trunk.ID, Label: "L"}))
	number = got[*Number](t)(c.PatchNumber(ctx, brown.ID, number, NumberPatch{Label: Reset[string](), Private: To(true)}))
	if read := got[*Number](t)(c.Number(ctx, brown.ID, number.ID)); read.Label != "" || !read.Private || !read.Enabled {
		t.Errorf("number: %+v", read)
	}
	link := got[*Interlink](t)(c.CreateInterlink(ctx, brown.ID, NewInterlink{Name: "to Smith"}))
	if p := got[*Preview](t)(c.PreviewRedeem(ctx, smith.ID, Redemption{Name: "to Brown", Key: *link.Key})); p.Peer.Name != "Brown" || len(p.Collisions) != 0 {
		t.Errorf("preview: %+v", p)
	}
	onSmith := got[*Interlink](t)(c.Redeem(ctx, smith.ID, Redemption{Name: "to Brown", Key: *link.Key}))
	if onSmith.Status != directory.InterlinkActive || onSmith.Peer.Name != "Brown" {
		t.Errorf("redeemed: %+v", onSmith)
	}
	onSmith = got[*Interlink](t)(c.PatchInterlink(ctx, smith.ID, onSmith, InterlinkPatch{Priority: To(5)}))
	if read := got[*Interlink](t)(c.Interlink(ctx, smith.ID, onSmith.ID)); *read.Priority != 5 {
		t.Errorf("interlink: %+v", read)
	}
	if e := got[*Explanation](t)(c.Explain(ctx, Question{Account: smith.ID, Dialled: "2001"})); *e.Reason != "number_not_found" {
		t.Errorf("explain: %+v", e)
	}
	set := got[*Limits](t)(c.SetLimits(ctx, brown.ID, 0, NewLimits{Inbound: 1}))
	if read := got[*Limits](t)(c.Limits(ctx, brown.ID)); *read != *set || read.MaxOutbound != directory.Unlimited {
		t.Errorf("limits: %+v", read)
	}
	lease := w.call(1, "/"+string(brown.ID), "/"+string(smith.ID))
	if capacity := got[*Capacity](t)(c.Capacity(ctx, brown.ID)); len(capacity.Lanes) != 5 || len(capacity.Calls) != 1 {
		t.Errorf("capacity: %+v", capacity)
	}
	if calls := got[*Page[LiveCall]](t)(c.Calls(ctx, brown.ID, Paging{})); len(calls.Items) != 1 {
		t.Errorf("calls: %+v", calls)
	}
	if log := got[*Page[CallRecord]](t)(c.CallLog(ctx, brown.ID, Paging{})); len(log.Items) != 0 {
		t.Errorf("call log: %+v", log)
	}
	for _, err := range []error{
		c.EndCall(ctx, callID(lease)), c.DeleteNumber(ctx, brown.ID, number.ID, number.Version), c.DeleteTrunk(ctx, brown.ID, trunk.ID, AnyVersion),
		c.DeleteInterlink(ctx, smith.ID, onSmith.ID, onSmith.Version), c.DeleteAccount(ctx, brown.ID, brown.Version, true),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got[*Account](t)(c.PatchAccount(ctx, smith.ID, smith.Version, AccountPatch{Enabled: To(false)}))
	if a := got[*Account](t)(c.Account(ctx, smith.ID)); a.Enabled {
		t.Errorf("account: %+v", a)
	}
}

func TestClientPages(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c := w.serve(testToken)
	a := w.account("Brown")
	trunk := w.trunk(a, "192.0.2.1")
	for i := range 205 {
		w.number(a, trunk, string([]byte{'3', '0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)}), nil)
	}
	all, err := All(ctx, func(ctx context.Context, p Paging) (*Page[Number], error) {
		return c.Numbers(ctx, idOf(a), NumberQuery{}, p)
	})
	if err != nil || len(all) != 205 || all[204].Number != "3204" {
		t.Fatalf("%d numbers, %v", len(all), err)
	}
	for _, err := range []error{
		func() error { _, err := c.Trunks(ctx, idOf(a), Paging{Limit: 1}); return err }(),
		func() error { _, err := c.Interlinks(ctx, idOf(a), Paging{}); return err }(),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	p := got[*Page[Account]](t)(c.Accounts(ctx, AccountQuery{Query: "bro", Status: "active", Sort: "-name"}, Paging{Limit: 5}))
	if len(p.Items) != 1 || p.Next != nil {
		t.Errorf("accounts: %+v", p)
	}
}

func TestClientGetsProblems(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	_, err := w.serve("wrong").Me(ctx)
	var p *Problem
	if !errors.As(err, &p) || p.Status != 401 || p.Code != "token_invalid" || p.RequestID == "" {
		t.Errorf("problem: %v", err)
	}
	c := w.serve(testToken)
	if _, err = c.CreateAccount(ctx, NewAccount{Name: " "}); !errors.As(err, &p) || p.Code != "name_required" || p.Errors[0].Pointer != "/name" {
		t.Errorf("problem: %v", err)
	}
	w.store.broken = errBroken
	if _, err = c.CreateAccount(ctx, NewAccount{Name: "x"}); !errors.As(err, &p) || p.RetryAfter() != time.Second {
		t.Errorf("problem: %v", err)
	}
}

func TestClientOnce(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	once := w.serve(testToken).Once("k")
	a := got[*CreatedAccount](t)(once.CreateAccount(ctx, NewAccount{Name: "Brown"}))
	b := got[*CreatedAccount](t)(once.CreateAccount(ctx, NewAccount{Name: "Brown"}))
	if a.ID != b.ID {
		t.Error("two accounts")
	}
}

func TestClientMeetsSomethingElse(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/me" {
			w.WriteHeader(http.StatusBadGateway)
		}
		_, _ = w.Write([]byte("<html>"))
	}))
	t.Cleanup(other.Close)
	c := NewClient(other.URL, "x")
	c.http = other.Client()
	var p *Problem
	if _, err := c.Me(t.Context()); !errors.As(err, &p) || p.Status != 502 || p.Code != "no_problem" {
		t.Errorf("problem: %v", err)
	}
	if _, err := c.Account(t.Context(), "a"); err == nil {
		t.Error("HTML was taken for an account")
	}
	if _, err := NewClient("http://127.0.0.1:0", "x").Me(t.Context()); err == nil {
		t.Error("nobody answered, and no error")
	}
}
