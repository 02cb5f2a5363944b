package routing

import (
	"net/netip"

	"github.com/pbx-interlink/interlink/directory"
)

// Directory is what a decision reads. directory.View is one.
type Directory interface {
	Accounts
	DialPlans
}

// Accounts tells who calls, and what bounds them.
type Accounts interface {
	Account(directory.AccountID) *directory.Account
	Trunk(directory.TrunkID) *directory.Trunk
	TrunkBySource(netip.AddrPort) *directory.Trunk
	// Denied tells the class of a dialled number that the account must not
	// dial, and which account says so, itself or one above it; both empty where
	// none does.
	Denied(a directory.AccountID, dialled string) (class string, by directory.AccountID)
	// PerMinute tells what a minute beyond the account's lines costs and what
	// credit was added, in minor units; false where it has no plan.
	PerMinute(directory.AccountID) (price, added int64, ok bool)
	// Licensed reports whether the account's calls need minutes of a licence.
	Licensed(directory.AccountID) bool
	// LimitsOf returns nil where no limits are set.
	LimitsOf(directory.AccountID) *directory.Limits
}

// DialPlans tells whose numbers an account can dial.
type DialPlans interface {
	// Number returns the account's most specific enabled number that covers
	// the dialled one, private or not, if there is one.
	Number(a directory.AccountID, dialled string) (directory.Match, bool)
	// Links calls yield for every active interlink of the account.
	Links(a directory.AccountID, yield func(directory.Link) bool)
	// Fellows calls yield for the other members of the account's federation
	// that have an enabled number which covers the dialled one, those first
	// whose number is not private, and returns the federation; nil for none.
	// yield must not call the directory.
	Fellows(a directory.AccountID, dialled string, yield func(directory.Fellow) bool) *directory.Federation
}

// Call is the question: this account dials that.
type Call struct {
	Caller directory.AccountID
	// Dialled is the user part of the Request-URI, unescaped, without
	// parameters.
	Dialled string
}

// Decision is the answer: a Route, or a Reason for there being none.
type Decision struct {
	// Route is valid when Reason is None.
	Route  Route
	Reason Reason
	// Hidden, where not None, is the truth behind Reason that only Owner may
	// learn (a private number).
	Hidden Reason
	Owner  directory.AccountID
}

// Route says where a call goes.
type Route struct {
	Caller, Callee directory.AccountID
	Number         directory.NumberID
	// Interlink or Federation is what joins the two accounts; both are empty for
	// a call inside one account.
	Interlink  directory.InterlinkID
	Federation directory.FederationID
	Trunk      *directory.Trunk
	// User is the user part of the Request-URI for the PBX, unescaped.
	User string
}

// Step is one rule the decision considered, in order.
type Step struct {
	// Step names the rule: "caller", "local", "restriction", "prefix", "link", "federation",
	// "choose", "trunk".
	Step string
	// Result is "match", "no_match", "private", "disabled", "refuse" or
	// "chosen".
	Result string
	// Detail is one sentence for a person.
	Detail string
	// About is the account whose affairs the step tells; nobody who may not
	// see that account may read the step.
	About directory.AccountID
}

// Trail collects the steps of a decision. A nil Trail collects nothing and
// costs nothing.
type Trail struct{ Steps []Step }
