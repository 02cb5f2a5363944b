package provision

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/pbx-interlink/interlink/directory"
)

// A password has so many characters.
const (
	minPassword = 12
	maxPassword = 128
)

// What a hash costs: the least that OWASP's Password Storage Cheat Sheet asks of
// argon2id (RFC 9106). The memory is a setting.
const (
	defaultPasswordMemory = 19 * 1024 // KiB
	passwordPasses        = 2
	passwordLanes         = 1
	passwordSalt          = 16 // octets
	passwordSum           = 32 // octets
)

// maxHashing bounds the requests that wait for a hash; more are told to come
// again.
const maxHashing = 64

// passwords hashes, a few at a time: however many log in, most of the machine is
// left for calls.
type passwords struct {
	memory  uint32 // KiB
	turns   chan struct{}
	waiting atomic.Int32
	// dummy is what the password of an unknown user is compared with, so that it
	// takes as long as a known one's.
	dummy string
}

func newPasswords(memory uint32) *passwords {
	p := &passwords{memory: memory, turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	p.dummy = p.encode(randomOctets(passwordSalt), randomOctets(passwordSum))
	return p
}

func randomOctets(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return b
}

// turn waits until a hash may be computed; the caller calls done behind it.
func (p *passwords) turn(ctx context.Context) (done func(), err error) {
	if p.waiting.Add(1) > maxHashing {
		p.waiting.Add(-1)
		return nil, &directory.Error{Kind: directory.KindUnavailable, Code: "busy", Detail: "Too many passwords are being checked; try again."}
	}
	defer p.waiting.Add(-1)
	select {
	case p.turns <- struct{}{}:
		return func() { <-p.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// hash returns a password in the PHC string format.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	done, err := p.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	salt := randomOctets(passwordSalt)
	return p.encode(salt, argon2.IDKey([]byte(password), salt, passwordPasses, p.memory, passwordLanes, passwordSum)), nil
}

func (p *passwords) encode(salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("%sv=%d$m=%d,t=%d,p=%d$%s$%s", phcPrefix, argon2.Version, p.memory, passwordPasses, passwordLanes, b64(salt), b64(sum))
}

const phcPrefix = "$argon2id$"

// verify reports whether a password is the one that was hashed. An empty hash
// fits none, and takes as long.
func (p *passwords) verify(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.dummy
	}
	done, err := p.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	h, err := parsePHC(hash)
	if err != nil {
		return false, err
	}
	sum := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1 && known, nil
}

// outdated reports whether a hash was made at another cost than is usual now.
func (p *passwords) outdated(hash string) bool {
	h, err := parsePHC(hash)
	return err != nil || h.memory != p.memory || h.passes != passwordPasses || h.lanes != passwordLanes
}

// phc is a parsed argon2id hash.
type phc struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

func parsePHC(s string) (h phc, err error) {
	// The error never repeats the hash.
	bad := fmt.Errorf("provision: a stored password hash is malformed")
	fields := strings.Split(strings.TrimPrefix(s, phcPrefix), "$")
	if !strings.HasPrefix(s, phcPrefix) || len(fields) != 4 || fields[0] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, bad
	}
	if n, err := fmt.Sscanf(fields[1], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); n != 3 || err != nil || h.passes == 0 || h.lanes == 0 {
		return h, bad
	}
	for i, to := range []*[]byte{&h.salt, &h.sum} {
		if *to, err = base64.RawStdEncoding.DecodeString(fields[2+i]); err != nil || len(*to) == 0 {
			return h, bad
		}
	}
	return h, nil
}

// checkPassword holds for every password a person chooses.
func checkPassword(pointer, password, email string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword || n > maxPassword:
		return directory.Invalid(pointer, "password_length", "A password has %d to %d characters.", minPassword, maxPassword)
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return directory.Invalid(pointer, "password_invalid", "A password has no control characters.")
	case strings.EqualFold(password, email) || strings.Trim(password, password[:1]) == "":
		return directory.Invalid(pointer, "password_weak", "The password is the email address or one character over and over.")
	}
	return nil
}

// newPassword returns a generated password: 24 symbols, 120 random bits, in
// groups of four.
func newPassword() string {
	b := randomOctets(24)
	for i := range b {
		b[i] = keySymbols[b[i]%32]
	}
	return strings.ToLower(grouped(string(b)))
}
