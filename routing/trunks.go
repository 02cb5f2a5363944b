package routing

import "github.com/pbx-interlink/interlink/directory"

// Method is how an account's trunks carry one more call (LI1, LI2).
type Method uint8

const (
	// FlatRate: on the direction's own trunks or a two-way one.
	FlatRate Method = iota + 1
	// FlatRateBurst: on a burst trunk.
	FlatRateBurst
	// NextMethod: no trunk is free; the call needs another means, or is refused
	// where there is none.
	NextMethod
	// OverMaxOutbound: max_outbound_calls is reached, which no other means
	// overcomes.
	OverMaxOutbound
	// PerMinute: no trunk was free; the account's credit pays for each minute.
	PerMinute
)

// String is the method's name in the API.
func (m Method) String() string {
	return [...]string{"", "flat_rate", "flat_rate_burst", "next_method", "max_outbound_calls", "per_minute"}[m]
}

// Admits reports whether a trunk carries the call.
func (m Method) Admits() bool { return m == FlatRate || m == FlatRateBurst || m == PerMinute }

// Ask tells how an account with these limits (nil: none set) and these calls up
// would carry one call more. No call owns a trunk: the question is asked anew
// for all calls of the account each time. The ledger's admit script does the
// same sum; both are held to the same table of cases.
//
//	rest = over(inbound, in) + over(outbound, out)    counting the new call
//	rest = over(twoway, rest)                         0: FlatRate
//	rest = over(burst, rest)                          0: FlatRateBurst
//
// A call whose own direction has room on its own trunks is admitted whatever the
// other direction holds: after limits were lowered, calls that are up already
// keep no line from those the limits still allow.
func Ask(l *directory.Limits, in, out int, outbound bool) Method {
	if l == nil {
		return FlatRate
	}
	own, used := l.Inbound, &in
	if outbound {
		own, used = l.Outbound, &out
	}
	*used++
	if outbound && over(l.MaxOutbound, out) > 0 {
		return OverMaxOutbound
	}
	if over(own, *used) == 0 {
		return FlatRate
	}
	rest := over(l.TwoWay, over(l.Inbound, in)+over(l.Outbound, out))
	switch {
	case rest == 0:
		return FlatRate
	case over(l.Burst, rest) == 0:
		return FlatRateBurst
	}
	return NextMethod
}

// over is how many of the calls used a lane of that limit leaves over.
func over(limit int64, used int) int {
	if limit == directory.Unlimited {
		return 0
	}
	return max(used-int(limit), 0)
}

// Lane is one of an account's limits and how much of it the calls up now take.
type Lane struct {
	// Lane is "inbound", "outbound", "twoway", "burst" or "max_outbound".
	Lane string
	// Limit, Used and Free count calls; a Limit and a Free of -1 are unlimited.
	// Used exceeds Limit where limits were lowered below the calls that are up.
	Limit, Used, Free int64
}

// Lanes spreads the calls that are up over the lanes in the order in which Ask
// does: own direction, two-way, burst. What is over everything counts as burst,
// so that the four add up to the calls there are. max_outbound counts the
// outbound calls once more.
func Lanes(l *directory.Limits, in, out int) []Lane {
	if l == nil {
		l = directory.NoLimits("")
	}
	lanes := make([]Lane, 0, 5)
	take := func(name string, limit int64, calls int) int {
		left := over(limit, calls)
		lanes = append(lanes, newLane(name, limit, calls-left))
		return left
	}
	rest := take("inbound", l.Inbound, in)
	rest += take("outbound", l.Outbound, out)
	rest = take("twoway", l.TwoWay, rest)
	return append(lanes, newLane("burst", l.Burst, rest), newLane("max_outbound", l.MaxOutbound, out))
}

func newLane(name string, limit int64, used int) Lane {
	free := int64(directory.Unlimited)
	if limit != directory.Unlimited {
		free = max(limit-int64(used), 0)
	}
	return Lane{Lane: name, Limit: limit, Used: int64(used), Free: free}
}
