package provision

import (
	"slices"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// permission names something a principal may do with an account. The names are
// the scopes of tokens, too: stable, "noun.verb".
type permission string

const (
	accountRead   permission = "account.read"
	accountWrite  permission = "account.write"  // time zone, enabled
	accountCreate permission = "account.create" // below an account
	accountDelete permission = "account.delete"
	accessStart   permission = "access.start"

	trunksRead      permission = "trunks.read"
	trunksWrite     permission = "trunks.write"
	numbersRead     permission = "numbers.read"
	numbersWrite    permission = "numbers.write"
	interlinksRead  permission = "interlinks.read"
	interlinksWrite permission = "interlinks.write"

	federationRead   permission = "federation.read"   // the account's own membership
	federationJoin   permission = "federation.join"   // ask, withdraw, leave
	federationCreate permission = "federation.create" // with the account as owner
	federationManage permission = "federation.manage" // one the account owns

	limitsRead        permission = "limits.read"
	limitsWrite       permission = "limits.write"
	callsRead         permission = "calls.read"
	callsEnd          permission = "calls.end"
	reportsRead       permission = "reports.read" // the call log
	callsExplain      permission = "calls.explain"
	restrictionsRead  permission = "restrictions.read"
	restrictionsWrite permission = "restrictions.write"
	creditRead        permission = "credit.read"
	creditWrite       permission = "credit.write"
	licencesRead      permission = "licences.read"
	licencesWrite     permission = "licences.write"
	remarksRead       permission = "remarks.read" // a licence's internal remarks

	usersRead        permission = "users.read"
	usersWrite       permission = "users.write"
	tokensRead       permission = "tokens.read"
	tokensWrite      permission = "tokens.write"
	settingsRead     permission = "settings.read"
	settingsWrite    permission = "settings.write"
	providerRead     permission = "provider.read"
	providerWrite    permission = "provider.write"
	plansRead        permission = "plans.read"
	plansWrite       permission = "plans.write"
	permissionsRead  permission = "permissions.read"  // the published set
	permissionsWrite permission = "permissions.write" // the draft, publish
	webhooksRead     permission = "webhooks.read"
	webhooksWrite    permission = "webhooks.write"
	auditRead        permission = "audit.read"
	eventsRead       permission = "events.read"

	// platformWrite changes what belongs to the platform: providers, number
	// classes, plans.
	platformWrite permission = "platform.write"
)

// everyonePermissions are what every principal may with the platform: read its
// providers, plans and number classes.
func everyonePermissions() []permission {
	return []permission{providerRead, plansRead, restrictionsRead}
}

// userPermissions are what a user may with its own account; it may change
// itself, too.
func userPermissions() []permission {
	return []permission{accountRead, numbersRead, settingsRead, permissionsRead}
}

// stewardPermissions are what a federation administrator may with every member:
// what the members' own administrators may, but manage a federation that one of
// them owns (FE5).
func stewardPermissions() []permission {
	return append(userPermissions(),
		trunksRead, trunksWrite, numbersWrite, interlinksRead, interlinksWrite,
		federationRead, federationJoin, limitsRead, limitsWrite, callsRead, callsEnd, reportsRead, callsExplain,
		restrictionsRead, creditRead, licencesRead, usersRead, usersWrite, tokensRead, tokensWrite, settingsWrite,
		providerRead, plansRead, webhooksRead, webhooksWrite, auditRead, eventsRead)
}

// adminPermissions are what a customer administrator may with the own account.
func adminPermissions() []permission { return append(stewardPermissions(), federationManage) }

// ownerPermissions are what a partner's administrator may with the partner's own
// account beyond a customer administrator.
func ownerPermissions() []permission {
	return append(adminPermissions(), accountCreate, federationCreate)
}

// partnerPermissions are what a partner may with the accounts below it.
func partnerPermissions() []permission {
	return append(ownerPermissions(), accountWrite, accountDelete, accessStart, restrictionsWrite, creditWrite,
		licencesWrite, remarksRead, providerWrite, plansWrite, permissionsWrite)
}

// staffPermissions are all there are.
func staffPermissions() []permission { return append(partnerPermissions(), platformWrite) }

// permissionSet is a set of permissions.
type permissionSet map[permission]bool

// grants are the sets that a principal's standing toward an account gives.
type grants struct{ everyone, user, steward, admin, owner, partner, staff permissionSet }

func newGrants() grants {
	set := func(list []permission) permissionSet {
		s := permissionSet{}
		for _, p := range list {
			s[p] = true
		}
		return s
	}
	return grants{
		everyone: set(everyonePermissions()),
		user:     set(userPermissions()), steward: set(stewardPermissions()), admin: set(adminPermissions()), owner: set(ownerPermissions()),
		partner: set(partnerPermissions()), staff: set(staffPermissions()),
	}
}

// keepsFromAccess reports whether an access token may not, whatever its account
// may: it makes no keys and does not nest (AC9).
func keepsFromAccess(p permission) bool { return p == tokensWrite || p == accessStart }

// Groups of permissions a scope can name.
const (
	scopeAll  = "*"
	scopeRead = "read"
)

// scopeKnown reports whether a token can be given a scope.
func scopeKnown(scope string) bool {
	return scope == scopeAll || scope == scopeRead || slices.Contains(staffPermissions(), permission(scope))
}

// inScope reports whether a token with these scopes may use a permission; none
// at all means every one.
func inScope(scopes []string, p permission) bool {
	if len(scopes) == 0 {
		return true
	}
	return slices.ContainsFunc(scopes, func(scope string) bool {
		return scope == scopeAll || scope == string(p) || scope == scopeRead && strings.HasSuffix(string(p), ".read")
	})
}

// feature is a part of the product that a customer may see or not (SU2).
type feature struct {
	name string
	// tells says what it is, for the documentation.
	tells string
	// levels are the values it can have; the first is what it is until a set
	// is published.
	levels []directory.Visibility
	// read and write are what it takes away where it is hidden; write goes when
	// it is partial already.
	read, write []permission
}

// features lists them in the order in which they are shown.
func features() []feature {
	whole := []directory.Visibility{directory.Shown, directory.Partial, directory.Hidden}
	yesNo := []directory.Visibility{directory.Shown, directory.Hidden}
	return []feature{
		{name: "contacts", tells: "Internal numbers. Partial: to look at.", levels: whole, read: []permission{numbersRead}, write: []permission{numbersWrite}},
		{name: "outbound_calling", tells: "What would become of a call, and ending one. Partial: no ending.", levels: whole, read: []permission{callsExplain}, write: []permission{callsEnd}},
		{name: "reports", tells: "The call log.", levels: yesNo, read: []permission{reportsRead}},
		{name: "trunks", tells: "Trunks.", levels: yesNo, read: []permission{trunksRead}, write: []permission{trunksWrite}},
		{name: "interlinks", tells: "Interlinks.", levels: yesNo, read: []permission{interlinksRead}, write: []permission{interlinksWrite}},
		{name: "federation", tells: "Membership in a federation.", levels: yesNo, read: []permission{federationRead}, write: []permission{federationJoin}},
		{name: "users", tells: "Users.", levels: yesNo, read: []permission{usersRead}, write: []permission{usersWrite}},
		{name: "credit", tells: "Credit and its entries.", levels: yesNo, read: []permission{creditRead}},
		{name: "licences", tells: "Licences.", levels: yesNo, read: []permission{licencesRead}},
		// A customer's own limits are the partner's business unless it says so.
		{name: "limits", tells: "Whether the customer sets its own limits; reading them is always shown.", levels: []directory.Visibility{directory.Hidden, directory.Shown}, write: []permission{limitsWrite}},
	}
}

// readPermission is what it takes to read objects of a kind; "" where it is not
// for a feature to take it away.
func readPermission(k directory.Kind) permission {
	switch k {
	case directory.KindNumber:
		return numbersRead
	case directory.KindTrunk:
		return trunksRead
	case directory.KindInterlink:
		return interlinksRead
	case directory.KindMembership:
		return federationRead
	case directory.KindUser:
		return usersRead
	case directory.KindCredit, directory.KindCreditEntry:
		return creditRead
	case directory.KindLicence:
		return licencesRead
	}
	return ""
}

// hides reports whether a set of features takes a permission from a customer.
func hides(set directory.FeatureSet, p permission) bool {
	for _, f := range features() {
		level, named := set[f.name]
		if !named {
			level = f.levels[0]
		}
		switch {
		case level == directory.Shown:
		case slices.Contains(f.write, p), level == directory.Hidden && slices.Contains(f.read, p):
			return true
		}
	}
	return false
}
