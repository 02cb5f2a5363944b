package store

import (
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// TestCallStateNamesAccounts reads a call's accounts back, whether its claims name
// them or not, and from what an older version wrote.
func TestCallStateNamesAccounts(t *testing.T) {
	claims := []routing.Claim{claim(routing.RoleCaller, "acc_a", nil), claim(routing.RoleCalleeParent, "acc_p", nil), claim(routing.RoleCallee, "acc_b", nil)}
	for _, test := range []struct {
		name           string
		caller, callee directory.AccountID
		claims         []routing.Claim
		written        int
	}{
		{"as claimed", "acc_a", "acc_b", claims, 0},
		{"claims of others only", "acc_a", "acc_b", claims[1:2], 2},
		{"claims of other accounts", "acc_c", "acc_d", claims, 2},
		{"no claim of the callee", "acc_a", "acc_b", claims[:2], 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := admission(lease(1), test.claims...)
			a.Caller, a.Callee = test.caller, test.callee
			info := string(appendInfo(nil, a))
			if n := strings.Count(info, "5:acc_"); n != test.written {
				t.Errorf("%d accounts in %q, want %d", n, info, test.written)
			}
			older := "5:" + string(test.caller) + "5:" + string(test.callee) + info[strings.Index(info, "4:2001"):]
			for _, info := range []string{info, older} {
				c, ok := callState("e1700000000000" + string(appendValue(nil, location("node", test.claims))) + info).parse(lease(1))
				if !ok || c.Caller != test.caller || c.Callee != test.callee || c.From != "2001" || c.To != "3001" {
					t.Errorf("%q: %+v", info, c)
				}
			}
		})
	}
}
