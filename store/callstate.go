package store

import (
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// callState is what the ledger keeps of a call, as a string: the state ('e'
// early, 'c' confirmed), since when in Unix ms (13 digits), the lease's location
// and what people read, every value of these with its length and a colon before
// it, since a peer may have chosen it. A tomb begins with 't'.
type callState string

// tomb reports whether the lease was released.
func (c callState) tomb() bool { return strings.HasPrefix(string(c), "t") }

// location is where the lease is held; "" when nothing is.
func (c callState) location() string {
	if len(c) < stateHead || c.tomb() {
		return ""
	}
	loc, _, _ := cutValue(string(c[stateHead:]))
	return loc
}

// stateHead is how long state and time are.
const stateHead = 1 + 13

// parse reads a call; false when there is none.
func (c callState) parse(id routing.LeaseID) (call routing.LiveCall, ok bool) {
	loc := c.location()
	if loc == "" {
		return call, false
	}
	call.Lease = id
	call.Node = eachClaim(loc, func(claim routing.Claim) { call.Claims = append(call.Claims, claim) })
	call.Confirmed = c[0] == 'c'
	call.Since = parseMillis(string(c[1:stateHead]))
	_, info, _ := cutValue(string(c[stateHead:]))
	parseInfo(info, &call)
	return call, true
}

func appendValue(b []byte, s string) []byte {
	b = strconv.AppendInt(b, int64(len(s)), 10)
	b = append(b, ':')
	return append(b, s...)
}

// cutValue takes the first value off.
func cutValue(s string) (value, rest string, ok bool) {
	length, rest, ok := strings.Cut(s, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n < 0 || n > len(rest) {
		return "", "", false
	}
	return rest[:n], rest[n:], true
}

// appendInfo writes what the ledger keeps of a call for people. Accounts that the
// call's location names already are left empty: Redis reads a call's state three
// times.
func appendInfo(b []byte, a *routing.Admission) []byte {
	caller, callee := a.Caller, a.Callee
	if caller == accountAs(routing.RoleCaller, a.Claims) {
		caller = ""
	}
	if callee == accountAs(routing.RoleCallee, a.Claims) {
		callee = ""
	}
	for _, s := range [...]string{string(caller), string(callee), a.From, a.To, a.CallID} {
		b = appendValue(b, s)
	}
	ms := a.Started.UnixMilli()
	return strconv.AppendInt(append(b, "13:"...), ms, 10)
}

// accountAs is the account that a claim in this role is on, or "".
func accountAs(role routing.Role, claims []routing.Claim) directory.AccountID {
	for i := range claims {
		if claims[i].Role == role {
			return claims[i].Account
		}
	}
	return ""
}

// parseInfo reads what appendInfo wrote for a call whose claims are known; a
// reader of a newer version's text passes over what it does not know at its end.
func parseInfo(info string, c *routing.LiveCall) {
	var values [6]string
	for i := range values {
		var ok bool
		if values[i], info, ok = cutValue(info); !ok {
			return
		}
	}
	if c.Caller = directory.AccountID(values[0]); c.Caller == "" {
		c.Caller = accountAs(routing.RoleCaller, c.Claims)
	}
	if c.Callee = directory.AccountID(values[1]); c.Callee == "" {
		c.Callee = accountAs(routing.RoleCallee, c.Claims)
	}
	c.From, c.To, c.CallID = values[2], values[3], values[4]
	c.Started = parseMillis(values[5])
}
