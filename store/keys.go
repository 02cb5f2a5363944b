package store

import (
	"crypto/sha256"
	"encoding/hex"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// Every key the store touches is built in this file. The part in braces is the
// Redis Cluster hash tag: keys that one script touches share it, so that they
// lie in one slot.

// The directory's keys.
const (
	// keySeq counts the change stream's entries.
	keySeq = "interlink:{directory}:seq"
	// keyChanges is the change stream: fields seq, at (ms), data.
	keyChanges = "interlink:{directory}:changes"
	// keyAudit is the audit trail, a stream; audit.lua says what it holds.
	keyAudit = "interlink:{directory}:trail"
	// keyChain is a hash: the trail's newest entry and its seal.
	keyChain = "interlink:{directory}:trail:chain"
	// keyTrailOf begins the keys of sorted sets: the ids of the trail's entries
	// about an account, by number.
	keyTrailOf = "interlink:{directory}:trail:of:"
	// keyCluster holds the check value of the cluster key.
	keyCluster = "interlink:{directory}:cluster"
	// keyClaims is a hash: claim → "kind:id" of its holder.
	keyClaims = "interlink:{directory}:claims"
	// keyDependents is a hash: "kind:id" → how many objects require it.
	keyDependents = "interlink:{directory}:dependents"
)

// The keys of deliveries to webhooks.
const (
	// keyLead names the process that delivers; keyTerm counts those there were.
	keyLead = "interlink:{hooks}:lead"
	keyTerm = "interlink:{hooks}:term"
)

// keyDelivered is how far a webhook's deliveries have come, keyDeliveries the
// list of its last attempts.
func keyDelivered(id directory.WebhookID) string { return "interlink:{hooks}:state:" + string(id) }

func keyDeliveries(id directory.WebhookID) string { return "interlink:{hooks}:log:" + string(id) }

// keyObjects is a hash: id → version, a space, the object as JSON.
func keyObjects(k directory.Kind) string { return "interlink:{directory}:objects:" + string(k) }

// ledgerKeys builds the keys of one limit domain's ledger.
type ledgerKeys struct{ prefix string }

func newLedgerKeys(domain string) ledgerKeys { return ledgerKeys{"interlink:{" + domain + "}:"} }

// limits is a hash: the account's caps (i, o, t, b, m) and their version (v).
func (k ledgerKeys) limits(a directory.AccountID) string { return k.prefix + "lim:" + string(a) }

// inbound and outbound are sorted sets of leases; the score is the deadline in
// ms by Redis' clock.
func (k ledgerKeys) inbound(a directory.AccountID) string {
	return k.prefix + "leases:" + string(a) + ":in"
}

func (k ledgerKeys) outbound(a directory.AccountID) string {
	return k.prefix + "leases:" + string(a) + ":out"
}

// tally is a meter's hash, metered its sorted set, like those: the leases of the
// calls it counts. See terms.lua.
func (k ledgerKeys) tally(m meter) string {
	if m.minutes {
		return k.prefix + "talk:" + string(m.account)
	}
	return k.prefix + "bill:" + string(m.account)
}

func (k ledgerKeys) metered(m meter) string {
	return k.prefix + "leases:" + string(m.account) + m.lane()
}

// lane ends the key of a meter's set.
func (m meter) lane() string {
	if m.minutes {
		return ":talk"
	}
	return ":min"
}

// meters is a sorted set of the accounts with calls on terms; the score is when
// (ms by Redis' clock) the first of their leases may run out.
func (k ledgerKeys) meters() string { return k.prefix + "meters" }

// call is a string: a call's state, or the tomb of a released lease; see
// callState.
func (k ledgerKeys) call(l routing.LeaseID) string { return k.prefix + "call:" + leaseText(l) }

// own is the set of leases an incarnation holds.
func (k ledgerKeys) own(incarnation string) string { return k.prefix + "own:" + incarnation }

// fence stands for an incarnation that must not admit any more.
func (k ledgerKeys) fence(incarnation string) string { return k.prefix + "fence:" + incarnation }

// ends is the pub/sub channel on which an incarnation is told to end calls.
func (k ledgerKeys) ends(incarnation string) string { return k.prefix + "end:" + incarnation }

// keyCallLog is the stream of an account's call records: one field, r.
func keyCallLog(a directory.AccountID) string { return string(appendCallLogKey(nil, a)) }

func appendCallLogKey(b []byte, a directory.AccountID) []byte {
	return append(append(append(b, "interlink:{log:"...), a...), '}')
}

// keyLastCalls is a hash: account → when its latest recorded call began (ms);
// keyLastCallOrder a sorted set: account, the score says when that was noted (ms).
const (
	keyLastCalls     = "interlink:{lastcalls}:times"
	keyLastCallOrder = "interlink:{lastcalls}:order"
)

// keyIdempotency is a hash: fp, st, answer. What the client sent is hashed: it
// may be long and hold anything. keyIdempotencies is a sorted set of those of one
// account; the score is when (ms by Redis' clock) they are forgotten.
func keyIdempotency(k directory.RequestKey) string {
	sum := sha256.Sum256([]byte(k.Scope + "\x00" + k.Key))
	tag := string(k.Owner)
	if tag == "" {
		tag = hex.EncodeToString(sum[:2]) // nobody counts them: they need not lie in one slot
	}
	return "interlink:{idem:" + tag + "}:" + hex.EncodeToString(sum[:16])
}

func keyIdempotencies(owner directory.AccountID) string {
	return "interlink:{idem:" + string(owner) + "}"
}

// leaseText is how a lease is spelled in keys, sets and messages.
func leaseText(l routing.LeaseID) string { return hex.EncodeToString(l[:]) }

func parseLease(s string) (l routing.LeaseID, ok bool) {
	n, err := hex.Decode(l[:], []byte(s))
	return l, err == nil && n == len(l) && len(s) == 2*len(l)
}
