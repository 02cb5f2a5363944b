package provision

import (
	"strings"
	"testing"
)

// What product table 8 says, written down a second time: these tables know
// nothing of the permissions in the code.

// verdicts are what an asker gets who stands so toward an account (columns), for
// a class of operations (rows). Who stands in no way to it is told that it does
// not exist.
//
//	above   staff, or a partner whose account the asked one is below
//	owner   a partner's administrator, at the partner's own account
//	admin   an administrator of the account, or of the federation it is a member of
//	acting  somebody above, with an access token
//	reader  an API token for reading
//	user    a user without rights
const verdicts = `
           above owner admin acting reader user
directory  yes   yes   yes   yes    yes    yes
look       yes   yes   yes   yes    yes    no
call       yes   yes   yes   yes    no     hidden
work       yes   yes   yes   yes    no     no
people     yes   yes   yes   no     no     no
keys       yes   yes   yes   no     no     no
growth     yes   yes   no    no     no     no
ring       yes   yes   no    no     no     no
ask        yes   yes   yes   yes    no     no
limits     yes   no    no    no     no     no
care       yes   no    no    no     no     no
`

// standings are how askers stand to accounts; who is not named does not.
const standings = `
               reseller brown  smith  hub    member applicant rival  foreign
staff          above    above  above  above  above  above     above  above
partner        owner    above  above  above  above  above     -      -
program        owner    above  above  above  above  above     -      -
other          -        -      -      -      -      -         owner  above
steward        -        -      -      admin  admin  -         -      -
admin          -        admin  -      -      -      -         -      -
access         -        acting -      -      -      -         -      -
reader         -        reader -      -      -      -         -      -
user           -        user   -      -      -      -         -      -
member         -        -      -      -      admin  -         -      -
applicant      -        -      -      -      -      admin     -      -
`

// guild is the same for federations and classes of operations on them, by asker:
// the reseller's federation. A join request is hidden from the federation's own
// administrators (FE3).
const guild = `
           staff partner program other  steward admin  access reader user   member applicant
visit      yes   yes     yes     hidden yes     hidden hidden hidden hidden yes    hidden
membership yes   yes     yes     hidden yes     hidden hidden hidden hidden yes    hidden
rule       yes   yes     yes     hidden no      hidden hidden hidden hidden no     hidden
request    yes   yes     yes     hidden hidden  hidden hidden hidden hidden hidden yes
decide     yes   yes     yes     hidden hidden  hidden hidden hidden hidden hidden no
`

// platform is the same for what belongs to no account. A customer is told that
// it founds no federation whatever account it names (FE1).
const platform = `
           staff partner program other steward admin access reader user member applicant
open       yes   yes     yes     yes   yes     yes   yes    yes    yes  yes    yes
watch      yes   yes     yes     yes   yes     yes   yes    yes    no   yes    yes
govern     yes   no      no      no    no      no    no     no     no   no     no
found      yes   yes     yes     yes   no      no    no     no     no   no     no
`

// classes has every operation: the verbs on one path. Those that are "named" have
// the account in their body.
const classes = `
platform:open      GET /v1/me; POST /v1/logout; DELETE /v1/access; GET /v1/accounts
platform:open      GET /v1/providers; GET /v1/providers/{provider}; GET /v1/plans; GET /v1/plans/{plan}; GET /v1/number-classes
platform:govern    POST /v1/providers; PATCH DELETE /v1/providers/{provider}; PUT /v1/number-classes
platform:govern    POST /v1/plans; PATCH DELETE /v1/plans/{plan}
platform:govern    GET POST /v1/users; GET PATCH DELETE /v1/users/{user}
platform:govern    GET POST /v1/tokens; GET DELETE /v1/tokens/{token}; GET /v1/audit/verify
platform:watch     GET /v1/audit; GET /v1/events
platform:open      GET /v1/federations

named:growth       POST /v1/accounts
named:ring         POST /v1/federations
named:ask          POST /v1/explain

account:directory  GET A/configuration
account:directory  GET A; GET A/numbers; GET A/numbers/{number}; GET A/settings; GET A/permissions
account:look       GET A/trunks; GET A/trunks/{trunk}; GET A/interlinks; GET A/interlinks/{interlink}
account:look       GET A/webhooks; GET A/webhooks/{webhook}; GET A/webhooks/{webhook}/deliveries
account:look       GET A/users; GET A/users/{user}; GET A/tokens; GET A/tokens/{token}
account:look       GET A/federation; GET A/limits; GET A/capacity; GET A/calls; GET A/call-log
account:look       GET A/restrictions; GET A/credit; GET A/credit/entries; GET A/credit/entries/{entry}
account:look       GET A/licences; GET A/licences/{licence}; GET A/licence; GET A/provider; GET A/plans
account:call       DELETE /v1/calls/{call}
account:work       POST A/trunks; PATCH DELETE A/trunks/{trunk}; POST A/numbers; PATCH DELETE A/numbers/{number}
account:work       POST A/interlinks; POST A/interlinks/redeem; PATCH DELETE A/interlinks/{interlink}
account:work       POST A/federation/join; PUT A/settings; PATCH DELETE A/users/{user}
account:work       POST A/webhooks; PATCH DELETE A/webhooks/{webhook}
account:work       PUT A/configuration
account:people     POST A/users
account:keys       POST A/tokens; DELETE A/tokens/{token}
account:limits     PUT A/limits
account:care       PATCH DELETE A; POST A/access; PUT A/restrictions; POST A/credit/entries; POST A/licences
account:care       PUT A/provider; PUT A/plans; GET PUT A/permissions/draft; POST A/permissions/publish
account:care       GET A/permissions/versions; GET A/permissions/diff

guild:visit        GET F; GET F/members
guild:membership   GET DELETE F/members/{account}
guild:rule         PATCH DELETE F; POST F/access-code; GET F/join-requests
guild:rule         GET F/administrators; GET PUT DELETE F/administrators/{user}
guild:request      GET DELETE F/join-requests/{request}
guild:decide       POST F/join-requests/{request}/accept; POST F/join-requests/{request}/decline

nobody:            POST /v1/login
`

// table reads one of the tables above: row, column → cell.
func table(text string) map[string]map[string]string {
	out := map[string]map[string]string{}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	columns := strings.Fields(lines[0])
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		out[cells[0]] = map[string]string{}
		for i, c := range columns {
			out[cells[0]][c] = cells[i+1]
		}
	}
	return out
}

// classOf reads classes: operation → "account:work".
func classOf(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for line := range strings.Lines(classes) {
		class, list, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		for _, item := range strings.Split(list, ";") {
			words := strings.Fields(item)
			path := words[len(words)-1]
			if path == "A" || strings.HasPrefix(path, "A/") {
				path = accountPath + path[1:]
			} else if path == "F" || strings.HasPrefix(path, "F/") {
				path = federationPath + path[1:]
			}
			for _, verb := range words[:len(words)-1] {
				if out[verb+" "+path] != "" {
					t.Fatalf("%s %s stands twice", verb, path)
				}
				out[verb+" "+path] = class
			}
		}
	}
	return out
}

// matrix says what each asker gets.
type matrix struct {
	class                                map[string]string
	verdicts, standings, guild, platform map[string]map[string]string
}

func newMatrix(t *testing.T) matrix {
	return matrix{classOf(t), table(verdicts), table(standings), table(guild), table(platform)}
}

// expect returns "yes", "no" (403), "hidden" (404) or "unknown" (401).
func (m matrix) expect(op, role, account string) string {
	if role == "none" || role == "expired" {
		return "unknown"
	}
	area, class, _ := strings.Cut(m.class[op], ":")
	switch area {
	case "platform":
		return m.platform[class][role]
	case "guild":
		if account == "nobody" {
			return "hidden"
		}
		if account != "rival" && account != "foreign" {
			return m.guild[class][role]
		}
		// The rival's federation is to the rival what the reseller's is to the
		// reseller, and nobody else has a part in it.
		switch role {
		case "staff":
			return "yes"
		case "other":
			return m.guild[class]["partner"]
		}
		return "hidden"
	}
	if class == "ring" && m.platform["found"][role] == "no" {
		return "no"
	}
	standing := m.standings[role][account]
	if standing == "" || standing == "-" {
		return "hidden"
	}
	return m.verdicts[class][standing]
}
