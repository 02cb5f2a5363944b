package store

import (
	"testing"

	"github.com/pbx-interlink/interlink/routing"
)

// mostWords is how many allocations the words of a call's three operations and
// their script call may take: the lease's location, which must outlive the call,
// and one go-redis command.
const mostWords = 2

// TestCommandAllocations guards what the ledger's part of a call allocates before
// it is sent. The driver's share is not in it: that changes with its version.
func TestCommandAllocations(t *testing.T) {
	s := miniBackend(t).open(t)
	limits := limitsOf("acc_a", 1, 10, 100, 0, 0)
	a := admission(lease(1), claim(routing.RoleCaller, "acc_a", limits), claim(routing.RoleCallee, "acc_b", nil))
	ops := []*op{new(op), new(op), new(op)}
	l := s.ledger
	n := testing.AllocsPerRun(500, func() {
		loc := location(s.incarnation, a.Claims)
		for kind, o := range ops {
			o.reset()
			o.kind, o.lease, o.loc = opKind(kind), a.Lease, loc
		}
		s.buildAdmit(ops[0], a)
		s.build(ops[1])
		s.build(ops[2])
		l.args = l.args[:0]
		l.words.reset()
		if f := l.flight(t.Context(), ops); len(f.cmd.Args()) == 0 {
			t.Fatal("no command")
		}
	})
	t.Logf("%.1f allocations a call", n)
	if n > mostWords {
		t.Errorf("%.1f allocations a call, not %d at most", n, mostWords)
	}
}
