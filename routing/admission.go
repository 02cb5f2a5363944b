package routing

import "github.com/pbx-interlink/interlink/directory"

// MaxDepth is the deepest account tree that limits are looked for in. No tree
// comes near it; data that runs in a circle ends there.
const MaxDepth = 32

// Claims appends to dst the lines a call needs (LI1, LI3) and returns it:
// the caller's outbound and the callee's inbound line, always, even when it is
// one account that takes both; then one line on every account above them that
// has limits set. An account above both gives one in either direction.
func (r *Router) Claims(dst []Claim, route *Route) []Claim {
	dst = append(dst,
		Claim{Account: route.Caller, Role: RoleCaller, Limits: r.d.LimitsOf(route.Caller)},
		Claim{Account: route.Callee, Role: RoleCallee, Limits: r.d.LimitsOf(route.Callee)})
	dst = r.above(dst, route.Caller, RoleCallerParent)
	return r.above(dst, route.Callee, RoleCalleeParent)
}

// above appends a claim on each account above id that has limits.
func (r *Router) above(dst []Claim, id directory.AccountID, role Role) []Claim {
	first, start := len(dst), id
	for range MaxDepth {
		account := r.d.Account(id)
		if account == nil || account.Parent == "" || account.Parent == start {
			break
		}
		id = account.Parent
		if limits := r.d.LimitsOf(id); limits != nil && !claimed(dst[first:], id) {
			dst = append(dst, Claim{Account: id, Role: role, Limits: limits})
		}
	}
	return dst
}

func claimed(claims []Claim, id directory.AccountID) bool {
	for _, c := range claims {
		if c.Account == id {
			return true
		}
	}
	return false
}
