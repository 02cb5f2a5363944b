package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"

	"github.com/redis/go-redis/v9"
)

// dataDir is where an embedded store keeps what must survive the process:
//
//	lock            held by the one process that uses the directory
//	snapshot        the directory at one moment
//	journal         every change since, on the disk before it is acknowledged
//	records.log     call records, the newest; records.1.log the ones before
//	books           what calls have cost, the minutes used, and such calls that run
//	deliveries      how far webhooks have been told, and the last attempts
//
// Each line of a file is a checksum, a space, JSON. Files are for their owner
// only: they hold what accounts call each other, and sealed keys.
type dataDir struct {
	path    string
	lock    *os.File
	client  *redis.Client
	log     *slog.Logger
	audit   int64
	journal *journal
	records *recordFile
	books   *bookFile
	// deliveries is how far webhooks have been told.
	deliveries *deliveryFile
}

func openDataDir(cfg Config, client *redis.Client) (_ *dataDir, err error) {
	d := &dataDir{path: cfg.DataDir, client: client, log: cfg.Log, audit: cfg.AuditKept}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return nil, fmt.Errorf("store: the data directory: %w", err)
	}
	if d.lock, err = lockFile(filepath.Join(d.path, "lock")); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	ctx := context.Background()
	state, err := readSnapshot(d.file("snapshot"))
	if err != nil {
		return nil, err
	}
	if d.journal, err = openJournal(d.file("journal"), state, d.log); err != nil {
		return nil, err
	}
	d.journal.snapshot = state.size
	keys, err := newTrailKeys(cfg.ClusterKey)
	if err != nil {
		return nil, err
	}
	state.chain(keys)
	if err := state.restore(ctx, client, d.audit); err != nil {
		return nil, fmt.Errorf("store: the directory was not restored: %w", err)
	}
	d.log.Info("directory restored from disk", "objects", len(state.objects), "seq", state.seq)
	if d.records, err = openRecordFile(d.path, cfg, client); err != nil {
		return nil, err
	}
	ledger := newLedgerKeys(cfg.Domain)
	if d.books, err = openBookFile(d.file("books"), ledger, d.log); err != nil {
		return nil, err
	}
	if err := d.books.restore(ctx, client, ledger, state.objects); err != nil {
		return nil, fmt.Errorf("store: the books were not restored: %w", err)
	}
	if d.deliveries, err = openDeliveryFile(d.file("deliveries"), d.log); err != nil {
		return nil, err
	}
	if err := d.deliveries.restore(ctx, client, state.objects); err != nil {
		return nil, fmt.Errorf("store: the deliveries were not restored: %w", err)
	}
	return d, nil
}

func (d *dataDir) file(name string) string { return filepath.Join(d.path, name) }

func (d *dataDir) close() error {
	var errs []error
	if d.records != nil {
		errs = append(errs, d.records.close())
	}
	if d.books != nil {
		errs = append(errs, d.books.close())
	}
	if d.deliveries != nil {
		errs = append(errs, d.deliveries.close())
	}
	if d.journal != nil {
		errs = append(errs, d.journal.close())
	}
	return errors.Join(append(errs, d.lock.Close())...)
}

// lockFile takes a lock that ends with the process, however it ends.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("store: the data directory: %w", err)
	}
	if err := lockExclusively(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("store: another process uses the data directory %s", filepath.Dir(path))
	}
	return f, nil
}

// readFile is os.ReadFile where a file that is missing is empty.
func readFile(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// appendLine adds one line: CRC-32C in hexadecimal, a space, the body.
func appendLine(b, body []byte) []byte {
	b = fmt.Appendf(b, "%08x ", crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
	return append(append(b, body...), '\n')
}

// openLine returns the body of a line without its newline.
func openLine(line []byte) (body []byte, ok bool) {
	sum, body, found := bytes.Cut(line, []byte{' '})
	if !found {
		return nil, false
	}
	want, err := strconv.ParseUint(string(sum), 16, 32)
	if err != nil || len(sum) != 8 {
		return nil, false
	}
	return body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) == uint32(want)
}

// eachLine calls f for the body of every line and returns the length of the whole
// ones. A last line that is not whole is left; a broken one before others is an
// error that names it.
func eachLine(content []byte, f func(body []byte) error) (good int, err error) {
	for n := 1; good < len(content); n++ {
		line, rest, whole := bytes.Cut(content[good:], []byte{'\n'})
		body, ok := openLine(line)
		if !whole || !ok {
			if len(rest) > 0 {
				return good, errors.New("line " + strconv.Itoa(n) + " is damaged and lines follow it; restore the data directory from a copy")
			}
			return good, nil
		}
		if err := f(body); err != nil {
			return good, fmt.Errorf("line %d: %w", n, err)
		}
		good += len(line) + 1
	}
	return good, nil
}

// openAt opens a file for writing, cut off at a length.
func openAt(path string, length int64) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	if err = f.Truncate(length); err == nil {
		_, err = f.Seek(length, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
