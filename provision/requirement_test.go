package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"

	"github.com/pbx-interlink/interlink/directory"
)

// scoped returns a token of the platform that these scopes bound.
func (w *world) scoped(scopes ...permission) string {
	w.t.Helper()
	secret := w.server.ids.next("secret_")
	sum := sha256.Sum256([]byte(secret))
	t := &directory.Token{
		ID: directory.TokenID(w.server.ids.next("tok_")), Use: directory.TokenAPI, Name: "scoped",
		Hash: hex.EncodeToString(sum[:]), CreatedAt: now(),
	}
	for _, s := range scopes {
		t.Scopes = append(t.Scopes, string(s))
	}
	if err := w.store.Apply(w.t.Context(), directory.Actor{Principal: "test"}, directory.Create(t)); err != nil {
		w.t.Fatal(err)
	}
	return secret
}

// needsItsScopes holds the scopes that the document demands of a token to what
// the server does: with all others it is refused, and with them alone it is not.
func needsItsScopes(t *testing.T, w *world, op documented, a asked) {
	t.Helper()
	needs, known := requirements()[op.OperationID]
	if !known {
		t.Fatalf("requirements lacks %s", op.OperationID)
	}
	if len(needs) == 0 {
		return
	}
	if op.has("header", "If-Match") {
		a = a.match("*")
	}
	if op.has("query", "dry_run") {
		a.path += "?dry_run=true"
	}
	for _, need := range needs {
		others := slices.DeleteFunc(staffPermissions(), func(p permission) bool { return p == need })
		// A call that may not be read is not there.
		if r := w.do(a.as(w.scoped(others...))); r.status != 403 && (r.status != 404 || op.OperationID != "end-call") {
			t.Errorf("%s without %s: %d\n%s", op.OperationID, need, r.status, r.text)
		}
	}
	switch op.OperationID {
	case "create-user", "create-staff-user":
		needs = staffPermissions() // who makes an administrator must be able to do as much
	case "remove-member":
		needs = append(needs, federationManage) // or federation.join, for the member itself
	case "put-configuration":
		needs = staffPermissions() // each part has its own
	}
	if r := w.do(a.as(w.scoped(needs...))); r.status >= 300 {
		t.Errorf("%s with %v: %d\n%s", op.OperationID, needs, r.status, r.text)
	}
}

// Every operation's needs are told, and no codes of operations there are none.
func TestRequirementsAreOfOperations(t *testing.T) {
	ids := operationIDs(operations())
	for id := range ids {
		if _, ok := requirements()[id]; !ok {
			t.Errorf("requirements lacks %s", id)
		}
	}
	for id := range ownRefusals() {
		if !ids[id] {
			t.Errorf("ownRefusals has %s, which is no operation", id)
		}
	}
}

// What the document says of rights is what permission.go says.
func TestWhoMay(t *testing.T) {
	for _, c := range []struct {
		p        permission
		platform bool
		want     string
	}{
		{numbersRead, false, "the account's users, the account's administrators, administrators of its federation, a partner toward itself, partners above it, staff"},
		{numbersWrite, false, "the account's administrators, administrators of its federation, a partner toward itself, partners above it, staff"},
		{federationManage, false, "the account's administrators, a partner toward itself, partners above it, staff"},
		{creditWrite, false, "partners above it, staff"},
		{platformWrite, true, "staff"},
		{providerRead, true, "everybody"},
	} {
		if got := whoMay(c.p, c.platform); got != c.want {
			t.Errorf("%s: %s", c.p, got)
		}
	}
	if !ofPlatform("/v1/users/{user}") || ofPlatform(accountPath+"/users") {
		t.Error("what belongs to the platform is mixed up")
	}
}
