package routing

import "testing"

// TestRouteAllocations guards the decision, which every call takes: without a
// trail it allocates nothing, whatever the verdict.
func TestRouteAllocations(t *testing.T) {
	r := NewRouter(mustPlan(t, busyPlan))
	var claims []Claim
	for name, dialled := range busyCases() {
		var d Decision
		n := testing.AllocsPerRun(200, func() {
			d = r.Route(Call{"Brown", dialled}, nil)
			if d.Reason == None {
				claims = r.Claims(claims[:0], &d.Route)
			}
		})
		if n != 0 {
			t.Errorf("%s: %.1f allocations", name, n)
		}
	}
}
