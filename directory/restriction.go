package directory

import (
	"slices"
	"strconv"
	"strings"
)

// NumberClass is a sort of numbers, for example "premium": all that its pattern
// covers and no class before it does (LI8).
type NumberClass struct {
	// Name is 1–32 of a–z, 0–9 and _.
	Name string `json:"name"`
	// Pattern is 1–32 characters: digits, * and #, x for any digit, + only as
	// the first character, and at its end an optional dot for one or more
	// further characters.
	Pattern string `json:"pattern"`
}

// Covers reports whether the pattern covers a dialled number.
func (c NumberClass) Covers(dialled string) bool {
	pattern, open := strings.CutSuffix(c.Pattern, ".")
	if open && len(dialled) <= len(pattern) || !open && len(dialled) != len(pattern) {
		return false
	}
	for i := range len(pattern) {
		switch p, d := pattern[i], dialled[i]; {
		case p == 'x' && (d < '0' || d > '9'), p != 'x' && p != d:
			return false
		}
	}
	return true
}

const (
	// MaxNumberClasses bounds the list: a call walks through it.
	MaxNumberClasses = 256
	maxClassLength   = 32
)

// NumberClasses is the platform's ordered list; there is one. A class of several
// patterns stands in it several times.
type NumberClasses struct {
	Classes []NumberClass `json:"classes"`
	Version uint64        `json:"version"`
}

// Validate reports the first class that cannot be: "/classes/2/pattern".
func (n *NumberClasses) Validate() error {
	if len(n.Classes) > MaxNumberClasses {
		return Invalid("/classes", "too_many_classes", "There are %d classes; at most %d are allowed.", len(n.Classes), MaxNumberClasses)
	}
	seen := map[string]bool{}
	for i, c := range n.Classes {
		field := "/classes/" + strconv.Itoa(i)
		switch {
		case !className(c.Name):
			return Invalid(field+"/name", "class_name_invalid", "A class's name is 1 to %d of a-z, 0-9 and _.", maxClassLength)
		case !classPattern(c.Pattern):
			return Invalid(field+"/pattern", "class_pattern_invalid",
				"A pattern is 1 to %d of 0-9, *, # and x for any digit, may begin with + and may end in a dot for one or more further characters.", maxClassLength)
		case seen[c.Pattern]:
			return Invalid(field+"/pattern", "class_twice", "The pattern %s stands twice; only the first can count.", c.Pattern)
		}
		seen[c.Pattern] = true
	}
	return nil
}

// Has reports whether there is a class of that name.
func (n *NumberClasses) Has(name string) bool {
	return n != nil && slices.ContainsFunc(n.Classes, func(c NumberClass) bool { return c.Name == name })
}

func className(s string) bool {
	return s != "" && len(s) <= maxClassLength && !strings.ContainsFunc(s, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}

func classPattern(s string) bool {
	if len(s) > maxClassLength {
		return false
	}
	digits, open := strings.CutSuffix(s, ".")
	digits, plus := strings.CutPrefix(digits, "+")
	return dialable(strings.ReplaceAll(digits, "x", "0")) && (digits != "" || open || plus)
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

// Restrictions say which classes an account and those below it may dial; a class
// that is not named is allowed.
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

// Denies reports whether anything is denied at all.
func (r *Restrictions) Denies() bool {
	for _, verdict := range r.Classes {
		if verdict == Deny {
			return true
		}
	}
	return false
}

// bans is what a call is held to: the classes in their order, the accounts that
// are denied something, and how many licences there are.
type bans struct {
	classes  []NumberClass
	accounts map[AccountID]*Restrictions
	licences int
}

func newBans() bans { return bans{accounts: map[AccountID]*Restrictions{}} }

func (b *bans) add(o Owned) {
	switch o := o.(type) {
	case *NumberClasses:
		b.classes = o.Classes
	case *Restrictions:
		if o.Denies() {
			b.accounts[o.Account] = o
		}
	case *Licence:
		b.licences++
	}
}

func (b *bans) remove(o Owned) {
	switch o := o.(type) {
	case *NumberClasses:
		b.classes = nil
	case *Restrictions:
		delete(b.accounts, o.Account)
	case *Licence:
		b.licences--
	}
}

// class returns the first class in order that covers the number; "" for none.
func (b *bans) class(dialled string) string {
	for i := range b.classes {
		if b.classes[i].Covers(dialled) {
			return b.classes[i].Name
		}
	}
	return ""
}

// Denied tells whether an account must not dial a number: the class the number
// is of, and who denies it, the account itself or one above it; both are empty
// where nobody does. It allocates nothing.
func (v *View) Denied(id AccountID, dialled string) (class string, by AccountID) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	b := &v.shelf.bans
	if len(b.accounts) == 0 {
		return "", ""
	}
	if class = b.class(dialled); class == "" {
		return "", ""
	}
	for range maxTree {
		if r := b.accounts[id]; r != nil && r.Classes[class] == Deny {
			return class, id
		}
		p := v.accounts[id]
		if p == nil || p.account == nil || p.account.Parent == "" {
			break
		}
		id = p.account.Parent
	}
	return "", ""
}

// maxTree ends the way up through data that runs in a circle; no tree is as deep.
const maxTree = 64
