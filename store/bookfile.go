package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// bookSignOfLife is how often the file says that the process lives while calls
	// on terms run: they are booked up to then if it dies.
	bookSignOfLife = 10 * time.Second
	// bookFileMax is the least size at which the file is written anew, without
	// what has been overtaken.
	bookFileMax = 1 << 20
)

// bookFile keeps what an embedded store's meters have counted, and the calls on
// terms that run. Every line holds the fields that changed with the values they
// have since, so that what is read later outdoes what was read before, and a line
// read twice does no harm. Lines are handed to the system before the call's
// release is done, which survives the death of the process; they are forced onto
// the disk within a second, which survives that of the machine.
type bookFile struct {
	path   string
	prefix string // of the ledger's keys; the file goes without

	mu   sync.Mutex
	file *os.File
	// books is what the file says: per hash its fields. runs is how many of them
	// are calls.
	books map[string]map[string]string
	runs  int
	// size is the file's in octets, least what it had when it was last written anew.
	size, least int64
	// at is the time of the last line, in ms.
	at int64
	// dirty: not all is forced onto the disk.
	dirty bool
}

// bookLine is one line: the fields that changed, per hash; "" for one that is
// gone.
type bookLine struct {
	At    int64                        `json:"at"` // ms
	Books map[string]map[string]string `json:"books,omitempty"`
}

func openBookFile(path string, keys ledgerKeys, log *slog.Logger) (*bookFile, error) {
	b := &bookFile{path: path, prefix: keys.prefix, books: map[string]map[string]string{}}
	content, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("store: the books: %w", err)
	}
	good, err := eachLine(content, func(body []byte) error {
		var l bookLine
		if err := json.Unmarshal(body, &l); err != nil {
			return err
		}
		b.enter(l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: the books %s: %w", path, err)
	}
	if good < len(content) {
		log.Warn("the books' last line is torn; what it told was never acknowledged and is cut off", "octets", len(content)-good)
	}
	if b.file, err = openAt(path, int64(good)); err != nil {
		return nil, fmt.Errorf("store: the books: %w", err)
	}
	b.size, b.least = int64(good), int64(good)
	return b, nil
}

// isRunning reports whether a field's value is a call that runs: see terms.lua.
func isRunning(value string) bool { return strings.Contains(value, " ") }

// enter carries a line over into what the file says.
func (b *bookFile) enter(l bookLine) {
	b.at = max(b.at, l.At)
	for key, fields := range l.Books {
		book := b.books[key]
		if book == nil {
			book = map[string]string{}
			b.books[key] = book
		}
		for field, value := range fields {
			if isRunning(book[field]) {
				b.runs--
			}
			if isRunning(value) {
				b.runs++
			}
			if book[field] = value; value == "" {
				delete(book, field)
			}
		}
		if len(book) == 0 {
			delete(b.books, key)
		}
	}
}

// restore fills an empty Redis. Nobody is there to give the calls back that ran:
// their leases have run out, granted the last time at the last sign of life, and
// the first look at the account books them.
func (b *bookFile) restore(ctx context.Context, c *redis.Client, keys ledgerKeys) error {
	p := c.Pipeline()
	over := b.at - callOutlives - 1
	granted := strconv.FormatInt(over-b.at, 10)
	for key, fields := range b.books {
		kind, account, _ := strings.Cut(key, ":")
		m := meter{directory.AccountID(account), kind == "talk"}
		for field, value := range fields {
			if isRunning(value) {
				words := strings.Fields(value)
				if len(words) == 4 {
					words[3] = granted
				}
				value = strings.Join(words, " ")
				p.ZAdd(ctx, keys.metered(m), redis.Z{Score: float64(over), Member: field})
				p.ZAdd(ctx, keys.meters(), redis.Z{Score: float64(over), Member: account})
			}
			p.HSet(ctx, keys.tally(m), field, value)
		}
		if p.Len() < restoreBatch {
			continue
		}
		if _, err := p.Exec(ctx); err != nil {
			return err
		}
	}
	if p.Len() == 0 {
		return nil
	}
	_, err := p.Exec(ctx)
	return err
}

// keep reads some hashes and writes down what has changed.
func (b *bookFile) keep(ctx context.Context, c *redis.Client, keys []string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	read := make(map[string]*redis.MapStringStringCmd, len(keys))
	_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, k := range keys {
			if read[k] == nil {
				read[k] = p.HGetAll(ctx, k)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	line := bookLine{Books: map[string]map[string]string{}}
	for k, cmd := range read {
		key := strings.TrimPrefix(k, b.prefix)
		if changed := difference(b.books[key], cmd.Val()); len(changed) > 0 {
			line.Books[key] = changed
		}
	}
	if len(line.Books) == 0 {
		return nil
	}
	if err := b.append(line); err != nil {
		return err
	}
	return b.compact()
}

// difference is what makes the second of the first; "" for a field to be gone.
func difference(before, after map[string]string) map[string]string {
	changed := map[string]string{}
	for field, value := range after {
		if before[field] != value {
			changed[field] = value
		}
	}
	for field := range before {
		if _, there := after[field]; !there {
			changed[field] = ""
		}
	}
	return changed
}

func (b *bookFile) append(l bookLine) error {
	l.At = time.Now().UnixMilli()
	body, err := json.Marshal(l)
	if err != nil {
		return err
	}
	n, err := b.file.Write(appendLine(nil, body))
	b.size, b.dirty = b.size+int64(n), true
	if err == nil {
		b.enter(l)
	}
	return err
}

// compact writes the file anew once it has outgrown what it says. A crash at any
// point leaves the old file or the new one.
func (b *bookFile) compact() error {
	if b.size < max(bookFileMax, 4*b.least) {
		return nil
	}
	body, err := json.Marshal(bookLine{At: b.at, Books: b.books})
	if err != nil {
		return err
	}
	line := appendLine(nil, body)
	next, err := os.OpenFile(b.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(line)
	if err = errors.Join(err, next.Sync()); err == nil {
		err = os.Rename(next.Name(), b.path)
	}
	if err != nil {
		return errors.Join(err, next.Close())
	}
	err = b.file.Close()
	b.file, b.size, b.least = next, int64(len(line)), int64(len(line))
	return errors.Join(err, syncDir(filepath.Dir(b.path)))
}

// beat says that the process lives where that matters, and forces what was
// written onto the disk.
func (b *bookFile) beat(now time.Time) error {
	b.mu.Lock()
	var err error
	if b.runs > 0 && now.UnixMilli()-b.at >= bookSignOfLife.Milliseconds() {
		err = b.append(bookLine{})
	}
	file, dirty := b.file, b.dirty
	b.dirty = false
	b.mu.Unlock()
	if err != nil || !dirty {
		return err
	}
	// Nobody waits for the disk: where the file was written anew meanwhile, that
	// one has been forced already.
	if err := file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

func (b *bookFile) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.runs > 0 {
		err = b.append(bookLine{})
	}
	return errors.Join(err, b.file.Sync(), b.file.Close())
}
