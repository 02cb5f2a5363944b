package provision

import (
	"slices"
	"strings"
)

// requirements names the permissions that a token's scopes must have for an
// operation, by its id; none where every valid token may ask. What an operation
// needs beside that depends on the request, and its description says so.
func requirements() map[string][]permission {
	all := map[string][]permission{
		"login": nil, "logout": nil, "get-me": nil, "end-access": nil, "start-access": {accessStart},
		"create-account": {accountCreate}, "list-accounts": {accountRead}, "get-account": {accountRead},
		"patch-account": {accountWrite}, "delete-account": {accountDelete},
		"get-configuration": {accountRead}, "put-configuration": {accountRead},
		"redeem-interlink": {interlinksWrite},

		"get-capacity": {limitsRead}, "get-number-classes": {restrictionsRead}, "put-number-classes": {platformWrite},
		"get-current-licence": {licencesRead},
		"list-calls":          {callsRead}, "end-call": {callsRead, callsEnd}, "list-call-log": {reportsRead}, "explain": {callsExplain},
		"list-deliveries": {webhooksRead}, "list-audit": {auditRead}, "verify-audit": {auditRead}, "listen": {eventsRead},

		"get-account-provider": {providerRead}, "put-account-provider": {providerWrite},
		"get-permissions": {permissionsRead}, "get-permissions-draft": {permissionsWrite}, "put-permissions-draft": {permissionsWrite},
		"publish-permissions": {permissionsWrite}, "list-permission-versions": {permissionsWrite}, "diff-permissions": {permissionsWrite},
		"get-account-plans": {plansRead}, "put-account-plans": {plansWrite},

		"create-federation": {federationCreate}, "list-federations": {federationRead}, "get-federation": {federationRead},
		"patch-federation": {federationManage}, "delete-federation": {federationManage}, "rotate-access-code": {federationManage},
		"list-members": {federationRead}, "get-member": {federationRead}, "remove-member": {federationRead},
		"list-federation-administrators": {federationManage}, "get-federation-administrator": {federationManage},
		"put-federation-administrator": {federationManage}, "delete-federation-administrator": {federationManage},
		"join-federation": {federationJoin}, "get-account-federation": {federationRead}, "withdraw-join-request": {federationJoin},
		"list-join-requests": {federationManage}, "get-join-request": {federationRead},
		"accept-join-request": {federationManage}, "decline-join-request": {federationManage},
	}
	for noun, do := range map[string]struct{ read, write permission }{
		"user": {usersRead, usersWrite}, "staff-user": {usersRead, usersWrite},
		"token": {tokensRead, tokensWrite}, "staff-token": {tokensRead, tokensWrite},
		"trunk": {trunksRead, trunksWrite}, "number": {numbersRead, numbersWrite}, "interlink": {interlinksRead, interlinksWrite},
		"limits": {limitsRead, limitsWrite}, "restrictions": {restrictionsRead, restrictionsWrite},
		"credit": {creditRead, creditWrite}, "licence": {licencesRead, licencesWrite}, "webhook": {webhooksRead, webhooksWrite},
		"provider": {providerRead, platformWrite}, "plan": {plansRead, platformWrite}, "settings": {settingsRead, settingsWrite},
	} {
		for _, verb := range []string{"get", "list"} {
			all[verb+"-"+noun] = []permission{do.read}
		}
		for _, verb := range []string{"create", "put", "patch", "delete"} {
			all[verb+"-"+noun] = []permission{do.write}
		}
		all["list-"+noun+"s"] = []permission{do.read}
	}
	all["create-credit-entry"] = []permission{creditWrite}
	all["get-credit-entry"], all["list-credit-entries"] = []permission{creditRead}, []permission{creditRead}
	return all
}

// whoMay tells in words who has a permission: with the platform, or with the
// account that an operation is about.
func whoMay(p permission, platform bool) string {
	if platform {
		if slices.Contains(everyonePermissions(), p) {
			return "everybody"
		}
		return "staff"
	}
	var who []string
	for _, standing := range []struct {
		name string
		has  []permission
	}{
		{"the account's users", userPermissions()},
		{"the account's administrators", adminPermissions()},
		{"administrators of its federation", stewardPermissions()},
		{"a partner toward itself", ownerPermissions()},
		{"partners above it", partnerPermissions()},
		{"staff", staffPermissions()},
	} {
		if slices.Contains(standing.has, p) {
			who = append(who, standing.name)
		}
	}
	return strings.Join(who, ", ")
}

// ofPlatform reports whether an operation is about what belongs to the platform,
// not to an account.
func ofPlatform(path string) bool {
	return slices.ContainsFunc([]string{"/v1/users", "/v1/tokens", "/v1/providers", "/v1/plans", "/v1/number-classes", "/v1/audit/verify"},
		func(p string) bool { return strings.HasPrefix(path, p) })
}
