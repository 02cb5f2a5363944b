package store

import (
	"slices"
	"testing"
	"time"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

func TestLiveCalls(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		first, second := b.open(t), b.open(t)
		if _, err := first.LiveCalls(t.Context(), "", 10); err == nil {
			t.Fatal("calls of no account are listed")
		}
		for n := range 5 {
			a := admission(lease(n), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil), claim(routing.RoleCalleeParent, "acc_p", nil))
			a.From, a.CallID = "1:2", "3:x\x00\r\n:ü" // what peers send need not be nice
			a.Started = a.Started.Add(-time.Duration(n) * time.Second)
			answers := newSink()
			first.Admit(a, answers)
			first.Flush()
			answers.next(t)
		}
		confirm(t, second, lease(3), 0)
		calls, err := second.LiveCalls(t.Context(), "acc_p", 3)
		if err != nil || len(calls) != 3 || calls[0].Lease != lease(4) || calls[2].Lease != lease(2) {
			t.Fatalf("%+v, %v", calls, err)
		}
		c := calls[1]
		if !c.Confirmed || calls[0].Confirmed || c.Caller != "acc_a" || c.Callee != "acc_b" || c.From != "1:2" || c.To != "3001" ||
			c.CallID != "3:x\x00\r\n:ü" || !c.Started.Equal(time.UnixMilli(1_700_000_000_000).Add(-3*time.Second)) || c.Node != first.incarnation || c.Since.IsZero() {
			t.Fatalf("%+v", c)
		}
		want := []routing.Claim{claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil), claim(routing.RoleCalleeParent, "acc_p", nil)}
		if !slices.Equal(c.Claims, want) {
			t.Fatalf("claims %+v", c.Claims)
		}
		release(t, second, lease(3))
		if c, err := first.LiveCall(t.Context(), lease(3)); c != nil || err != nil {
			t.Fatalf("%+v, %v", c, err)
		}
		if c, err := first.LiveCall(t.Context(), lease(2)); c == nil || err != nil || c.Lease != lease(2) {
			t.Fatalf("%+v, %v", c, err)
		}
		got, err := first.Lines(t.Context(), []directory.AccountID{"acc_b", "acc_a", "acc_none"})
		if err != nil || !slices.Equal(got, []routing.Lines{{Account: "acc_b", Inbound: 4}, {Account: "acc_a", Outbound: 4}, {Account: "acc_none"}}) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestEndCall(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		owner, other := b.open(t), b.open(t)
		told := make(chan routing.LeaseID, 8)
		owner.OnEndCall(func(l routing.LeaseID) { told <- l })
		other.OnEndCall(func(routing.LeaseID) { t.Error("the wrong node is asked") })
		// The owner listens once its subscription stands.
		eventually(t, "the owner listens", func() bool {
			return b.client.PubSubNumSub(t.Context(), owner.keys.ends(owner.incarnation)).Val()[owner.keys.ends(owner.incarnation)] == 1
		})
		admit(t, owner, lease(1), claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCallee, "acc_b", nil))
		if err := other.EndCall(t.Context(), lease(1)); err != nil {
			t.Fatal(err)
		}
		if _, out := lines(t, other, "acc_a"); out != 0 {
			t.Fatal("the lines are not free")
		}
		select {
		case l := <-told:
			if l != lease(1) {
				t.Fatalf("told to end %x", l)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("the owner is not told")
		}
		wantError(t, other.EndCall(t.Context(), lease(1)), directory.KindNotFound, "not_found")
		if v := confirm(t, owner, lease(1), 0); v != routing.Ended {
			t.Fatalf("confirm of an ended call: %d", v)
		}
	})
}
