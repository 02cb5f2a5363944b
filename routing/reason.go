package routing

// Reason is why a call was refused. The list is closed; each value has one
// spelling, which is the same in the SIP answer, the call record, the log, the
// metric label, explain and the documentation (DI6). sip/status.go is the one
// table from reasons to SIP status codes.
type Reason uint8

const (
	// None: not refused.
	None Reason = iota
	// NumberNotFound: neither the caller's account nor a linked one or a member
	// of its federation has it.
	NumberNotFound
	// AmbiguousNumber: several linked accounts have it and no priority decides,
	// or several members of the federation.
	AmbiguousNumber
	// AccountDisabled: the caller's account is disabled.
	AccountDisabled
	// SourceUnknown: no trunk sends from that address.
	SourceUnknown
	// CallerLinesFull: no outbound line free on the caller's account.
	CallerLinesFull
	// CalleeLinesFull: no inbound line free on the callee's account.
	CalleeLinesFull
	// CallerParentLinesFull and CalleeParentLinesFull: no line free on an
	// account above the caller's or the callee's. Both are spelled
	// "parent_lines_full" and differ in the SIP status.
	CallerParentLinesFull
	CalleeParentLinesFull
	// TrunkDown: the callee's PBX gave no answer at any of its addresses.
	TrunkDown
	// StoreUnavailable: the ledger did not answer within its budget.
	StoreUnavailable
	// Overloaded: this node takes no more calls just now.
	Overloaded
	// Draining: this node is going away.
	Draining
	// LoopDetected: the request has been here before, unchanged.
	LoopDetected
	// TooManyHops: Max-Forwards is used up.
	TooManyHops
	// Restricted: the number is of a class that the caller's account, or one
	// above it, is denied (LI8).
	Restricted
	// NoCredit: no line is free on the caller's account, and its credit does not
	// last for a call per minute (LI9).
	NoCredit
	// LicenceExhausted: the licences of the caller's account have no minutes left,
	// or none holds any more (SU5).
	LicenceExhausted
	// NumberPrivate is the truth behind a NumberNotFound, for the number's
	// owner only; it never reaches the caller (IN4).
	NumberPrivate
)

var reasonText = [...]string{
	None:                  "",
	NumberNotFound:        "number_not_found",
	AmbiguousNumber:       "ambiguous_number",
	AccountDisabled:       "account_disabled",
	SourceUnknown:         "source_unknown",
	CallerLinesFull:       "caller_lines_full",
	CalleeLinesFull:       "callee_lines_full",
	CallerParentLinesFull: "parent_lines_full",
	CalleeParentLinesFull: "parent_lines_full",
	TrunkDown:             "trunk_down",
	StoreUnavailable:      "store_unavailable",
	Overloaded:            "overloaded",
	Draining:              "draining",
	LoopDetected:          "loop_detected",
	TooManyHops:           "too_many_hops",
	Restricted:            "restricted",
	NoCredit:              "no_credit",
	LicenceExhausted:      "licence_exhausted",
	NumberPrivate:         "number_private",
}

// String is the reason's one spelling; "" for None.
func (r Reason) String() string { return reasonText[r] }

// Reasons returns every reason but None.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonText)-1)
	for r := None + 1; int(r) < len(reasonText); r++ {
		all = append(all, r)
	}
	return all
}
