package directory

// Unlimited stands for "no limit" in every field of Limits.
const Unlimited = -1

// MaxLines is the largest number of lines a single limit can name.
const MaxLines = 1_000_000

// Limits are an account's concurrent-call limits (LI1, LI2).
// All counts are concurrent calls; Unlimited (-1) means none.
type Limits struct {
	Account AccountID `json:"account"`
	// Inbound, Outbound, TwoWay and Burst are trunks, asked in this order: own
	// direction, two-way, burst. The arithmetic is in routing/trunks.go and in
	// the ledger's admit script.
	Inbound  int64 `json:"inbound_trunks"`
	Outbound int64 `json:"outbound_trunks"`
	TwoWay   int64 `json:"twoway_trunks"`
	Burst    int64 `json:"burst_trunks"`
	// MaxOutbound caps outbound calls whatever the trunks allow.
	MaxOutbound int64 `json:"max_outbound_calls"`
	// AllowPrepay lets a call with no free line go on per minute while credit
	// lasts; AllowPostpay lets it go on below zero, to -MaxPostpay minor units
	// of the account's currency (LI9).
	AllowPrepay  bool   `json:"allow_prepay,omitempty"`
	AllowPostpay bool   `json:"allow_postpay,omitempty"`
	MaxPostpay   int64  `json:"max_postpay_amount,omitempty"`
	Version      uint64 `json:"version"`
}

// NoLimits is what an account without a Limits object has: every lane -1, so
// that a first call works. Its version is 0.
func NoLimits(a AccountID) *Limits {
	return &Limits{Account: a, Inbound: Unlimited, Outbound: Unlimited, TwoWay: Unlimited, Burst: Unlimited, MaxOutbound: Unlimited}
}

func (l *Limits) Ref() Ref              { return Ref{KindLimits, string(l.Account)} }
func (l *Limits) ObjectVersion() uint64 { return l.Version }
func (l *Limits) Claims() []string      { return nil }
func (l *Limits) Redacted() Object      { return l }
func (l *Limits) Requires() []Ref       { return []Ref{{KindAccount, string(l.Account)}} }
func (l *Limits) withVersion(v uint64) Object {
	c := *l
	c.Version = v
	return &c
}

// limitField is one of the counts with its JSON pointer.
type limitField struct {
	pointer string
	value   int64
}

func (l *Limits) fields() [5]limitField {
	return [...]limitField{
		{"/inbound_trunks", l.Inbound}, {"/outbound_trunks", l.Outbound}, {"/twoway_trunks", l.TwoWay},
		{"/burst_trunks", l.Burst}, {"/max_outbound_calls", l.MaxOutbound},
	}
}

// Validate reports the first field out of range: counts are -1 or 0–MaxLines,
// MaxPostpay is 0–MaxAmount.
func (l *Limits) Validate() error {
	for _, f := range l.fields() {
		if f.value < Unlimited || f.value > MaxLines {
			return Invalid(f.pointer, "limit_out_of_range", "%d is not -1 (unlimited) or 0 to %d.", f.value, MaxLines)
		}
	}
	if l.MaxPostpay < 0 || l.MaxPostpay > MaxAmount {
		return Invalid("/max_postpay_amount", "amount_out_of_range", "%d is not 0 to %d minor units.", l.MaxPostpay, int64(MaxAmount))
	}
	return nil
}
