package sip

import "github.com/pbx-interlink/interlink/routing"

// answer is what a reason looks like on the wire.
type answer struct {
	status int
	phrase string
}

// statuses is the one table from reasons to SIP (docs/statements.md: DI6, LI6).
var statuses = [...]answer{
	routing.None:                  {0, ""},
	routing.NumberNotFound:        {404, "Not Found"},
	routing.AmbiguousNumber:       {484, "Address Incomplete"},
	routing.AccountDisabled:       {403, "Forbidden"},
	routing.SourceUnknown:         {403, "Forbidden"},
	routing.CallerLinesFull:       {403, "Forbidden"},
	routing.CalleeLinesFull:       {486, "Busy Here"},
	routing.CallerParentLinesFull: {403, "Forbidden"},
	routing.CalleeParentLinesFull: {486, "Busy Here"},
	routing.TrunkDown:             {480, "Temporarily Unavailable"},
	routing.StoreUnavailable:      {503, "Service Unavailable"},
	routing.Overloaded:            {503, "Service Unavailable"},
	routing.Draining:              {503, "Service Unavailable"},
	routing.LoopDetected:          {482, "Loop Detected"},
	routing.TooManyHops:           {483, "Too Many Hops"},
	routing.Restricted:            {403, "Forbidden"},
	routing.NoCredit:              {402, "Payment Required"},
	routing.LicenceExhausted:      {402, "Payment Required"},
	routing.NumberPrivate:         {404, "Not Found"},
}

// StatusOf is the SIP status a reason is answered with; 0 for routing.None.
func StatusOf(r routing.Reason) int { return statuses[r].status }

// resultOf names how an attempt ended that got a final response other than 2xx
// from the callee's side.
func resultOf(status int, cancelled bool) routing.Result {
	switch {
	case cancelled:
		return routing.ResultCancelled
	case status == 486 || status == 600:
		return routing.ResultBusy
	case status == 408 || status == 480 || status == 487:
		return routing.ResultNoAnswer
	}
	return routing.ResultFailed
}
