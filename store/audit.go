package store

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// auditData is what an entry of the audit trail says.
type auditData struct {
	Actor   directory.Actor         `json:"actor"`
	Note    *directory.Note         `json:"note,omitempty"`
	Changes []directory.AuditChange `json:"changes,omitempty"`
}

// auditText is an entry made ready for the script.
type auditText struct {
	data, mac string
	// accounts are all that may find the entry, with a space between two.
	accounts string
}

// auditLine is an entry as audit.lua wrote it.
type auditLine struct {
	// N counts entries from 1; 0 in what was written before they were chained.
	N uint64 `json:"n,omitempty"`
	// Seq is the number of the write in the change stream; 0 for a note.
	Seq      uint64          `json:"seq"`
	At       int64           `json:"at"` // ms
	Accounts string          `json:"acc,omitempty"`
	Data     json.RawMessage `json:"data"`
	MAC      string          `json:"mac,omitempty"`
	Prev     string          `json:"prev,omitempty"`
	Hash     string          `json:"hash,omitempty"`
}

// id is the entry's id in the stream.
func (l *auditLine) id() string { return trailID(directory.AuditPosition{Ms: l.At, Number: l.N}) }

func trailID(p directory.AuditPosition) string { return fmt.Sprintf("%d-%d", p.Ms, p.Number) }

func parseTrailID(id string) (p directory.AuditPosition, err error) {
	ms, number, ok := strings.Cut(id, "-")
	if !ok {
		return p, fmt.Errorf("store: the audit entry %q has no number", id)
	}
	if p.Ms, err = strconv.ParseInt(ms, 10, 64); err == nil {
		p.Number, err = strconv.ParseUint(number, 10, 64)
	}
	return p, err
}

// sum is the entry's hash, as audit.lua forms it. SHA-1 is what Redis has; what
// it is worth comes from the MAC of each entry and from the seal.
func (l *auditLine) sum() string {
	sum := sha1.Sum([]byte(strings.Join([]string{l.Prev, l.id(), strconv.FormatUint(l.Seq, 10), l.Accounts, l.MAC, string(l.Data)}, "\n")))
	return hex.EncodeToString(sum[:])
}

// trailKeys are the keys by which nodes vouch for the trail: whoever can write
// to Redis and does not know the cluster key forges neither an entry nor a seal.
type trailKeys struct{ entry, seal []byte }

func newTrailKeys(clusterKey []byte) (k trailKeys, err error) {
	if k.entry, err = hkdf.Key(sha256.New, clusterKey, nil, "interlink audit entry", 32); err != nil {
		return k, err
	}
	k.seal, err = hkdf.Key(sha256.New, clusterKey, nil, "interlink audit seal", 32)
	return k, err
}

func (k trailKeys) macOf(data string) string { return macText(k.entry, data) }

func macText(key []byte, parts ...string) string {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// text makes an entry ready.
func (k trailKeys) text(d auditData) (auditText, error) {
	body, err := json.Marshal(d)
	if err != nil {
		return auditText{}, fmt.Errorf("store: an audit entry does not encode: %w", err)
	}
	var accounts []string
	add := func(paths []directory.AccountPath) {
		for _, path := range paths {
			for _, id := range path {
				accounts = append(accounts, string(id))
			}
		}
	}
	for _, c := range d.Changes {
		add(c.Paths)
	}
	if d.Note != nil {
		add(d.Note.Paths)
	}
	slices.Sort(accounts)
	return auditText{string(body), k.macOf(string(body)), strings.Join(slices.Compact(accounts), " ")}, nil
}

// auditChangeOf is what the trail keeps of a change.
func auditChangeOf(c directory.Change, paths []directory.AccountPath) (directory.AuditChange, error) {
	out := directory.AuditChange{Kind: c.Ref().Kind, ID: c.Ref().ID, Paths: paths}
	var err error
	if c.Before != nil {
		out.Before, err = json.Marshal(c.Before.Redacted())
	}
	if after := c.Written(); after != nil && err == nil {
		out.After, err = json.Marshal(after.Redacted())
	}
	if err != nil {
		return out, fmt.Errorf("store: %s %s does not encode: %w", out.Kind, out.ID, err)
	}
	return out, nil
}

// Note puts an act that changes nothing in the directory into the audit trail.
func (s *Store) Note(ctx context.Context, actor directory.Actor, note directory.Note) error {
	note.Paths = s.view.Paths(note.Accounts...)
	text, err := s.trailKeys.text(auditData{Actor: actor, Note: &note})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTimeout)
	defer cancel()
	done := s.metrics.roundTrip("note")
	defer done()
	run := func() (outcome, error) { return s.runNote(ctx, text) }
	if s.embedded != nil {
		_, err = s.embedded.keep("", run)
	} else {
		_, err = run()
	}
	return err
}

func (s *Store) runNote(ctx context.Context, text auditText) (outcome, error) {
	reply, err := s.scripts.note.run(ctx, s.client, []string{keyAudit, keyChain, keyTrailOf}, text.data, text.mac, text.accounts, s.cfg.AuditKept).Slice()
	if err != nil {
		return outcome{}, unavailable(err)
	}
	line, err := text.line(0, reply)
	return outcome{line: line}, err
}

// line is the entry the script made of a text: {id, prev, hash}.
func (t auditText) line(seq uint64, reply []any) (auditLine, error) {
	words := make([]string, 3)
	for i := range min(len(words), len(reply)) {
		words[i], _ = reply[i].(string)
	}
	at, err := parseTrailID(words[0])
	l := auditLine{
		N: at.Number, Seq: seq, At: at.Ms, Accounts: t.accounts, Data: json.RawMessage(t.data),
		MAC: t.mac, Prev: words[1], Hash: words[2],
	}
	if err == nil && l.sum() != l.Hash {
		err = errors.New("the script and this version form other hashes")
	}
	if err != nil {
		return l, unavailable(fmt.Errorf("audit answered %v: %w", reply, err))
	}
	return l, nil
}

// stream is the command that puts the entry into the stream.
func (l *auditLine) stream() *redis.XAddArgs {
	return &redis.XAddArgs{Stream: keyAudit, ID: l.id(), Values: []any{
		"seq", l.Seq, "acc", l.Accounts, "data", string(l.Data), "mac", l.MAC, "prev", l.Prev, "hash", l.Hash,
	}}
}

// parseLine reads an entry of the stream.
func parseLine(m redis.XMessage) (l auditLine, err error) {
	text := func(field string) string { t, _ := m.Values[field].(string); return t }
	at, err := parseTrailID(m.ID)
	if err != nil {
		return l, err
	}
	l = auditLine{
		N: at.Number, At: at.Ms, Accounts: text("acc"), Data: json.RawMessage(text("data")),
		MAC: text("mac"), Prev: text("prev"), Hash: text("hash"),
	}
	l.Seq, err = strconv.ParseUint(text("seq"), 10, 64)
	return l, err
}

// chain gives entries their places that were written before there was a chain.
func (s *state) chain(keys trailKeys) {
	for i := range s.audit {
		l := &s.audit[i]
		if l.N > 0 {
			continue
		}
		l.N, l.MAC = 1, keys.macOf(string(l.Data))
		if i > 0 {
			before := s.audit[i-1]
			l.N, l.At, l.Prev = before.N+1, max(l.At, before.At), before.Hash
		}
		l.Hash = l.sum()
	}
}
