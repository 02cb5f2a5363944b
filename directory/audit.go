package directory

import (
	"encoding/json"
	"time"
)

// AuditEntry is one entry of the audit trail: a write, or an act that changed
// nothing in the directory.
type AuditEntry struct {
	AuditPosition
	Actor Actor
	// Note is nil for a write.
	Note    *Note
	Changes []AuditChange
}

// AuditPosition is an entry's place in the trail. Entries are numbered from 1
// without gaps; the times of two never run against their numbers.
type AuditPosition struct {
	// Ms is the entry's time in ms since 1970, by the store's clock.
	Ms int64
	// Number is 0 for no position.
	Number uint64
}

// Time is the entry's time in UTC.
func (p AuditPosition) Time() time.Time { return time.UnixMilli(p.Ms).UTC() }

// Note is an act that is put down without a change: a call ended, a login that
// failed.
type Note struct {
	// Object is what it was done to, for example "call:call_4b1f…".
	Object string `json:"object,omitempty"`
	// Outcome is "done", or why nothing was.
	Outcome string `json:"outcome"`
	// Accounts are those it concerns.
	Accounts []AccountID `json:"-"`
	// Paths are those accounts, each followed by the accounts above it.
	Paths []AccountPath `json:"paths,omitempty"`
}

// AccountPath is an account and all those above it, from the leaf to the root.
type AccountPath []AccountID

// AuditChange is one object of a write, without secrets.
type AuditChange struct {
	Kind Kind   `json:"kind"`
	ID   string `json:"id"`
	// Before is absent where the object was created, After where it was deleted.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	// Paths are the accounts the object concerns, each followed by the accounts
	// above it, as they were at the time; none: the platform alone.
	Paths []AccountPath `json:"paths,omitempty"`
}

// AuditQuery asks for entries. What is zero does not bound them.
type AuditQuery struct {
	// Account is an account the entries concern, or one below it.
	Account AccountID
	// From is the first time asked for, To the first not asked for any more.
	From, To time.Time
	// Beyond is where to go on, behind the entry there.
	Beyond AuditPosition
	// Ascending asks for the oldest first; else the newest.
	Ascending bool
	// Limit is the most entries in the answer, 1 to 1000.
	Limit int
}

// AuditReport is what came of checking the trail.
type AuditReport struct {
	// Entries is how many were checked, First and Last the numbers of the first
	// and the last kept.
	Entries     int
	First, Last uint64
	// Sealed is the number of the newest entry up to which a node of the cluster
	// has vouched for the trail with the cluster's key.
	Sealed uint64
	// Broken is the number of the first entry that is not what it was, 0 for
	// none, and Reason what is wrong with it.
	Broken uint64
	Reason string
}

// concern finds out whom changes concern: by the view, and by the changes
// themselves, for what is not in the view yet.
type concern struct {
	view    *View
	changes map[Ref]Object
}

// Concerned returns, for each change, the accounts it concerns with those above.
func (v *View) Concerned(changes []Change) [][]AccountPath {
	c := concern{v, map[Ref]Object{}}
	for _, change := range changes {
		if change.Before != nil {
			c.changes[change.Ref()] = change.Before
		}
		if change.After != nil {
			c.changes[change.Ref()] = change.After
		}
	}
	paths := make([][]AccountPath, len(changes))
	for i, change := range changes {
		var ids []AccountID
		for _, o := range []Object{change.Before, change.After} {
			if o != nil {
				ids = append(ids, c.accounts(o)...)
			}
		}
		paths[i] = c.paths(ids)
	}
	return paths
}

// Paths returns each of the accounts with those above, once.
func (v *View) Paths(ids ...AccountID) []AccountPath { return concern{view: v}.paths(ids) }

func (c concern) paths(ids []AccountID) (paths []AccountPath) {
	seen := map[AccountID]bool{"": true}
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			paths = append(paths, c.path(id))
		}
	}
	return paths
}

// maxPath bounds a path, should accounts ever stand above themselves.
const maxPath = 64

func (c concern) path(id AccountID) (path AccountPath) {
	for id != "" && len(path) < maxPath {
		path = append(path, id)
		a, _ := c.changes[Ref{KindAccount, string(id)}].(*Account)
		if a == nil {
			a = c.view.Account(id)
		}
		if a == nil {
			break
		}
		id = a.Parent
	}
	return path
}

// accounts lists whom an object concerns: its owner, both sides of a link, and
// the owner of a federation for its members and administrators.
func (c concern) accounts(o Object) []AccountID {
	switch o := o.(type) {
	case *Account:
		return []AccountID{o.ID}
	case *Limits:
		return []AccountID{o.Account}
	case *Trunk:
		return []AccountID{o.Account}
	case *InternalNumber:
		return []AccountID{o.Account}
	case *Interlink:
		if o.B == nil {
			return []AccountID{o.A.Account}
		}
		return []AccountID{o.A.Account, o.B.Account}
	case *Membership:
		return []AccountID{o.Account, c.owner(Ref{KindFederation, string(o.Federation)})}
	case *FederationAdmin:
		return []AccountID{c.owner(Ref{KindFederation, string(o.Federation)}), c.owner(Ref{KindUser, string(o.User)})}
	case Owned:
		return []AccountID{o.Owner()}
	}
	return nil
}

func (c concern) owner(r Ref) AccountID {
	o, _ := c.changes[r].(Owned)
	if o == nil {
		o = c.view.Object(r)
	}
	if o == nil {
		return ""
	}
	return o.Owner()
}
