package provision

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// A bearer token is a prefix that tells what it is for, 52 symbols of Crockford's
// base 32 in lower case (260 random bits) and six that check them. Whoever scans
// texts for secrets can tell one, and a slip is noticed before a look-up.
const (
	tokenRandom = 52
	tokenCheck  = 6
)

// tokenPrefix begins every token of a use.
func tokenPrefix(use directory.TokenUse) string {
	switch use {
	case directory.TokenSession:
		return "its_"
	case directory.TokenAccess:
		return "ita_"
	}
	return "itk_"
}

// newBearer returns a fresh token as it is shown.
func newBearer(use directory.TokenUse) string {
	b := randomOctets(tokenRandom)
	for i := range b {
		b[i] = keySymbols[b[i]%32]
	}
	body := tokenPrefix(use) + strings.ToLower(string(b))
	return body + bearerChecksum(body)
}

func bearerChecksum(body string) string {
	h := sha256.Sum256([]byte("interlink bearer token " + body))
	c := make([]byte, tokenCheck)
	for i := range c {
		c[i] = keySymbols[h[i]%32]
	}
	return strings.ToLower(string(c))
}

// mistyped reports whether a text is meant to be a token of ours and cannot be
// one. It knows nothing of the tokens there are.
func mistyped(token string) bool {
	for _, use := range []directory.TokenUse{directory.TokenAPI, directory.TokenSession, directory.TokenAccess} {
		if !strings.HasPrefix(token, tokenPrefix(use)) {
			continue
		}
		n := len(token) - tokenCheck
		return n != len(tokenPrefix(use))+tokenRandom || bearerChecksum(token[:n]) != token[n:]
	}
	return false
}

// bearerHash is what is kept of a token. It has 260 random bits: a slow hash
// would add nothing.
func bearerHash(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}
