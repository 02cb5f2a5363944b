package provision

import "github.com/danielgtaylor/huma/v2"

// topic is a part of the API, as the documentation divides it.
type topic struct{ name, text string }

// topics lists them in the order in which the documentation page shows them. The
// tag of every operation is one of them.
func topics() []topic {
	return []topic{
		{"Principals", "Who asks: sessions of users, and access to an account from above it."},
		{"Accounts", "The tree of accounts: the platform, its resellers, their customers. Each has a realm, the SIP domain of its PBX."},
		{"Configuration", "All that an account's calls depend on, read and written at once."},
		{"Users", "The people who log in: administrators and users of an account, and the platform's own."},
		{"Tokens", "What programs log in with. A token has its account's rights, or what its scopes leave of them."},
		{"Trunks", "The SIP connections to an account's PBXs."},
		{"Internal numbers", "The account's dial plan: the extensions that its own PBX and linked accounts can dial."},
		{"Interlinks", "Links between two accounts, made with a key that one side generates and the other redeems. They are not transitive."},
		{"Federations", "Sets of accounts that all dial each other. Any number can ask to join with one access code; the owner decides."},
		{"Limits", "How many calls an account can have at a time, and who holds its lines. -1 is unlimited."},
		{"Restrictions", "Classes of numbers that an account may not dial."},
		{"Credit", "A ledger in integer minor units, spent on calls per minute."},
		{"Licences", "Minutes that an account may talk, for a time. They only ever grow."},
		{"Voice providers", "Who connects the accounts, and how many calls each can carry."},
		{"Plans", "Prices, and which of them an account sees and has selected."},
		{"Permissions", "Which features a customer is shown: edited as a draft, then published at once."},
		{"Settings", "What an account decides for itself."},
		{"Calls", "Live calls, the call log, and what would become of a call."},
		{"Webhooks", "Events posted to an address, signed and tried again."},
		{"Events", "The same as a stream."},
		{"Audit", "Who did what. Entries are chained, so that an edit is found."},
	}
}

func tags() []*huma.Tag {
	var out []*huma.Tag
	for _, t := range topics() {
		out = append(out, &huma.Tag{Name: t.name, Description: t.text})
	}
	return out
}
