package provision

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// secretUse is what a secret that people pass on is for; it is part of the
// checksum, so that one is not taken for the other.
type secretUse string

const (
	authorizationKey secretUse = "authorization key"
	accessCode       secretUse = "access code"
)

// A secret is 32 symbols of Crockford's base 32 in groups of four: 28 random
// ones (140 bits) and 4 that check them, so that a slip of the finger can be told
// from a wrong key wherever it is typed, without asking anybody. The server makes
// no difference between the two: its answer to all that links nothing is one.
const (
	keySymbols   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	keyRandom    = 28
	keyCheck     = 4
	keyGroup     = 4
	maxKeyLength = 128
)

// MistypedKey reports whether a text cannot be an authorization key; spaces,
// hyphens and case do not matter. It is for who asks a person for a key.
func MistypedKey(typed string) bool { return normalizeSecret(authorizationKey, typed) == "" }

// MistypedCode is MistypedKey for a federation's access code.
func MistypedCode(typed string) bool { return normalizeSecret(accessCode, typed) == "" }

// newSecret returns a fresh secret as it is shown.
func newSecret(use secretUse) string {
	b := make([]byte, keyRandom)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = keySymbols[b[i]%32]
	}
	return grouped(string(b) + use.checksum(string(b)))
}

func (use secretUse) checksum(random string) string {
	h := sha256.Sum256([]byte("interlink " + string(use) + " " + random))
	c := make([]byte, keyCheck)
	for i := range c {
		c[i] = keySymbols[h[i]%32]
	}
	return string(c)
}

func grouped(key string) string {
	var b strings.Builder
	for i := 0; i < len(key); i += keyGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(key[i:min(i+keyGroup, len(key))])
	}
	return b.String()
}

// normalizeSecret undoes what people do to a secret when they type it: case,
// spaces, hyphens, O for 0, I and L for 1. It returns "" for what cannot be one.
func normalizeSecret(use secretUse, typed string) string {
	if len(typed) > maxKeyLength {
		return ""
	}
	key := strings.NewReplacer("-", "", " ", "", "\t", "", "\n", "", "\r", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(key) != keyRandom+keyCheck || strings.Trim(key, keySymbols) != "" || use.checksum(key[:keyRandom]) != key[keyRandom:] {
		return ""
	}
	return key
}

// keySecret is what is kept of a key while the interlink waits for it.
func (s *secrets) keySecret(id directory.InterlinkID, key string) directory.InterlinkSecret {
	return directory.InterlinkSecret{
		KeyHash:   s.keyHash(normalizeSecret(authorizationKey, key)),
		KeySealed: base64.RawStdEncoding.EncodeToString(s.keys.seal([]byte(key), string(id))),
	}
}

func (s *secrets) keyHash(normal string) string { return hex.EncodeToString(sum(s.lookup, normal)) }

// keyOf reads a pending interlink's key again; nil when it cannot be read.
func (s *secrets) keyOf(l *directory.Interlink) *string {
	return s.unseal(l.Secret.KeySealed, string(l.ID))
}
