package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// recordFileMax is when a file of call records is put aside for a new one. One
// file before it is kept.
const recordFileMax = 64 << 20

// recordFile keeps an embedded store's call records. They are handed to the
// system one by one, which survives the death of the process, and not forced
// onto the disk one by one.
type recordFile struct {
	dir  string
	file *os.File
	size int64
}

// recordLine is one record in one account's log.
type recordLine struct {
	Account directory.AccountID `json:"account"`
	ID      string              `json:"id"`
	Record  string              `json:"record"`
}

func recordPath(dir string) string    { return filepath.Join(dir, "records.log") }
func oldRecordPath(dir string) string { return filepath.Join(dir, "records.1.log") }

func openRecordFile(dir string, cfg Config, c *redis.Client) (*recordFile, error) {
	var records []recordLine
	var good int64
	for _, path := range []string{oldRecordPath(dir), recordPath(dir)} {
		lines, whole, bad, err := readRecords(path)
		if err != nil {
			return nil, fmt.Errorf("store: the call records: %w", err)
		}
		if bad > 0 {
			cfg.Log.Warn("damaged call records are left out", "file", path, "records", bad)
		}
		records, good = append(records, lines...), whole
	}
	if err := restoreRecords(c, cfg.RecordsPerAccount, records); err != nil {
		return nil, fmt.Errorf("store: the call records: %w", err)
	}
	f, err := openAt(recordPath(dir), good)
	if err != nil {
		return nil, fmt.Errorf("store: the call records: %w", err)
	}
	return &recordFile{dir: dir, file: f, size: good}, nil
}

// readRecords returns a file's records, the length of its whole lines and how
// many of them are damaged. An incomplete last line is not counted.
func readRecords(path string) (records []recordLine, whole int64, bad int, err error) {
	content, err := readFile(path)
	if err != nil {
		return nil, 0, 0, err
	}
	for {
		line, rest, complete := bytes.Cut(content, []byte{'\n'})
		if !complete {
			return records, whole, bad, nil
		}
		whole += int64(len(line)) + 1
		content = rest
		body, ok := openLine(line)
		var r recordLine
		if !ok || json.Unmarshal(body, &r) != nil {
			bad++
			continue
		}
		records = append(records, r)
	}
}

// restoreRecords files the newest records of each account under the ids they
// had.
func restoreRecords(c *redis.Client, kept int64, records []recordLine) error {
	ctx := context.Background()
	left := map[directory.AccountID]int64{}
	last := latest{}
	for _, r := range records {
		left[r.Account]++
		if parsed, err := parseRecord(r.Account, r.ID, r.Record); err == nil {
			last.add(r.Account, millis(parsed.Started))
		}
	}
	if cmd := last.send(ctx, c); cmd != nil && cmd.Err() != nil && !errors.Is(cmd.Err(), redis.Nil) {
		return cmd.Err()
	}
	p := c.Pipeline()
	for i, r := range records {
		if left[r.Account]--; left[r.Account] < kept {
			p.XAdd(ctx, &redis.XAddArgs{Stream: keyCallLog(r.Account), ID: r.ID, Values: []any{"r", r.Record}})
		}
		if p.Len() < restoreBatch && i < len(records)-1 {
			continue
		}
		// A record that stands twice is refused the second time.
		if _, err := p.Exec(ctx); err != nil && !refused(err) {
			return err
		}
	}
	return nil
}

func (f *recordFile) append(account directory.AccountID, id, record string) error {
	body, err := json.Marshal(recordLine{Account: account, ID: id, Record: record})
	if err != nil {
		return err
	}
	if f.size >= recordFileMax {
		if err := f.rotate(); err != nil {
			return err
		}
	}
	n, err := f.file.Write(appendLine(nil, body))
	f.size += int64(n)
	return err
}

func (f *recordFile) rotate() error {
	if err := os.Rename(recordPath(f.dir), oldRecordPath(f.dir)); err != nil {
		return err
	}
	next, err := os.OpenFile(recordPath(f.dir), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	err = f.file.Close()
	f.file, f.size = next, 0
	return err
}

func (f *recordFile) close() error { return errors.Join(f.file.Sync(), f.file.Close()) }
