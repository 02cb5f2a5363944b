package provision

import (
	"crypto/rand"
	"encoding/hex"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/pbx-interlink/interlink/routing"
)

// idSource makes ids: a prefix and a ULID, which sorts by the time it was made.
type idSource struct{ entropy *ulid.LockedMonotonicReader }

func newIDSource() *idSource {
	return &idSource{&ulid.LockedMonotonicReader{MonotonicReader: ulid.Monotonic(rand.Reader, 0)}}
}

func (s *idSource) next(prefix string) string {
	// New fails when more ids than random numbers are asked for in one
	// millisecond, which the next millisecond cures, or past the year 10889.
	for at := ulid.Now(); ; at++ {
		if id, err := ulid.New(at, s.entropy); err == nil {
			return prefix + id.String()
		}
	}
}

// newRealm returns a random label below the suffix; the label begins with a
// letter (RFC 1035 §2.3.1) and has 55 random bits.
func newRealm(suffix string) string {
	const letters, all = "abcdefghjkmnpqrstvwxyz", "0123456789abcdefghjkmnpqrstvwxyz"
	b := make([]byte, 12)
	rand.Read(b) // never fails
	b[0] = letters[int(b[0])%len(letters)]
	for i := 1; i < len(b); i++ {
		b[i] = all[b[i]%32]
	}
	return string(b) + "." + suffix
}

const callPrefix = "call_"

// callID is a lease as the API names a call.
func callID(l routing.LeaseID) string { return callPrefix + hex.EncodeToString(l[:]) }

func parseCallID(s string) (routing.LeaseID, bool) {
	var l routing.LeaseID
	digits, ok := strings.CutPrefix(s, callPrefix)
	if !ok || len(digits) != 2*len(l) || digits != strings.ToLower(digits) {
		return l, false
	}
	_, err := hex.Decode(l[:], []byte(digits))
	return l, err == nil
}

// now is the time a write happens at, to the millisecond, as the ids have it.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
