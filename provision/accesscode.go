package provision

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/pbx-interlink/interlink/directory"
)

// renewCode gives a federation a new access code. It has the form of an
// authorization key, and as many random bits, with a checksum of its own.
func (s *secrets) renewCode(f *directory.Federation) {
	code := newSecret(accessCode)
	f.CodeHash = s.codeHash(normalizeSecret(accessCode, code))
	f.CodeSealed = base64.RawStdEncoding.EncodeToString(s.keys.seal([]byte(code), codePlace(f.ID)))
}

// codeHash is what a federation is found by; the code itself is not kept.
func (s *secrets) codeHash(normal string) string {
	return hex.EncodeToString(sum(s.lookup, string(accessCode), normal))
}

// codeOf reads a federation's access code again; nil when it cannot be read.
func (s *secrets) codeOf(f *directory.Federation) *string {
	return s.unseal(f.CodeSealed, codePlace(f.ID))
}

func codePlace(id directory.FederationID) string { return "access code of " + string(id) }

// unseal opens what was sealed for a place.
func (s *secrets) unseal(text, place string) *string {
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(sealed) == 0 {
		return nil
	}
	plain, err := s.keys.open(sealed, place)
	if err != nil {
		return nil
	}
	secret := string(plain)
	return &secret
}

// federationByCode finds a federation by a code as it was typed; nil for none.
// It is asked with a hash, which is computed for what cannot be a code, too: the
// time tells nothing about other codes.
func (s *Server) federationByCode(typed string) *directory.Federation {
	hash := s.secrets.codeHash(normalizeSecret(accessCode, typed))
	f, _ := s.view.ObjectByClaim(directory.AccessCodeClaim(hash)).(*directory.Federation)
	return f
}

// codeUnknown is the one answer to every code that admits nobody.
func codeUnknown() *directory.Error {
	return &directory.Error{Kind: directory.KindNotFound, Code: "code_unknown", Field: "/access_code", Detail: "This code admits nobody."}
}
