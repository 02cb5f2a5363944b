package directory

// Kind names a sort of object. It is part of keys and of the change stream, so
// a value never changes its spelling.
type Kind string

const (
	KindAccount   Kind = "account"
	KindTrunk     Kind = "trunk"
	KindNumber    Kind = "number"
	KindInterlink Kind = "interlink"
	KindLimits    Kind = "limits"

	KindUser            Kind = "user"
	KindToken           Kind = "token"
	KindFederation      Kind = "federation"
	KindMembership      Kind = "membership"
	KindFederationAdmin Kind = "federationadmin"
	KindProvider        Kind = "provider"
	KindConnection      Kind = "connection"
	KindPool            Kind = "pool"
	KindNumberClasses   Kind = "numberclasses"
	KindRestrictions    Kind = "restrictions"
	KindCreditEntry     Kind = "creditentry"
	KindCredit          Kind = "credit"
	KindLicence         Kind = "licence"
	KindPricePlan       Kind = "priceplan"
	KindPlanSelection   Kind = "planselection"
	KindPermissions     Kind = "permissions"
	KindSettings        Kind = "settings"
	KindWebhook         Kind = "webhook"
)

// Kinds lists every Kind in an order in which objects can be loaded: what is
// required stands before what requires it.
var kinds = [...]Kind{
	KindAccount, KindLimits, KindTrunk, KindNumber, KindInterlink,
	KindUser, KindToken, KindFederation, KindMembership, KindFederationAdmin, KindProvider, KindConnection,
	KindPool, KindNumberClasses, KindRestrictions, KindCreditEntry, KindCredit, KindLicence, KindPricePlan, KindPlanSelection,
	KindPermissions, KindSettings, KindWebhook,
}

// Kinds returns every Kind, required ones before those that require them.
func Kinds() []Kind { return kinds[:] }

// Ref names one object.
type Ref struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
}

// Object is a noun as the store keeps it.
type Object interface {
	// Ref names the object.
	Ref() Ref
	// ObjectVersion is the version the object was read at, or is written as.
	// The first version is 1.
	ObjectVersion() uint64
	// Claims lists what no other object may claim at the same time, as opaque
	// strings; see the claim functions of each noun. A write that claims what
	// another object holds fails with the error Taken gives.
	Claims() []string
	// Requires lists the objects that must exist for this one to exist. While
	// it does, none of them can be deleted.
	Requires() []Ref
	// Redacted returns a copy without secrets, for the audit log.
	Redacted() Object
	// withVersion returns a copy with that version.
	withVersion(uint64) Object
}

// Change is one write to one object. The store carries out a list of changes
// whole or not at all.
type Change struct {
	// Before is the object as the writer read it; nil creates.
	Before Object
	// After is the object to be written; nil deletes Before. The version of
	// After is set by Written, whatever the writer put there.
	After Object
	// unchanged: nothing is written; see Unchanged.
	unchanged bool
}

// Ref names the object the change is about.
func (c Change) Ref() Ref {
	if c.After != nil {
		return c.After.Ref()
	}
	return c.Before.Ref()
}

// Expect is the version the store must hold for the change to be carried out;
// 0 means that the object must not exist.
func (c Change) Expect() uint64 {
	if c.Before == nil {
		return 0
	}
	return c.Before.ObjectVersion()
}

// Demand reports whether the change writes nothing; see Unchanged.
func (c Change) Demand() bool { return c.unchanged }

// Written returns After with the version it is written as, or nil for a delete.
func (c Change) Written() Object {
	if c.After == nil || c.unchanged {
		return c.After
	}
	return c.After.withVersion(c.Expect() + 1)
}

// Create, Replace and Delete build a Change.
func Create(o Object) Change              { return Change{After: o} }
func Replace(before, after Object) Change { return Change{Before: before, After: after} }
func Delete(o Object) Change              { return Change{Before: o} }

// Unchanged writes nothing: it demands that an object is still what the writer
// read, or still not there where o is made up and has version 0. Two writers who
// each write one object and read another's cannot both win so.
func Unchanged(o Object) Change { return Change{Before: o, After: o, unchanged: true} }

// Actor says on whose behalf a write happens; it goes into the audit entry.
type Actor struct {
	// Principal is who asked, for example "staff:admin"; for an access token the
	// principal behind it.
	Principal string `json:"principal"`
	// Subject is the account acted for, where that differs.
	Subject AccountID `json:"subject,omitempty"`
	// Action is the request's method and route, for example
	// "POST /v1/accounts/{account}/trunks".
	Action string `json:"action,omitempty"`
	// RequestID ties the entry to the API's answer and log line.
	RequestID string `json:"request_id,omitempty"`
}

// New returns an empty object of a kind for decoding into, or nil for a kind
// this version does not know.
func New(k Kind) Object {
	switch k {
	case KindAccount:
		return new(Account)
	case KindTrunk:
		return new(Trunk)
	case KindNumber:
		return new(InternalNumber)
	case KindInterlink:
		return new(Interlink)
	case KindLimits:
		return new(Limits)
	}
	return newOwned(k)
}

// newOwned is New for the kinds a view keeps on its shelf.
func newOwned(k Kind) Object {
	switch k {
	case KindUser:
		return new(User)
	case KindToken:
		return new(Token)
	case KindFederation:
		return new(Federation)
	case KindMembership:
		return new(Membership)
	case KindFederationAdmin:
		return new(FederationAdmin)
	case KindProvider:
		return new(Provider)
	case KindConnection:
		return new(Connection)
	case KindPool:
		return new(Pool)
	case KindNumberClasses:
		return new(NumberClasses)
	case KindRestrictions:
		return new(Restrictions)
	case KindCreditEntry:
		return new(CreditEntry)
	case KindCredit:
		return new(Credit)
	case KindLicence:
		return new(Licence)
	case KindPricePlan:
		return new(PricePlan)
	case KindPlanSelection:
		return new(PlanSelection)
	case KindPermissions:
		return new(Permissions)
	case KindSettings:
		return new(Settings)
	case KindWebhook:
		return new(Webhook)
	}
	return nil
}
