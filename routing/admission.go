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
		r.claim(route.Caller, RoleCaller, r.d.LimitsOf(route.Caller)),
		r.claim(route.Callee, RoleCallee, r.d.LimitsOf(route.Callee)))
	if route.Caller != route.Callee {
		dst[len(dst)-2].Licensed = r.d.Licensed(route.Caller)
	}
	dst = r.above(dst, route.Caller, RoleCallerParent)
	return r.above(dst, route.Callee, RoleCalleeParent)
}

// claim asks an account for a line, and says on what terms the call may go on
// where none is free (LI9).
func (r *Router) claim(id directory.AccountID, role Role, l *directory.Limits) Claim {
	c := Claim{Account: id, Role: role, Limits: l}
	if l == nil || !l.AllowPrepay && !l.AllowPostpay {
		return c
	}
	price, added, ok := r.d.PerMinute(id)
	if !ok {
		return c
	}
	c.Terms = Terms{PerMinute: true, Price: price, Added: added}
	if l.AllowPostpay {
		c.Terms.Floor = -l.MaxPostpay
	}
	return c
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
			dst = append(dst, r.claim(id, role, limits))
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
