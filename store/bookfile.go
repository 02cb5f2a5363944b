package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// bookSignOfLife is how often the file says that the process lives while calls
// on terms run: they are booked up to then if it dies.
const bookSignOfLife = 10 * time.Second

// bookFile keeps what an embedded store's meters have counted, and the calls on
// terms that run. Every line holds the fields that changed with the values they
// have since, so that what is read later outdoes what was read before, and a line
// read twice does no harm. Lines are handed to the system before the call's
// release is done, which survives the death of the process; they are forced onto
// the disk within a second, which survives that of the machine.
type bookFile struct {
	*lineFile
	prefix string // of the ledger's keys; the file goes without
	// books is what the file says: per hash its fields. runs is how many of them
	// are calls.
	books map[string]map[string]string
	runs  int
	// at is the time of the last line, in ms.
	at int64
}

// bookLine is one line: the fields that changed, per hash; "" for one that is
// gone.
type bookLine struct {
	At    int64                        `json:"at"` // ms
	Books map[string]map[string]string `json:"books,omitempty"`
}

func openBookFile(path string, keys ledgerKeys, log *slog.Logger) (*bookFile, error) {
	b := &bookFile{prefix: keys.prefix, books: map[string]map[string]string{}}
	var err error
	b.lineFile, err = openLineFile(path, log, func(body []byte) error {
		var l bookLine
		if err := json.Unmarshal(body, &l); err != nil {
			return err
		}
		b.enter(l)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("store: the books: %w", err)
	}
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

// restore fills an empty Redis with the books of accounts that there are: the
// process may have died between an account's deletion and that of its bill. Nobody
// is there to give the calls back that ran: their leases have run out, granted the
// last time at the last sign of life, and the first look at the account books them.
func (b *bookFile) restore(ctx context.Context, c *redis.Client, keys ledgerKeys, objects map[directory.Ref]storedObject) error {
	p := c.Pipeline()
	over := b.at - callOutlives - 1
	granted := strconv.FormatInt(over-b.at, 10)
	for key, fields := range b.books {
		kind, account, _ := strings.Cut(key, ":")
		if _, there := objects[directory.Ref{Kind: directory.KindAccount, ID: account}]; !there {
			b.enter(bookLine{Books: map[string]map[string]string{key: difference(fields, nil)}})
			continue
		}
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
	if err := b.write(body); err != nil {
		return err
	}
	b.enter(l)
	return nil
}

// compact writes the file anew once it has outgrown what it says.
func (b *bookFile) compact() error {
	if !b.outgrown() {
		return nil
	}
	body, err := json.Marshal(bookLine{At: b.at, Books: b.books})
	if err != nil {
		return err
	}
	return b.rewrite(body)
}

// beat says that the process lives where that matters, and forces what was
// written onto the disk.
func (b *bookFile) beat(now time.Time) error {
	return b.lineFile.beat(now, func(now time.Time) error {
		if b.runs > 0 && now.UnixMilli()-b.at >= bookSignOfLife.Milliseconds() {
			return b.append(bookLine{})
		}
		return nil
	})
}

func (b *bookFile) close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var err error
	if b.runs > 0 {
		err = b.append(bookLine{})
	}
	return errors.Join(err, b.lineFile.close())
}
