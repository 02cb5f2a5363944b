package store

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// state is the directory as it lies on the disk.
type state struct {
	seq     uint64
	objects map[directory.Ref]storedObject
	audit   []auditLine
	// size is the snapshot's, in octets.
	size int64
}

type storedObject struct {
	object directory.Object
	// value is what the object's hash holds.
	value string
}

// snapshotHeader is the first line; the objects' lines follow, then the audit's.
type snapshotHeader struct {
	Format  int    `json:"format"`
	Seq     uint64 `json:"seq"`
	Objects int    `json:"objects"`
	Audit   int    `json:"audit"`
	// Numbers is how many of the objects are numbers; 0 where nobody counted.
	Numbers int `json:"numbers,omitempty"`
}

type snapshotObject struct {
	Kind directory.Kind  `json:"kind"`
	Body json.RawMessage `json:"body"`
}

const snapshotFormat = 1

// readSnapshot reads a snapshot; one that is missing is empty. It was renamed
// into place whole, so anything amiss in it is damage.
func readSnapshot(path string) (*state, error) {
	s := &state{objects: map[directory.Ref]storedObject{}}
	content, err := readFile(path)
	if err != nil || len(content) == 0 {
		return s, err
	}
	s.size = int64(len(content))
	damaged := func(line int, err error) error {
		return fmt.Errorf("store: line %d of the snapshot %s is damaged (%v); restore the data directory from a copy", line, path, err)
	}
	var header snapshotHeader
	lines := bytes.Split(bytes.TrimSuffix(content, []byte{'\n'}), []byte{'\n'})
	for i, line := range lines {
		body, ok := openLine(line)
		if !ok {
			return nil, damaged(i+1, errors.New("checksum"))
		}
		switch {
		case i == 0:
			if err = json.Unmarshal(body, &header); err == nil && header.Format != snapshotFormat {
				return nil, fmt.Errorf("store: the snapshot %s has format %d; this version reads %d", path, header.Format, snapshotFormat)
			}
			s.seq = header.Seq
		case i <= header.Objects:
			err = s.addObject(body)
		default:
			var a auditLine
			err = json.Unmarshal(body, &a)
			s.audit = append(s.audit, a)
		}
		if err != nil {
			return nil, damaged(i+1, err)
		}
	}
	if want := 1 + header.Objects + header.Audit; len(lines) != want {
		return nil, damaged(len(lines), fmt.Errorf("%d lines of %d", len(lines), want))
	}
	return s, nil
}

func (s *state) addObject(body []byte) error {
	var line snapshotObject
	if err := json.Unmarshal(body, &line); err != nil {
		return err
	}
	o, err := decodeObject(line.Kind, string(line.Body))
	if err != nil {
		return err
	}
	s.objects[o.Ref()] = storedObject{o, objectValue(o.ObjectVersion(), line.Body)}
	return nil
}

// readState reads what the embedded Redis holds. The caller lets nobody write
// meanwhile.
func readState(ctx context.Context, c *redis.Client) (*state, error) {
	s := &state{objects: map[directory.Ref]storedObject{}}
	seq, err := c.Get(ctx, keySeq).Uint64()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	s.seq = seq
	for _, kind := range directory.Kinds() {
		values, err := c.HGetAll(ctx, keyObjects(kind)).Result()
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			o, err := parseObject(kind, v)
			if err != nil {
				return nil, err
			}
			s.objects[o.Ref()] = storedObject{o, v}
		}
	}
	entries, err := c.XRange(ctx, keyAudit, "-", "+").Result()
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		line, err := parseLine(e)
		if err != nil {
			return nil, err
		}
		s.audit = append(s.audit, line)
	}
	return s, nil
}

// write puts the state into dir as its snapshot, whole or not at all, and
// returns its size.
func (s *state) write(dir string) (size int64, err error) {
	f, err := os.OpenFile(filepath.Join(dir, "snapshot.new"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	line := func(v any) {
		body, e := json.Marshal(v)
		n, e2 := w.Write(appendLine(nil, body))
		size += int64(n)
		err = errors.Join(err, e, e2)
	}
	line(snapshotHeader{Format: snapshotFormat, Seq: s.seq, Objects: len(s.objects), Audit: len(s.audit)})
	for ref, o := range s.objects {
		_, body, _ := bytes.Cut([]byte(o.value), []byte{' '})
		line(snapshotObject{Kind: ref.Kind, Body: body})
	}
	for _, a := range s.audit {
		line(a)
	}
	if err = errors.Join(err, w.Flush(), f.Sync(), f.Close()); err != nil {
		return 0, err
	}
	if err := os.Rename(f.Name(), filepath.Join(dir, "snapshot")); err != nil {
		return 0, err
	}
	return size, syncDir(dir)
}

const restoreBatch = 1000

// restore fills an empty Redis with the state: the objects, and what apply.lua
// keeps beside them.
func (s *state) restore(ctx context.Context, c *redis.Client, audit int64) error {
	p := c.Pipeline()
	flush := func(least int) error {
		if p.Len() < least || p.Len() == 0 {
			return nil
		}
		_, err := p.Exec(ctx)
		return err
	}
	dependents := map[string]int{}
	for ref, o := range s.objects {
		p.HSet(ctx, keyObjects(ref.Kind), ref.ID, o.value)
		for _, claim := range o.object.Claims() {
			p.HSet(ctx, keyClaims, claim, refText(ref))
		}
		for _, r := range refTexts(o.object.Requires()) {
			dependents[r]++
		}
		if err := flush(restoreBatch); err != nil {
			return err
		}
	}
	for ref, n := range dependents {
		p.HSet(ctx, keyDependents, ref, n)
		if err := flush(restoreBatch); err != nil {
			return err
		}
	}
	if over := len(s.audit) - int(audit); over > 0 {
		s.audit = s.audit[over:]
	}
	for _, l := range s.audit {
		p.XAdd(ctx, l.stream())
		for account := range strings.FieldsSeq(l.Accounts) {
			p.ZAdd(ctx, keyTrailOf+account, redis.Z{Score: float64(l.N), Member: l.id()})
		}
		if err := flush(restoreBatch); err != nil {
			return err
		}
	}
	if n := len(s.audit); n > 0 {
		last := s.audit[n-1]
		p.HSet(ctx, keyChain, "n", last.N, "ms", last.At, "hash", last.Hash, "first", s.audit[0].N)
	}
	if s.seq > 0 {
		p.Set(ctx, keySeq, s.seq, 0)
	}
	return flush(1)
}
