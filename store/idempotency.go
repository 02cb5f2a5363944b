package store

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// answerKept is how long the answer to an idempotent request is repeated.
	answerKept = 24 * time.Hour
	// runningKept is how long a request may run before its key is free again;
	// so long is a key blocked whose process died.
	runningKept = time.Minute
)

// requestKeys are the keys of begin.lua and finish.lua.
func requestKeys(k directory.RequestKey) []string {
	if k.Owner == "" {
		return []string{keyIdempotency(k)}
	}
	return []string{keyIdempotency(k), keyIdempotencies(k.Owner)}
}

// Begin lets one request per scope and key through: it gets nil, nil and must
// call Finish or Abandon. A later one with the same fingerprint gets the stored
// answer, or KindConflict "idempotency_running"; one with another fingerprint
// KindInvalid "idempotency_mismatch". Beyond what the owner may have it is
// KindConflict "idempotency_full".
func (s *Store) Begin(ctx context.Context, k directory.RequestKey, fingerprint []byte) (done []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("idempotency")()
	sum := sha256.Sum256(fingerprint)
	reply, err := s.scripts.begin.run(ctx, s.client, requestKeys(k),
		hex.EncodeToString(sum[:]), runningKept.Milliseconds(), answerKept.Milliseconds(), k.Most).Slice()
	if err != nil {
		return nil, unavailable(err)
	}
	switch reply[0] {
	case int64(0):
		return nil, nil
	case int64(1):
		return nil, directory.Conflict("", "idempotency_running", "A request with this Idempotency-Key is still running.")
	case int64(2):
		return nil, directory.Invalid("", "idempotency_mismatch", "This Idempotency-Key was used with another request.")
	case int64(4):
		return nil, directory.Conflict("", "idempotency_full", "So many requests with an Idempotency-Key are not remembered.")
	}
	sealed, _ := reply[1].(string)
	done, err = s.seal.open([]byte(sealed), []byte(keyIdempotency(k)))
	if err != nil {
		return nil, unavailable(fmt.Errorf("a stored answer does not open with this cluster key: %w", err))
	}
	return done, nil
}

// Finish stores the answer of a request that Begin let through, sealed, for
// 24 hours.
func (s *Store) Finish(ctx context.Context, k directory.RequestKey, answer []byte) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	defer s.metrics.roundTrip("idempotency")()
	sealed := s.seal.close(answer, []byte(keyIdempotency(k)))
	if err := s.scripts.finish.run(ctx, s.client, requestKeys(k), sealed, answerKept.Milliseconds()).Err(); err != nil && !errors.Is(err, redis.Nil) {
		return unavailable(err)
	}
	return nil
}

// Abandon frees a key that Begin let through, so that the request can be made
// again.
func (s *Store) Abandon(ctx context.Context, k directory.RequestKey) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	_, err := s.client.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, keyIdempotency(k))
		if k.Owner != "" {
			p.ZRem(ctx, keyIdempotencies(k.Owner), keyIdempotency(k))
		}
		return nil
	})
	if err != nil {
		return unavailable(err)
	}
	return nil
}

// sealer keeps answers secret from who reads Redis: they may hold a generated
// password or a key.
type sealer struct{ aead cipher.AEAD }

func newSealer(clusterKey []byte) (*sealer, error) {
	key, err := hkdf.Key(sha256.New, clusterKey, nil, "interlink idempotent answers", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &sealer{aead}, nil
}

func (s *sealer) close(plain, about []byte) []byte { return s.aead.Seal(nil, nil, plain, about) }

func (s *sealer) open(sealed, about []byte) ([]byte, error) {
	if len(sealed) < s.aead.Overhead() {
		return nil, errors.New("too short")
	}
	// Never nil: an empty answer is an answer.
	return s.aead.Open([]byte{}, nil, sealed, about)
}

// randomPassword is for the embedded Redis.
func randomPassword() string { return rand.Text() }
