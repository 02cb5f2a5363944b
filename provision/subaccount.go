package provision

import "net/http"

const (
	providerPath    = "/v1/providers/{provider}"
	planPath        = "/v1/plans/{plan}"
	connectionPath  = accountPath + "/provider"
	permissionsPath = accountPath + "/permissions"
	selectionPath   = accountPath + "/plans"
	settingsPath    = accountPath + "/settings"
)

// subaccountRoutes are the settings of a sub-account, and what they choose from.
func (s *Server) subaccountRoutes() {
	handle(s, http.MethodPost, "/v1/providers", s.createProvider)
	handle(s, http.MethodGet, "/v1/providers", s.listProviders)
	handle(s, http.MethodGet, providerPath, s.getProvider)
	handle(s, http.MethodPatch, providerPath, s.patchProvider)
	handle(s, http.MethodDelete, providerPath, s.deleteProvider)
	handle(s, http.MethodGet, connectionPath, s.getConnection)
	handle(s, http.MethodPut, connectionPath, s.putConnection)

	handle(s, http.MethodGet, permissionsPath, s.getPermissions)
	handle(s, http.MethodGet, permissionsPath+"/draft", s.getDraft)
	handle(s, http.MethodPut, permissionsPath+"/draft", s.putDraft)
	handle(s, http.MethodPost, permissionsPath+"/publish", s.publishPermissions)
	handle(s, http.MethodGet, permissionsPath+"/versions", s.listEditions)
	handle(s, http.MethodGet, permissionsPath+"/diff", s.diffPermissions)

	handle(s, http.MethodPost, "/v1/plans", s.createPlan)
	handle(s, http.MethodGet, "/v1/plans", s.listPlans)
	handle(s, http.MethodGet, planPath, s.getPlan)
	handle(s, http.MethodPatch, planPath, s.patchPlan)
	handle(s, http.MethodDelete, planPath, s.deletePlan)
	handle(s, http.MethodGet, selectionPath, s.getPlanSelection)
	handle(s, http.MethodPut, selectionPath, s.putPlanSelection)

	handle(s, http.MethodGet, settingsPath, s.getSettings)
	handle(s, http.MethodPut, settingsPath, s.putSettings)
}

// subaccountOperations describes them.
func subaccountOperations() map[string]told {
	const providers, permissions, plans, settings = "Voice providers", "Permissions", "Plans", "Settings"
	return map[string]told{
		"POST /v1/providers":     {"create-provider", providers, "Create a voice provider", "For staff. Accounts are connected through one provider each."},
		"GET /v1/providers":      {"list-providers", providers, "List voice providers", "All there are, in the order of their creation."},
		"GET " + providerPath:    {"get-provider", providers, "Read a voice provider", "With its login link and its capacity."},
		"PATCH " + providerPath:  {"patch-provider", providers, "Change a voice provider", "For staff. The capacity cannot fall below what an account with this provider may call."},
		"DELETE " + providerPath: {"delete-provider", providers, "Delete a voice provider", "For staff. 409 while an account is connected through it."},
		"GET " + connectionPath:  {"get-account-provider", providers, "Read an account's voice provider", "Credentials are not among it."},
		"PUT " + connectionPath:  {"put-account-provider", providers, "Set an account's voice provider", "For who is above the account. The first one is set at once. Another one deletes the account's trunks, the numbers that go to them and the credentials, in one write: 409 without confirm, which names them, and nothing changes. A provider whose capacity is below the account's max_outbound_calls is refused."},

		"GET " + permissionsPath:               {"get-permissions", permissions, "Read the published permissions", "What counts, and all that the customer sees."},
		"GET " + permissionsPath + "/draft":    {"get-permissions-draft", permissions, "Read the draft", "For who is above the account."},
		"PUT " + permissionsPath + "/draft":    {"put-permissions-draft", permissions, "Edit the draft", "For who is above the account. Nothing changes for the customer before it is published."},
		"POST " + permissionsPath + "/publish": {"publish-permissions", permissions, "Publish the draft", "For who is above the account. One write switches all features, from the next request on. A draft that is published already makes no new version."},
		"GET " + permissionsPath + "/versions": {"list-permission-versions", permissions, "List what was published", "For who is above the account. The newest first, the last 50."},
		"GET " + permissionsPath + "/diff":     {"diff-permissions", permissions, "Compare the draft with what is published", "For who is above the account."},

		"POST /v1/plans":       {"create-plan", plans, "Create a plan", "For staff."},
		"GET /v1/plans":        {"list-plans", plans, "List plans", "Those that the token's account sees, in the order of their creation."},
		"GET " + planPath:      {"get-plan", plans, "Read a plan", "404 for one that is hidden from the token's account, too."},
		"PATCH " + planPath:    {"patch-plan", plans, "Change a plan", "For staff. A new price holds for calls that begin later."},
		"DELETE " + planPath:   {"delete-plan", plans, "Delete a plan", "For staff. 409 while an account has it selected."},
		"GET " + selectionPath: {"get-account-plans", plans, "Read an account's plans", "Those selected, the last selected first."},
		"PUT " + selectionPath: {"put-account-plans", plans, "Select an account's plans", "For who is above the account. Plans selected newly come first, in the order given; those that stay keep their order behind; those left out are not selected any more."},

		"GET " + settingsPath: {"get-settings", settings, "Read the settings", "The defaults, at version 0, until they are set."},
		"PUT " + settingsPath: {"put-settings", settings, "Save the settings", "All of them together; they act from that moment on."},
	}
}
