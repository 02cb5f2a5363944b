package provision

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// An authorization key is 32 symbols of Crockford's base 32 in groups of four:
// 28 random ones (140 bits) and 4 that check them, so that a slip of the finger
// is noticed before anything is looked up.
const (
	keySymbols   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	keyRandom    = 28
	keyCheck     = 4
	keyGroup     = 4
	maxKeyLength = 128
)

// newAuthorizationKey returns a fresh key as it is shown.
func newAuthorizationKey() string {
	b := make([]byte, keyRandom)
	rand.Read(b) // never fails
	for i := range b {
		b[i] = keySymbols[b[i]%32]
	}
	return grouped(string(b) + keyChecksum(string(b)))
}

func keyChecksum(random string) string {
	h := sha256.Sum256([]byte("interlink authorization key " + random))
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

// normalizeKey undoes what people do to a key when they type it: case, spaces,
// hyphens, O for 0, I and L for 1. It returns "" for what cannot be a key.
func normalizeKey(typed string) string {
	if len(typed) > maxKeyLength {
		return ""
	}
	key := strings.NewReplacer("-", "", " ", "", "\t", "", "\n", "", "\r", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(key) != keyRandom+keyCheck || strings.Trim(key, keySymbols) != "" || keyChecksum(key[:keyRandom]) != key[keyRandom:] {
		return ""
	}
	return key
}

// keySecret is what is kept of a key while the interlink waits for it.
func (s *secrets) keySecret(id directory.InterlinkID, key string) directory.InterlinkSecret {
	return directory.InterlinkSecret{
		KeyHash:   s.keyHash(normalizeKey(key)),
		KeySealed: base64.RawStdEncoding.EncodeToString(s.keys.seal([]byte(key), string(id))),
	}
}

func (s *secrets) keyHash(normal string) string { return hex.EncodeToString(sum(s.lookup, normal)) }

// keyOf reads a pending interlink's key again; nil when it cannot be read.
func (s *secrets) keyOf(l *directory.Interlink) *string {
	sealed, err := base64.RawStdEncoding.DecodeString(l.Secret.KeySealed)
	if err != nil || len(sealed) == 0 {
		return nil
	}
	plain, err := s.keys.open(sealed, string(l.ID))
	if err != nil {
		return nil
	}
	key := string(plain)
	return &key
}
