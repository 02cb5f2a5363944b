package sip

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"math/bits"
	"net/netip"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// sealParam is the URI parameter of our Record-Route that carries a sealed pass.
const sealParam = "il"

// pass is what any node needs to serve a call's in-dialog requests without the
// store and without having seen the call: it travels, sealed, in our
// Record-Route URI and comes back in the Route header of every such request.
type pass struct {
	lease routing.LeaseID
	// callerTag is a hash of the caller's tag; it tells which side a request
	// comes from.
	callerTag uint64
	// callID is a hash of the Call-ID: a pass serves its own call only.
	callID uint64
	// listener is where the callee was reached from.
	listener uint8
	// callerAddr is where the INVITE came from, calleeAddr where it went: the
	// fallback where a dialog's URIs name a host we do not resolve.
	callerAddr, calleeAddr netip.AddrPort
	// accounts are the caller's and the callee's as appendAccounts writes them. In a
	// pass that was opened they are good until the next one is.
	accounts []byte
}

const passVersion = 3

// secrets holds what is derived from the cluster key.
type secrets struct {
	aead     cipher.AEAD
	leaseKey []byte
	loopKey  uint64
}

func newSecrets(clusterKey []byte) (*secrets, error) {
	derive := func(use string, n int) ([]byte, error) {
		return hkdf.Key(sha256.New, clusterKey, nil, "interlink "+use, n)
	}
	passKey, err := derive("record-route pass", 32)
	if err != nil {
		return nil, err
	}
	leaseKey, err := derive("lease id", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(passKey)
	if err != nil {
		return nil, err
	}
	// A random 96-bit nonce for each of fewer than 2^32 passes per key keeps
	// within NIST SP 800-38D §8.3.
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	loopKey, err := derive("loop hash", 8)
	if err != nil {
		return nil, err
	}
	return &secrets{aead, leaseKey, binary.BigEndian.Uint64(loopKey)}, nil
}

// mix hashes b from a start, eight octets at a time: multiply and fold, as wyhash
// does. Who does not know the start cannot look for two that have the same.
func mix(start uint64, b []byte) uint64 {
	h, rest := start, b
	for ; len(rest) > 8; rest = rest[8:] {
		h = fold(h^binary.LittleEndian.Uint64(rest), mixBy)
	}
	var last uint64
	if len(b) >= 8 { // what came before may be in it, too
		last = binary.LittleEndian.Uint64(b[len(b)-8:])
	} else {
		for i, c := range rest {
			last |= uint64(c) << (8 * i)
		}
	}
	return fold(fold(h^last, mixBy), mixBy^uint64(len(b)))
}

func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

const (
	mixStart = 0x9e3779b97f4a7c15
	mixBy    = 0xa0761d6478bd642f
)

// hopsHash is the loop hash of what decides a request's way: the same on every
// node, and not to be guessed without the cluster key.
func (k *secrets) hopsHash(b []byte) uint64 { return mix(k.loopKey, b) }

// callIDHash tells whether a pass is of the call at hand; without the cluster key
// nobody can look for two Call-IDs that have the same.
func (k *secrets) callIDHash(id []byte) uint64 { return mix(k.loopKey, id) }

// tagHash tells tags of one dialog apart.
func tagHash(tag []byte) uint64 { return mix(mixStart, tag) }

// appendPass seals a pass and appends it as passText. scratch is reused.
func (k *secrets) appendPass(dst []byte, p *pass, scratch []byte) (out, reuse []byte) {
	b := append(scratch[:0], passVersion, p.listener)
	b = append(b, p.lease[:]...)
	b = binary.BigEndian.AppendUint64(b, p.callerTag)
	b = binary.BigEndian.AppendUint64(b, p.callID)
	b = appendAddr(b, p.callerAddr)
	b = appendAddr(b, p.calleeAddr)
	b = append(b, p.accounts...)
	plain := len(b)
	b = k.aead.Seal(b, nil, b[:plain], nil)
	return passText.AppendEncode(dst, b[plain:]), b
}

// passText is base64url with . and ~ for E and e, all of them unreserved (§25.1).
// Without an e no pass ever holds "CSeq", which at least SIPp looks for anywhere
// in a message; by chance one call in some ten thousand failed. Strict: one pass
// has one spelling.
var passText = base64.NewEncoding(
	"ABCD.FGHIJKLMNOPQRSTUVWXYZabcd~fghijklmnopqrstuvwxyz0123456789-_").WithPadding(base64.NoPadding).Strict()

var errPass = errors.New("sip: not a pass of this cluster")

// passSpace is room for a pass, sealed and open.
type passSpace struct{ sealed, plain [256]byte }

// openPass undoes appendPass; it fails for whatever this cluster did not seal.
// What is in space does not matter, before or after.
func (k *secrets) openPass(p *pass, text []byte, space *passSpace) error {
	if passText.DecodedLen(len(text)) > len(space.sealed) {
		return errPass
	}
	n, err := passText.Decode(space.sealed[:], text)
	if err != nil {
		return errPass
	}
	b, err := k.aead.Open(space.plain[:0], nil, space.sealed[:n], nil)
	if err != nil || len(b) < 34 || b[0] != passVersion {
		return errPass
	}
	p.listener = b[1]
	copy(p.lease[:], b[2:18])
	p.callerTag = binary.BigEndian.Uint64(b[18:26])
	p.callID = binary.BigEndian.Uint64(b[26:34])
	b = b[34:]
	if !takeAddr(&b, &p.callerAddr) || !takeAddr(&b, &p.calleeAddr) {
		return errPass
	}
	p.accounts = b
	return nil
}

// appendAccounts writes account ids, each after its length; no id is longer than
// 64 octets.
func appendAccounts(b []byte, ids ...directory.AccountID) []byte {
	for _, id := range ids {
		id = id[:min(len(id), 64)]
		b = append(append(b, byte(len(id))), id...)
	}
	return b
}

// of reports whether an account is one of the call's two.
func (p *pass) of(id directory.AccountID) bool {
	for b := p.accounts; len(b) > 0 && len(b) > int(b[0]); b = b[1+int(b[0]):] {
		if string(b[1:1+int(b[0])]) == string(id) {
			return true
		}
	}
	return false
}

func appendAddr(b []byte, a netip.AddrPort) []byte {
	ip := a.Addr().AsSlice()
	b = append(append(b, byte(len(ip))), ip...)
	return binary.BigEndian.AppendUint16(b, a.Port())
}

func takeAddr(b *[]byte, a *netip.AddrPort) bool {
	if len(*b) < 1 {
		return false
	}
	n := int((*b)[0])
	if len(*b) < 3+n {
		return false
	}
	ip, ok := netip.AddrFromSlice((*b)[1 : 1+n])
	*a = netip.AddrPortFrom(ip, binary.BigEndian.Uint16((*b)[1+n:]))
	*b = (*b)[3+n:]
	return ok
}

// leaser derives lease ids; one per shard, because it keeps its hash state.
type leaser struct {
	mac hash.Hash
	buf []byte
	sum [sha256.Size]byte
}

func newLeaser(k *secrets) *leaser { return &leaser{mac: hmac.New(sha256.New, k.leaseKey)} }

// lease names the call an INVITE asks for: the same request gives the same
// lease on any node; another transaction (a retry with credentials) another.
func (l *leaser) lease(callID, fromTag []byte, cseq uint32, branch, sentBy []byte) (id routing.LeaseID) {
	b := append(append(l.buf[:0], callID...), '|')
	b = append(append(b, fromTag...), '|')
	b = binary.BigEndian.AppendUint32(b, cseq)
	b = append(append(b, branch...), '|')
	l.buf = append(b, sentBy...)
	l.mac.Reset()
	l.mac.Write(l.buf)
	copy(id[:], l.mac.Sum(l.sum[:0]))
	return id
}
