package routing

import (
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// LeaseID names the lease of one call: the first 128 bits of HMAC-SHA-256
// (cluster key, what identifies the INVITE), so that the same request gives the
// same lease on any node and a retransmission never counts twice.
type LeaseID [16]byte

// Role says why an account is asked for a line.
type Role uint8

const (
	// RoleCaller is the caller's account: an outbound line.
	RoleCaller Role = iota
	// RoleCallee is the callee's account: an inbound line.
	RoleCallee
	// RoleCallerParent and RoleCalleeParent are accounts above those.
	RoleCallerParent
	RoleCalleeParent
)

// Reason is the refusal when the account with that role has no line free.
func (r Role) Reason() Reason {
	return [...]Reason{CallerLinesFull, CalleeLinesFull, CallerParentLinesFull, CalleeParentLinesFull}[r]
}

// Unpaid is the refusal when that account has neither a line free nor the credit
// to go on without. Only the caller's own account pays for the caller: what
// others lack looks to the caller as if their lines were taken.
func (r Role) Unpaid() Reason {
	if r == RoleCaller {
		return NoCredit
	}
	return r.Reason()
}

// Claim asks one account for one line.
type Claim struct {
	Account directory.AccountID
	Role    Role
	// Limits is what this node believes the account's limits to be; nil means
	// none set. The ledger goes by the newest version it has been shown.
	Limits *directory.Limits
	Terms  Terms
	// Licensed: the call needs minutes of the account's licences (SU5). Only
	// calls from the account to another one do, so only the first claim can be.
	Licensed bool
}

// Terms are how an account pays for a call that finds no free line (LI9). Amounts
// are in minor units of the account's currency.
type Terms struct {
	// PerMinute: such a call may go on per minute; otherwise it is refused and
	// nothing else here counts.
	PerMinute bool
	// Price is what a minute costs.
	Price int64
	// Added is the credit added so far; what calls have cost is the ledger's.
	Added int64
	// Floor is what the credit available must stay above: 0, or as far below as
	// postpaid calls may go.
	Floor int64
}

// Outbound reports the direction of the line claimed.
func (c Claim) Outbound() bool { return c.Role == RoleCaller || c.Role == RoleCallerParent }

// Admission asks for all of a call's lines.
type Admission struct {
	Lease  LeaseID
	Claims []Claim
	// What the ledger keeps with the lease for people to read.
	Caller, Callee directory.AccountID
	// From is the calling number, To the number dialled; at most 64 octets.
	From, To string
	// CallID is the SIP Call-ID, at most 256 octets.
	CallID string
	// Started is when the INVITE came in.
	Started time.Time
}

// Verdict is the ledger's answer to one operation.
type Verdict uint8

const (
	// Admitted: all lines taken.
	Admitted Verdict = iota + 1
	// Busy: one of the claims found no line; none is taken.
	Busy
	// Duplicate: the lease exists already; nothing more was taken.
	Duplicate
	// Ended: the lease was released before; nothing was taken.
	Ended
	// Failed: the store did not answer; whether lines were taken is unknown.
	Failed
	// Done answers confirm and release.
	Done
	// Unpaid: one of the claims found no line and has not the credit to go on per
	// minute; nothing is taken.
	Unpaid
	// Exhausted: the caller's licences have no minutes left; nothing is taken.
	Exhausted
	// Lost answers a confirm whose lease the ledger does not hold any more.
	Lost
)

// Answer is the ledger's answer to an Admission or a confirm.
type Answer struct {
	Lease   LeaseID
	Verdict Verdict
	// Claim is the index of the claim that was Busy or Unpaid.
	Claim int
	// PerMinute has a bit set for each claim, by its index, that goes on per
	// minute; of an Admitted only.
	PerMinute uint64
	// Burst has a bit set for each of the first 32 claims that took a burst line,
	// as PerMinute.
	Burst uint64
	// Confirm tells which kind of operation is answered.
	Confirm bool
}

// Ledger holds accounts to their limits. All methods return at once and never
// block on the store; they may be called from any goroutine. What one process
// does to a lease is carried out in the order it was handed over; between
// leases, lines may be given back before others are taken.
type Ledger interface {
	// Admit asks for the lines of a call. The answer comes to sink, also when
	// the store is gone (Failed, once the attempt ended). A.Claims must stay
	// unchanged until then.
	Admit(a *Admission, sink Sink)
	// Confirm marks a lease as answered. expires is the session interval
	// (RFC 4028) or 0 when the session has no timer.
	Confirm(l LeaseID, expires time.Duration, sink Sink)
	// Release gives a call's lines back, whatever state it is in and whether
	// or not it was ever admitted; it is tried until the store has confirmed
	// it, and a later or repeated operation on the lease changes nothing.
	Release(l LeaseID)
	// Flush has what has been handed over go out now, as one round trip.
	// Without it, it goes within a few milliseconds: time enough for a confirm
	// or a release to travel with somebody's admission.
	Flush()
}

// Sink takes the ledger's answers, on the ledger's goroutine; it must not block.
type Sink interface {
	LedgerAnswers([]Answer)
}

// Spending is what an account's calls on terms have cost, and will have used a
// minute from now.
type Spending struct {
	// Spent is what calls per minute have cost, Running what those that run will
	// have cost a minute from now; in minor units.
	Spent, Running int64
	// Minutes is how many minutes of licences the calls that run will have talked a
	// minute from now.
	Minutes int64
}

// Affords reports whether the credit lasts for one minute more than what all calls
// that run will have cost a minute from now. The ledger does the same sum.
func (t Terms) Affords(s Spending) bool {
	return t.PerMinute && (t.Price == 0 || t.Added-s.Spent-s.Running-t.Price > t.Floor)
}

// Lines is how many of an account's lines are taken now.
type Lines struct {
	Account           directory.AccountID
	Inbound, Outbound int
}
