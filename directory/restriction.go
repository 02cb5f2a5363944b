package directory

// NumberClass is a sort of numbers, for example "premium": all that its pattern
// covers and no class before it does (LI8).
type NumberClass struct {
	Name string `json:"name"`
	// Pattern is digits, * and #, x for any digit, and at its end an optional
	// dot for one or more further characters.
	Pattern string `json:"pattern"`
}

// NumberClasses is the platform's ordered list; there is one.
type NumberClasses struct {
	Classes []NumberClass `json:"classes"`
	Version uint64        `json:"version"`
}

// NumberClassesID is the id of the only NumberClasses.
const NumberClassesID = "platform"

func (n *NumberClasses) Ref() Ref              { return Ref{KindNumberClasses, NumberClassesID} }
func (n *NumberClasses) ObjectVersion() uint64 { return n.Version }
func (n *NumberClasses) Owner() AccountID      { return "" }
func (n *NumberClasses) Claims() []string      { return nil }
func (n *NumberClasses) Requires() []Ref       { return nil }
func (n *NumberClasses) Redacted() Object      { return n }
func (n *NumberClasses) withVersion(v uint64) Object {
	c := *n
	c.Version = v
	return &c
}

// Verdict of a class in an account's restrictions.
const (
	Allow = "allow"
	Deny  = "deny"
)

// Restrictions say which classes an account may dial; a class that is not named
// is allowed.
type Restrictions struct {
	Account AccountID         `json:"account"`
	Classes map[string]string `json:"classes"`
	Version uint64            `json:"version"`
}

func (r *Restrictions) Ref() Ref              { return Ref{KindRestrictions, string(r.Account)} }
func (r *Restrictions) ObjectVersion() uint64 { return r.Version }
func (r *Restrictions) Owner() AccountID      { return r.Account }
func (r *Restrictions) Claims() []string      { return nil }
func (r *Restrictions) Requires() []Ref       { return ownedBy(r.Account) }
func (r *Restrictions) Redacted() Object      { return r }
func (r *Restrictions) withVersion(v uint64) Object {
	c := *r
	c.Version = v
	return &c
}
