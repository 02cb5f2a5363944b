package provision

import "net/http"

const (
	federationPath    = "/v1/federations/{federation}"
	memberPath        = federationPath + "/members/{account}"
	administratorPath = federationPath + "/administrators/{user}"
	requestRoute      = federationPath + "/join-requests/{request}"
)

// federationRoutes are federations and all that hangs on them.
func (s *Server) federationRoutes() {
	handle(s, http.MethodPost, "/v1/federations", s.createFederation)
	handle(s, http.MethodGet, "/v1/federations", s.listFederations)
	handle(s, http.MethodGet, federationPath, s.getFederation)
	handle(s, http.MethodPatch, federationPath, s.patchFederation)
	handle(s, http.MethodDelete, federationPath, s.deleteFederation)
	handle(s, http.MethodPost, federationPath+"/access-code", s.rotateAccessCode)

	handle(s, http.MethodGet, federationPath+"/members", s.listMembers)
	handle(s, http.MethodGet, memberPath, s.getMember)
	handle(s, http.MethodDelete, memberPath, s.removeMember)

	handle(s, http.MethodGet, federationPath+"/administrators", s.listAdministrators)
	handle(s, http.MethodGet, administratorPath, s.getAdministrator)
	handle(s, http.MethodPut, administratorPath, s.putAdministrator)
	handle(s, http.MethodDelete, administratorPath, s.deleteAdministrator)

	handle(s, http.MethodPost, accountPath+"/federation/join", s.join)
	handle(s, http.MethodGet, accountPath+"/federation", s.getBelonging)
	handle(s, http.MethodGet, federationPath+"/join-requests", s.listJoinRequests)
	handle(s, http.MethodGet, requestRoute, s.getJoinRequest)
	handle(s, http.MethodPost, requestRoute+"/accept", s.acceptJoinRequest)
	handle(s, http.MethodPost, requestRoute+"/decline", s.declineJoinRequest)
	handle(s, http.MethodDelete, requestRoute, s.withdrawJoinRequest)
}

// federationOperations describes them.
func federationOperations() map[string]told {
	const tag = "Federations"
	return map[string]told{
		"POST /v1/federations":                      {"create-federation", tag, "Create a federation", "For staff and partners. The answer has the access code, by which any number of accounts can ask to join. The owner is no member by owning it."},
		"GET /v1/federations":                       {"list-federations", tag, "List federations", "Those the token manages or administers."},
		"GET " + federationPath:                     {"get-federation", tag, "Read a federation", "With its access code for the owner's administrators, without for its own administrators and its members."},
		"PATCH " + federationPath:                   {"patch-federation", tag, "Rename a federation", "For the owner's administrators."},
		"DELETE " + federationPath:                  {"delete-federation", tag, "Delete a federation", "With its memberships, join requests and administrators: from the next call on its members no longer dial each other."},
		"POST " + federationPath + "/access-code":   {"rotate-access-code", tag, "Replace the access code", "The old code is dead at once. Members and join requests stay."},
		"GET " + federationPath + "/members":        {"list-members", tag, "List members", "Accounts that have only asked to join are none."},
		"GET " + memberPath:                         {"get-member", tag, "Read a membership", "One account's membership."},
		"DELETE " + memberPath:                      {"remove-member", tag, "End a membership", "The owner removes a member, with federation.manage, or the member leaves, with federation.join: from the next call on. The federation's administrators who are users of that account are none any more."},
		"GET " + federationPath + "/administrators": {"list-federation-administrators", tag, "List administrators", "The users with rights over every member."},
		"GET " + administratorPath:                  {"get-federation-administrator", tag, "Read an administrator", "One user's right over every member."},
		"PUT " + administratorPath:                  {"put-federation-administrator", tag, "Name an administrator", "Gives a user of the owner or of a member the rights of a customer administrator over every member, as long as each is one. If-Match is \"0\" or * for who is none yet."},
		"DELETE " + administratorPath:               {"delete-federation-administrator", tag, "Dismiss an administrator", "For the owner's administrators, and for the user itself."},
		"POST " + accountPath + "/federation/join":  {"join-federation", tag, "Ask to join a federation", "Creates a join request, which the federation's owner accepts or declines; until then the account is no member in any way. Posted again while pending, it answers 200 with the same request. A wrong code and one that was replaced get the same 404; failures are throttled. A dry run names the federation and nothing of its members."},
		"GET " + accountPath + "/federation":        {"get-account-federation", tag, "Read the account's federation", "The federation the account is a member of or has asked to join; null when there is none."},
		"GET " + federationPath + "/join-requests":  {"list-join-requests", tag, "List join requests", "The pending ones, for the owner's administrators."},
		"GET " + requestRoute:                       {"get-join-request", tag, "Read a join request", "For the owner's administrators and the account that asked."},
		"POST " + requestRoute + "/accept":          {"accept-join-request", tag, "Accept a join request", "The account is a member from now on. A dry run counts the numbers it shares with each member."},
		"POST " + requestRoute + "/decline":         {"decline-join-request", tag, "Decline a join request", "Deletes the request; the account may ask again."},
		"DELETE " + requestRoute:                    {"withdraw-join-request", tag, "Withdraw a join request", "For the account that asked."},
	}
}
