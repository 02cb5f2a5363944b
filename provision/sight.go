package provision

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

// sight is what a reader may see of the trail: all of it, or what concerned an
// account or one below it when it was done.
type sight struct {
	server  *Server
	reader  principal
	account directory.AccountID
}

// sight finds out what the request's principal may see of what concerns an
// account; of all there is, for an empty one.
func (s *Server) sight(ctx context.Context, id directory.AccountID, do permission) (sight, error) {
	p := requestOf(ctx).principal
	v := sight{server: s, reader: p, account: id}
	if id == "" {
		v.account = p.Account
	}
	if v.account == "" {
		if !s.mayNow(ctx, do, "") {
			return v, forbidden()
		}
		return v, nil
	}
	_, err := s.account(ctx, v.account, do)
	return v, err
}

// of returns the account of a change that the reader sees; false: the change is
// not for the reader.
func (v sight) of(paths []directory.AccountPath) (directory.AccountID, bool) {
	if v.account == "" {
		if len(paths) == 0 {
			return "", true
		}
		return paths[0][0], true
	}
	for _, path := range paths {
		if slices.Contains(path, v.account) {
			return path[0], true
		}
	}
	return "", false
}

// shown reports whether an account's features show a kind of objects to the
// reader (SU2); one without a principal is the sight's own account.
func (v sight) shown(k directory.Kind, account directory.AccountID) bool {
	reader, read := v.reader, readPermission(k)
	if reader.Kind == "" {
		reader = principal{Kind: v.server.adminKind(v.account), Account: v.account}
	}
	return read == "" || account == "" || v.server.shows(reader, read, account)
}

// entry renders what the reader may see of an entry; false for nothing.
func (v sight) entry(e directory.AuditEntry) (AuditEntry, bool) {
	out := AuditEntry{
		Number: e.Number, At: e.Time(), Actor: e.Actor.Principal, Subject: nullable(e.Actor.Subject), Action: e.Actor.Action,
		RequestID: e.Actor.RequestID, Outcome: "done", Changes: []AuditChange{},
	}
	if v.account != "" && e.Actor.Subject != "" && !v.concerns(e, e.Actor.Subject) {
		out.Subject = nil // somebody acted as the other side of a link
	}
	seen := false
	if n := e.Note; n != nil {
		_, seen = v.of(n.Paths)
		out.Outcome, out.Object = n.Outcome, nullable(n.Object)
	}
	for _, c := range e.Changes {
		account, ok := v.of(c.Paths)
		if !ok || !v.shown(c.Kind, account) || v.unseen(c, account) {
			continue
		}
		seen = true
		if len(out.Changes) == auditChanges {
			out.Omitted++
			continue
		}
		out.Changes = append(out.Changes, v.change(c, account))
	}
	return out, seen || v.account == ""
}

func (v sight) change(c directory.AuditChange, account directory.AccountID) AuditChange {
	return AuditChange{
		Kind: c.Kind, ID: c.ID, Account: nullable(account), Action: changeAction(c),
		Before: v.content(c, c.Before, account), After: v.content(c, c.After, account),
	}
}

func changeAction(c directory.AuditChange) string {
	switch {
	case len(c.Before) == 0:
		return "created"
	case len(c.After) == 0:
		return "deleted"
	}
	return "changed"
}

// content is an object as the reader may see it: not the other side of a link,
// and not what is kept from customers.
func (v sight) content(c directory.AuditChange, raw json.RawMessage, account directory.AccountID) map[string]any {
	if len(raw) == 0 {
		return nil
	}
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return map[string]any{}
	}
	switch c.Kind {
	case directory.KindInterlink:
		for _, side := range []string{"a", "b"} {
			if held, ok := object[side].(map[string]any); ok && !v.isOf(held["account"], c.Paths) {
				delete(object, side)
			}
		}
		v.oneSided(object)
	case directory.KindLicence:
		if !v.server.may(v.reader, remarksRead, account) {
			delete(object, "remarks")
		}
	case directory.KindPermissions:
		if !v.server.may(v.reader, permissionsWrite, account) {
			delete(object, "draft")
		}
	case directory.KindPlanSelection:
		if !v.server.may(v.reader, plansWrite, account) {
			delete(object, "hidden")
		}
	}
	return object
}

// oneSided gives an interlink of which one side is seen that side's version, as
// reads do: the interlink's own counts what the other side does to itself.
func (v sight) oneSided(object map[string]any) {
	a, hasA := object["a"].(map[string]any)
	b, hasB := object["b"].(map[string]any)
	switch {
	case hasA && !hasB:
		object["version"] = a["version"]
	case hasB && !hasA:
		object["version"] = b["version"]
	}
}

// told is an object after its change as the reader may see it.
func (v sight) told(c directory.AuditChange, account directory.AccountID) json.RawMessage {
	if c.Kind != directory.KindInterlink {
		return c.After
	}
	out, err := json.Marshal(v.content(c, c.After, account))
	if err != nil {
		return c.After // texts and numbers always encode
	}
	return out
}

// unseen reports whether a change is of that part of an object only which the
// reader may not see: the other side of an interlink, a draft of permissions,
// hidden plans. That something happened there is not for the reader either.
func (v sight) unseen(c directory.AuditChange, account directory.AccountID) bool {
	switch c.Kind {
	case directory.KindInterlink, directory.KindPermissions, directory.KindPlanSelection:
	default:
		return false
	}
	if v.account == "" || len(c.Before) == 0 || len(c.After) == 0 {
		return false
	}
	before, after := v.content(c, c.Before, account), v.content(c, c.After, account)
	delete(before, "version")
	delete(after, "version")
	return reflect.DeepEqual(before, after)
}

// concerns reports whether an account is the reader's or one below it, among those
// an entry is about.
func (v sight) concerns(e directory.AuditEntry, id directory.AccountID) bool {
	return slices.ContainsFunc(e.Changes, func(c directory.AuditChange) bool { return v.isOf(string(id), c.Paths) })
}

// isOf reports whether an account is one of those whose part the reader sees.
func (v sight) isOf(account any, paths []directory.AccountPath) bool {
	return v.account == "" || slices.ContainsFunc(paths, func(p directory.AccountPath) bool {
		return string(p[0]) == account && slices.Contains(p, v.account)
	})
}
