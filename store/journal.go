package store

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"

	"github.com/pbx-interlink/interlink/directory"
)

// journalEntry is one write, or a note with Seq 0.
type journalEntry struct {
	Seq    uint64          `json:"seq"`
	At     int64           `json:"at"` // ms
	Deltas json.RawMessage `json:"deltas,omitempty"`
	Line   *auditLine      `json:"line,omitempty"`
	// Audit stood in place of Line before entries were chained.
	Audit json.RawMessage `json:"audit,omitempty"`
}

// journal is the file of writes since the snapshot.
type journal struct {
	file *os.File
	// size is the file's, snapshot that of the snapshot before it, in octets.
	size, snapshot int64
}

// openJournal carries a journal's writes over into the state and opens it for
// more. A last line that is not whole was never acknowledged: it is cut off. A
// broken line before others is damage, and an error.
func openJournal(path string, state *state, log *slog.Logger) (*journal, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: the journal: %w", err)
	}
	good, err := eachLine(content, state.replay)
	if err != nil {
		return nil, fmt.Errorf("store: the journal %s: %w", path, err)
	}
	if good < len(content) {
		log.Warn("the journal's last line is torn; the write was never acknowledged and is cut off", "octets", len(content)-good)
	}
	f, err := openAt(path, int64(good))
	if err != nil {
		return nil, fmt.Errorf("store: the journal: %w", err)
	}
	return &journal{file: f, size: int64(good)}, nil
}

// append puts a write or a note on the disk.
func (d *dataDir) append(out outcome, deltas string) error {
	body, err := json.Marshal(journalEntry{Seq: out.seq, At: out.ms, Deltas: json.RawMessage(deltas), Line: &out.line})
	if err != nil {
		return err
	}
	n, err := d.journal.file.Write(appendLine(nil, body))
	d.journal.size += int64(n)
	if err != nil {
		return err
	}
	return d.journal.file.Sync()
}

func (j *journal) close() error { return j.file.Close() }

// compactAt is the least size of a journal that is worth a snapshot.
const compactAt = 8 << 20

// compact replaces snapshot and journal by a new snapshot once the journal has
// outgrown the old one. A crash at any point leaves a snapshot and a journal
// that together hold every write: writes the snapshot has are passed over.
func (d *dataDir) compact(ctx context.Context) error {
	if d.journal.size < max(compactAt, d.journal.snapshot) {
		return nil
	}
	state, err := readState(ctx, d.client)
	if err != nil {
		return err
	}
	if d.journal.snapshot, err = state.write(d.path); err != nil {
		return err
	}
	if err := d.journal.file.Truncate(0); err != nil {
		return err
	}
	if _, err := d.journal.file.Seek(0, 0); err != nil {
		return err
	}
	d.journal.size = 0
	return d.journal.file.Sync()
}

// replay carries one journal line over into the state.
func (s *state) replay(body []byte) error {
	var e journalEntry
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	if e.Line == nil {
		e.Line = &auditLine{Seq: e.Seq, At: e.At, Data: e.Audit}
	}
	if e.Seq == 0 && e.Line.N > s.lastLine() {
		s.audit = append(s.audit, *e.Line)
	}
	if e.Seq <= s.seq {
		return nil // a note, or the snapshot has it
	}
	if e.Seq != s.seq+1 {
		return fmt.Errorf("write %d follows write %d", e.Seq, s.seq)
	}
	var deltas []entryDelta
	if err := json.Unmarshal(e.Deltas, &deltas); err != nil {
		return err
	}
	for _, d := range deltas {
		ref := directory.Ref{Kind: d.Kind, ID: d.ID}
		if len(d.After) == 0 {
			delete(s.objects, ref)
			continue
		}
		o, err := decodeObject(d.Kind, string(d.After))
		if err != nil {
			return err
		}
		s.objects[ref] = storedObject{o, objectValue(o.ObjectVersion(), d.After)}
	}
	s.seq = e.Seq
	s.audit = append(s.audit, *e.Line)
	return nil
}

// lastLine is the number of the newest audit entry.
func (s *state) lastLine() uint64 {
	if len(s.audit) == 0 {
		return 0
	}
	return s.audit[len(s.audit)-1].N
}
