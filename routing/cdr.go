package routing

import (
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// Result is how a call attempt ended.
type Result string

const (
	ResultAnswered  Result = "answered"
	ResultBusy      Result = "busy"      // the callee answered 486 or 600
	ResultNoAnswer  Result = "no_answer" // the callee never answered (408, 480, Timer C)
	ResultCancelled Result = "cancelled" // the caller hung up first
	ResultRefused   Result = "refused"   // by the gateway, with a Reason
	ResultFailed    Result = "failed"    // any other final response of the callee
)

// CDR is the record of one call attempt (OB2). The store files it with the
// caller's account and, where the callee may know of it, with the callee's.
type CDR struct {
	Lease          LeaseID
	Caller, Callee directory.AccountID // Callee is empty when none was found
	From, To       string
	CallID         string
	Started        time.Time
	// Answered is zero unless Result is ResultAnswered.
	Answered time.Time
	Ended    time.Time
	Result   Result
	Reason   Reason
	// SIPStatus is the final response the caller got.
	SIPStatus int
	// CallerMethod and CalleeMethod say how each account carried an answered call:
	// FlatRate, FlatRateBurst or PerMinute (LI1, LI9). 0 counts as FlatRate.
	CallerMethod, CalleeMethod Method
	// Hidden and Owner file one more record, with that reason, for the owner
	// of a private number that somebody dialled.
	Hidden Reason
	Owner  directory.AccountID
}

// Journal takes call records. Write never blocks; a record is safe once the
// store has it, which is tried until it succeeds or the bounded queue is full
// (counted and logged). The record is the caller's again when Write returns.
type Journal interface {
	Write(*CDR)
}

// LiveCall is a call that holds lines now.
type LiveCall struct {
	Lease          LeaseID
	Caller, Callee directory.AccountID
	From, To       string
	CallID         string
	Confirmed      bool
	Started        time.Time
	// Since is when the call entered its present state.
	Since time.Time
	// Node is the incarnation that owns the call.
	Node string
	// Claims are the lines held, without limits.
	Claims []Claim
}

// Record is a call record as one account's call log shows it.
type Record struct {
	// ID is sortable by the time the record was written.
	ID      string
	Account directory.AccountID
	// Inbound: the account was called; otherwise it called.
	Inbound bool
	// Peer is the other account; empty when none was found or it is hidden.
	Peer                     directory.AccountID
	From, To                 string
	Started, Answered, Ended time.Time
	Result                   Result
	// Reason is a Reason's spelling, as this account may know it.
	Reason    string
	SIPStatus int
	// Method is how the account carried the call: FlatRate, FlatRateBurst or
	// PerMinute; 0 where it was not answered.
	Method Method
}
