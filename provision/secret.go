package provision

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
)

// secrets are the keys derived from the cluster key, one per use (RFC 5869).
type secrets struct {
	// lookup hashes authorization keys so that one is found without being kept.
	lookup []byte
	// cursor signs cursors.
	cursor []byte
	// keys seals authorization keys.
	keys sealer
	// credentials seals what accounts log in to their providers with.
	credentials sealer
}

func newSecrets(cluster []byte) (*secrets, error) {
	s := &secrets{}
	var err error
	derive := func(use string) []byte {
		k, e := hkdf.Key(sha256.New, cluster, nil, "interlink provision "+use, 32)
		err = errors.Join(err, e)
		return k
	}
	s.lookup, s.cursor = derive("authorization key lookup"), derive("cursor")
	seal, credentials := derive("authorization key seal"), derive("provider credentials seal")
	if err != nil {
		return nil, fmt.Errorf("provision: derive keys: %w", err)
	}
	if s.keys, err = newSealer(seal); err != nil {
		return nil, err
	}
	s.credentials, err = newSealer(credentials)
	return s, err
}

// sum is HMAC-SHA-256.
func sum(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}

// sealer encrypts with AES-256-GCM, the random nonce in front.
type sealer struct{ aead cipher.AEAD }

func newSealer(key []byte) (sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, fmt.Errorf("provision: cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return sealer{}, fmt.Errorf("provision: cipher: %w", err)
	}
	return sealer{aead}, nil
}

// seal binds what is sealed to a place; it opens nowhere else.
func (s sealer) seal(plain []byte, place string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce) // never fails
	return s.aead.Seal(nonce, nonce, plain, []byte(place))
}

func (s sealer) open(sealed []byte, place string) ([]byte, error) {
	n := s.aead.NonceSize()
	if len(sealed) < n {
		return nil, errors.New("too short")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], []byte(place))
}
