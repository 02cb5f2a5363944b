package directory

// AccountRow is an account with what is known of it beside, for lists.
type AccountRow struct {
	ID      AccountID
	Account *Account
	// Name is the account's in lower case.
	Name string
	// Connection is the account's with its voice provider; nil for none.
	Connection *Connection
	// LastLogin is when one of the account's users last logged in, in ms since
	// 1970; 0 for never.
	LastLogin int64
	// Enabled is what the account is.
	Enabled bool
}

func (p *plan) row() AccountRow {
	return AccountRow{p.id, p.account, p.name, p.connection, p.login, p.account != nil && p.account.Enabled}
}

// AccountRow returns the row of one account; false where there is none.
func (v *View) AccountRow(id AccountID) (AccountRow, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	if p := v.accounts[id]; p != nil && p.account != nil {
		return p.row(), true
	}
	return AccountRow{}, false
}

// setUser keeps beside an account when one of its users last logged in.
func (x *index) setUser(d Delta) {
	before, _ := x.shelf.objects[d.Ref].(*User)
	x.shelf.put(d)
	after, _ := x.shelf.objects[d.Ref].(*User)
	if before == after {
		return
	}
	if before != nil && (after == nil || after.Account != before.Account || loginOf(after) < loginOf(before)) {
		x.setLogin(before.Account, x.newestLogin(before.Account))
	}
	if after != nil && loginOf(after) > 0 {
		x.setLogin(after.Account, max(loginOf(after), x.loginAt(after.Account)))
	}
}

// loginOf is a user's last login in ms since 1970; 0 for never.
func loginOf(u *User) int64 {
	if u.LastLogin.IsZero() {
		return 0
	}
	return u.LastLogin.UnixMilli()
}

func (x *index) loginAt(id AccountID) int64 {
	if p := x.accounts[id]; p != nil {
		return p.login
	}
	return 0
}

// newestLogin looks at all users of an account.
func (x *index) newestLogin(id AccountID) (newest int64) {
	users := x.shelf.lists[shelfMark{KindUser, id}]
	users.all(func(o Owned) bool {
		if u, ok := o.(*User); ok {
			newest = max(newest, loginOf(u))
		}
		return true
	})
	return newest
}

func (x *index) setLogin(id AccountID, at int64) {
	if id == "" || x.loginAt(id) == at {
		return
	}
	p := x.plan(id)
	p.login = at
	x.told(p)
}

// told brings an account's row up to date with its plan.
func (x *index) told(p *plan) {
	if p.account != nil && !x.unsorted {
		x.table.set(p.row())
	}
	x.prune(p.id)
}

// setConnection keeps an account's connection beside it.
func (x *index) setConnection(d Delta) {
	x.shelf.put(d)
	after, _ := x.shelf.objects[d.Ref].(*Connection)
	id := AccountID(d.Ref.ID)
	if after == nil && x.accounts[id] == nil {
		return
	}
	p := x.plan(id)
	p.connection = after
	x.told(p)
}
