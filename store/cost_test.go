package store

import (
	"testing"

	"github.com/pbx-interlink/interlink/routing"
)

// mostWords is how many allocations the words of a call's three commands may
// take: the lease's location, which must outlive the command, and the go-redis
// command of each.
const mostWords = 4

// TestCommandAllocations guards what the ledger's part of a call allocates before
// it is sent. The driver's share is not in it: that changes with its version.
func TestCommandAllocations(t *testing.T) {
	s := miniBackend(t).open(t)
	l := limitsOf("acc_a", 1, 10, 100, 0, 0)
	a := admission(lease(1), claim(routing.RoleCaller, "acc_a", l), claim(routing.RoleCallee, "acc_b", nil))
	o := new(op)
	n := testing.AllocsPerRun(500, func() {
		o.reset()
		o.kind, o.lease = opAdmit, a.Lease
		o.loc = location(s.incarnation, a.Claims)
		s.buildAdmit(o, a)
		if len(s.build(t.Context(), o).Args()) == 0 {
			t.Fatal("no command")
		}
		for _, kind := range []opKind{opConfirm, opRelease} {
			o.kind = kind
			if len(s.build(t.Context(), o).Args()) == 0 {
				t.Fatal("no command")
			}
		}
	})
	t.Logf("%.1f allocations a call", n)
	if n > mostWords {
		t.Errorf("%.1f allocations a call, not %d at most", n, mostWords)
	}
}
