package provision

import (
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

const (
	openAPIPath = "/openapi.json"
	docsPath    = "/docs"
	apiVersion  = "1.0.0"
	bearer      = "bearer"
)

const apiDescription = `Interlink joins separate PBXs into one dial plan.

Objects have a version; reads send it as ETag, and PATCH, PUT and DELETE of a
provisioned object take it back in If-Match: 428 without, 412 when the object has
changed; * stands for whatever it is now. PATCH is a merge patch (RFC 7396): null
resets a field. POST takes an Idempotency-Key. dry_run=true on a write answers
what would happen and writes nothing. Lists have a limit and a cursor. Unknown
fields and parameters are refused. Errors are problems (RFC 9457) with a stable
code. Times are RFC 3339 in UTC. In limits, -1 stands for unlimited.

Every answer names its request in X-Request-Id, which a client can choose. An
answer given again for an Idempotency-Key says Idempotent-Replayed: true. What
follows every account in a path is hidden, with 404, from who may not see the
account. Answers can get more members: a client must not mind.`

// told is what the documentation says of an operation.
type told struct{ id, tag, summary, text string }

// operations describes every route; a test compares it with the router.
func operations() map[string]told {
	const (
		accounts, trunks, numbers, links = "Accounts", "Trunks", "Internal numbers", "Interlinks"
		limits, calls, principals        = "Limits", "Calls", "Principals"
		users, tokens, configuration     = "Users", "Tokens", "Configuration"
		restrictions, credit, licences   = "Restrictions", "Credit", "Licences"
	)
	all := map[string]told{
		"GET /v1/me":                      {"get-me", principals, "Who am I", "The principal behind the token."},
		"POST /v1/login":                  {"login", principals, "Log in", "Opens a session. Needs no token. An unknown address and a wrong password get one and the same 401; failures are throttled."},
		"POST /v1/logout":                 {"logout", principals, "Log out", "Ends the session that asks, and access started from it."},
		"POST " + accountPath + "/access": {"start-access", principals, "Act as an account", "Who stands above an account gets a token to act as it, for 15 minutes. It makes no keys, users or passwords and starts no further access; the audit log names both, at the start and at the end. The own session goes on."},
		"DELETE /v1/access":               {"end-access", principals, "Stop acting as an account", "Ends the access token that asks."},

		"POST " + accountPath + "/users": {"create-user", users, "Create a user", "Without a password one is generated and answered once."},
		"GET " + accountPath + "/users":  {"list-users", users, "List users", "The account's users in the order of their creation."},
		"GET " + userPathIn:              {"get-user", users, "Read a user", "One user of the account; users may read themselves."},
		"PATCH " + userPathIn:            {"patch-user", users, "Change a user", "The email address never changes. Users may change their own names, phone, time zone and password. A new password ends the user's other sessions."},
		"DELETE " + userPathIn:           {"delete-user", users, "Delete a user", "With its sessions. An account cannot take its own last administrator away."},
		"POST /v1/users":                 {"create-staff-user", users, "Create a user of the platform", "Staff: an administrator of everything."},
		"GET /v1/users":                  {"list-staff-users", users, "List the platform's users", "Staff, in the order of creation."},
		"GET /v1/users/{user}":           {"get-staff-user", users, "Read a user of the platform", "One of the staff."},
		"PATCH /v1/users/{user}":         {"patch-staff-user", users, "Change a user of the platform", "As for the users of an account."},
		"DELETE /v1/users/{user}":        {"delete-staff-user", users, "Delete a user of the platform", "With its sessions."},

		"POST " + accountPath + "/tokens": {"create-token", tokens, "Make an API token", "For a program, with the rights of the account's administrators or what the scopes leave of them, never more than the token that asks. Shown once."},
		"GET " + accountPath + "/tokens":  {"list-tokens", tokens, "List tokens", "API tokens, and access tokens of those above who act as the account now."},
		"GET " + tokenPathIn:              {"get-token", tokens, "Read a token", "All but the token itself."},
		"DELETE " + tokenPathIn:           {"delete-token", tokens, "Revoke a token", "Acts at once, on what was obtained with it, too."},
		"POST /v1/tokens":                 {"create-staff-token", tokens, "Make an API token of the platform", "With all rights, or what the scopes leave of them. Shown once."},
		"GET /v1/tokens":                  {"list-staff-tokens", tokens, "List the platform's tokens", "API tokens of staff."},
		"GET /v1/tokens/{token}":          {"get-staff-token", tokens, "Read a token of the platform", "All but the token itself."},
		"DELETE /v1/tokens/{token}":       {"delete-staff-token", tokens, "Revoke a token of the platform", "Acts at once."},

		"POST /v1/accounts":                             {"create-account", accounts, "Create an account", "The realm is generated. With an administrator, limits, restrictions, opening credit and permissions at wish: all is created or nothing."},
		"GET /v1/accounts":                              {"list-accounts", accounts, "List accounts", "The accounts the token may see, filtered and sorted."},
		"GET " + accountPath:                            {"get-account", accounts, "Read an account", "With its lines in use and its last call."},
		"PATCH " + accountPath:                          {"patch-account", accounts, "Change an account", "Name, realm and parent never change. A disabled account neither makes nor receives calls from the next one on; calls in progress go on unless end_calls is true."},
		"DELETE " + accountPath:                         {"delete-account", accounts, "Delete an account", "All it has goes with it in one step, its interlinks and memberships on the other sides too. With accounts below it or as the owner of a federation, 409 unless cascade is true."},
		"GET " + accountPath + "/configuration":         {"get-configuration", configuration, "Read an account's configuration", "Users, trunks, numbers, limits, restrictions, settings, plans and permissions in one object, in one spelling and order. Parts that were never set, and those the token may not read, are left out."},
		"PUT " + accountPath + "/configuration":         {"put-configuration", configuration, "Write an account's configuration", "Makes the account what the body says in one write, all of it or nothing, with the checks and the rights of each part's own routes. A part that is not given stays; one that is given is the whole of it: a trunk, number or user that it lacks is deleted. The answer, or that of a dry run, tells what became different; passwords of new users show there and nowhere else. What others add at the same moment stays."},
		"GET /v1/accounts/{account}/trunks":             {"list-trunks", trunks, "List trunks", "The account's trunks in the order of their creation."},
		"POST /v1/accounts/{account}/trunks":            {"create-trunk", trunks, "Create a trunk", "A trunk is the SIP connection to one PBX, which is known by the addresses it sends from; each of those belongs to one trunk only."},
		"GET " + trunkPath:                              {"get-trunk", trunks, "Read a trunk", "One trunk of the account."},
		"PATCH " + trunkPath:                            {"patch-trunk", trunks, "Change a trunk", "Lists are replaced whole."},
		"DELETE " + trunkPath:                           {"delete-trunk", trunks, "Delete a trunk", "409 while a number goes to it."},
		"GET /v1/accounts/{account}/numbers":            {"list-numbers", numbers, "List internal numbers", "The account's internal numbers in the order of their creation, all or those that fit."},
		"POST /v1/accounts/{account}/numbers":           {"create-number", numbers, "Create an internal number", "A number, a block (20xx) or a range (2000-2099) of the account's dial plan. Several may overlap: the most specific takes the call, and the answer names them."},
		"GET " + numberPath:                             {"get-number", numbers, "Read an internal number", "One number of the account."},
		"PATCH " + numberPath:                           {"patch-number", numbers, "Change an internal number", "Acts from the next call on, on every node. private hides the number from all linked accounts."},
		"DELETE " + numberPath:                          {"delete-number", numbers, "Delete an internal number", "Acts from the next call on."},
		"GET /v1/accounts/{account}/interlinks":         {"list-interlinks", links, "List interlinks", "The account's side of each, pending ones included."},
		"POST /v1/accounts/{account}/interlinks":        {"create-interlink", links, "Generate an authorization key", "Creates a pending interlink. Whoever enters the key on another account links the two; a key links one pair."},
		"POST /v1/accounts/{account}/interlinks/redeem": {"redeem-interlink", links, "Redeem an authorization key", "Links the account with the one that generated the key. A wrong, spent, expired or deleted key gets one and the same 404. With dry_run the answer names the other account and the numbers the two dial plans would hide from each other. Failures are throttled."},
		"GET " + linkPath:                               {"get-interlink", links, "Read an interlink", "The account's side. While pending, its key can be read again."},
		"PATCH " + linkPath:                             {"patch-interlink", links, "Change an interlink", "Changes the account's own side. The other side sees nothing of it but whether the link is suspended."},
		"DELETE " + linkPath:                            {"delete-interlink", links, "Delete an interlink", "Removes it on both sides at once. A pending one's key is dead."},
		"GET /v1/accounts/{account}/limits":             {"get-limits", limits, "Read the limits", "Unlimited, at version 0, until they are set."},
		"PUT /v1/accounts/{account}/limits":             {"put-limits", limits, "Set the limits", "Replaces all. A call takes an outbound line of the caller's account and an inbound line of the callee's, and a line of each account above them that has limits. Lowered limits end no call."},
		"GET /v1/accounts/{account}/capacity":           {"get-capacity", limits, "Who holds the lines", "Each lane with what is used and free, the calls that hold them, and the accounts above that limit it, too."},

		"GET /v1/number-classes":                         {"get-number-classes", restrictions, "Read the number classes", "The platform's sorts of numbers, in their order: the first whose pattern covers a dialled number counts."},
		"PUT /v1/number-classes":                         {"put-number-classes", restrictions, "Set the number classes", "Replaces the whole list; staff only. Acts from the next call on."},
		"GET " + accountPath + "/restrictions":           {"get-restrictions", restrictions, "Read the call restrictions", "Which classes of numbers the account may dial; nothing is denied, at version 0, until they are set."},
		"PUT " + accountPath + "/restrictions":           {"put-restrictions", restrictions, "Set the call restrictions", "Replaces all; for those above the account. What is denied here is denied to all accounts below, too. Calls inside one account are never restricted."},
		"GET " + accountPath + "/credit":                 {"get-credit", credit, "Read the credit", "What the account has to spend on calls per minute."},
		"POST " + accountPath + "/credit/entries":        {"create-credit-entry", credit, "Add to the credit", "For those above the account. An entry is never changed nor deleted; a wrong one is corrected by another."},
		"GET " + accountPath + "/credit/entries":         {"list-credit-entries", credit, "List the entries of the credit", "All additions in their order."},
		"GET " + accountPath + "/credit/entries/{entry}": {"get-credit-entry", credit, "Read an entry of the credit", "One addition."},
		"POST " + accountPath + "/licences":              {"create-licence", licences, "Add a licence", "For those above the account. A licence is never changed nor deleted, and one more takes nothing from those there are."},
		"GET " + accountPath + "/licences":               {"list-licences", licences, "List the licences", "Those of the past and the future, too."},
		"GET " + accountPath + "/licences/{licence}":     {"get-licence", licences, "Read a licence", "One addition to what the account may talk."},
		"GET " + accountPath + "/licence":                {"get-current-licence", licences, "Read the current licence", "All licences that hold now taken together."},
		"GET /v1/accounts/{account}/calls":               {"list-calls", calls, "List live calls", "The calls that hold a line of the account now, at most 10,000."},
		"DELETE /v1/calls/{call}":                        {"end-call", calls, "End a call", "Ends it and frees its lines."},
		"GET /v1/accounts/{account}/call-log":            {"list-call-log", calls, "Read the call log", "A record of each attempt, refused ones included, newest first, as the account may know it."},
		"POST " + webhooksPath:                           {"create-webhook", "Webhooks", "Create a webhook", "Events of the account and those below it are posted to it from now on, signed with the secret in this answer, which nobody can read again. See the documentation for the signature. Addresses that are not public are refused."},
		"GET " + webhooksPath:                            {"list-webhooks", "Webhooks", "List webhooks", "The account's webhooks in the order of their creation."},
		"GET " + webhookPath:                             {"get-webhook", "Webhooks", "Read a webhook", "One webhook of the account, without its secret."},
		"PATCH " + webhookPath:                           {"patch-webhook", "Webhooks", "Change a webhook", "What was not delivered yet goes to the new address."},
		"DELETE " + webhookPath:                          {"delete-webhook", "Webhooks", "Delete a webhook", "Nothing more is posted."},
		"GET " + webhookPath + "/deliveries":             {"list-deliveries", "Webhooks", "Read the last deliveries", "The last 100 attempts, newest first. A delivery that fails is tried again, ever more rarely, for a day; those behind it wait."},
		"GET /v1/audit":                                  {"list-audit", "Audit", "Read the audit trail", "Who did what, newest first: every write, login and ended call that concerns the accounts the token may see, with what was before and after, without secrets. An entry that concerns several accounts shows each reader its own part. With a filter an answer can hold less than its limit and still have a next."},
		"GET /v1/events":                                 {"listen", "Events", "Follow what happens", "Server-sent events: each change of what the token may see, by kind, id, account and version, and with account= the live calls of accounts. Last-Event-ID goes on exactly behind that event; the event reset says that what followed it is not kept any more. A reader that does not keep up is cut off."},
		"GET /v1/audit/verify":                           {"verify-audit", "Audit", "Check the audit trail", "Recomputes the chain of all entries and names the first that was changed, moved, taken out or forged. For staff; takes a few seconds when the trail is long."},

		"POST /v1/explain": {"explain", calls, "Explain a call", "What would become of a call, decided by the same code as a real one, without making it. Whether a line is free is a preview."},
	}
	maps.Copy(all, subaccountOperations())
	maps.Copy(all, federationOperations())
	return all
}

// operation builds huma's description of a route.
func operation(method, path string) huma.Operation {
	t := operations()[method+" "+path]
	op := huma.Operation{
		Method: method, Path: path, OperationID: t.id, Summary: t.summary, Description: t.text, Tags: []string{t.tag},
		// The body has been read and bounded before.
		MaxBodyBytes: -1, BodyReadTimeout: -1,
		Security: []map[string][]string{{bearer: {}}},
	}
	if method == http.MethodPost && path != "/v1/explain" {
		op.DefaultStatus = http.StatusCreated
	}
	switch {
	case openToAll(method, path):
		op.Security, op.DefaultStatus = []map[string][]string{}, http.StatusOK
	case path == permissionsPath+"/publish", path == requestRoute+"/accept", path == requestRoute+"/decline", path == federationPath+"/access-code":
		op.DefaultStatus = http.StatusOK
	case path == "/v1/logout":
		op.DefaultStatus = http.StatusNoContent
	}
	return op
}
