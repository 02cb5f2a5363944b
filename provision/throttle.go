package provision

import (
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// sourceTimes is how many times an account's failures one source address may
// have: a whole office, or all customers of a reseller, can share one.
const sourceTimes = 10

// throttle counts the keys and codes that failed, per account and per source
// address; those that do not fail cost nothing. There is no count of all
// together: with it, somebody who fails on purpose could keep all others from
// redeeming, and a guess has one chance in 2^140 wherever it comes from.
type throttle struct{ accounts, sources *attempts }

func newThrottle(burst int, every time.Duration) *throttle {
	return &throttle{newAttempts(burst, every), newAttempts(burst*sourceTimes, every/sourceTimes)}
}

// begin takes one attempt of the account and of the source, or tells how long
// until there is one; a refused attempt costs neither.
func (t *throttle) begin(id directory.AccountID, source string) (wait time.Duration) {
	at := time.Now()
	if wait = t.accounts.begin(string(id), at); wait > 0 {
		return wait
	}
	if wait = t.sources.begin(source, at); wait > 0 {
		t.accounts.succeed(string(id))
	}
	return wait
}

// succeed gives the attempt back.
func (t *throttle) succeed(id directory.AccountID, source string) {
	t.accounts.succeed(string(id))
	t.sources.succeed(source)
}
