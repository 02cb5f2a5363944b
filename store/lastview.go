package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// viewShare bounds what keeping a view on the disk may take: writing it again
// waits this many times as long as writing it took.
const viewShare = 20

// lastView keeps the view of a node with a Redis of its own on the disk, so that
// the node starts without Redis:
//
//	view         the directory as calls need it, without secrets (viewblock.go);
//	             its time of modification is when it was last known to be current
//	view.lock    held by the one process that keeps it
//
// What it holds may be a little newer in one place than in another: it is read
// page by page while changes go on. It only stands in until Redis is there.
type lastView struct {
	dir   string
	lock  *os.File
	view  *directory.View
	watch *watch
	log   *slog.Logger
	every time.Duration

	// saved is what the file holds, took how long it took to write.
	saved savedView
	took  time.Duration
}

// savedView tells two states of a view apart.
type savedView struct {
	loads int64
	seq   uint64
}

func openLastView(cfg Config, w *watch) (*lastView, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("store: the data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(cfg.DataDir, "view.lock"))
	if err != nil {
		return nil, err
	}
	return &lastView{dir: cfg.DataDir, lock: lock, view: w.view, watch: w, log: cfg.Log, every: cfg.ViewEvery}, nil
}

func (l *lastView) path() string { return filepath.Join(l.dir, "view") }

// exists reports whether there is a file, and when it was last current.
func (l *lastView) exists() (at time.Time, ok bool) {
	info, err := os.Stat(l.path())
	if err != nil {
		return time.Time{}, false
	}
	return info.ModTime(), true
}

// run writes the view from time to time until ctx ends.
func (l *lastView) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(max(l.every, viewShare*l.took)):
			l.save()
		}
	}
}

// save writes the view if it has changed. One that did not come from Redis is
// on the disk already.
func (l *lastView) save() {
	loads := l.watch.loads.Load()
	if loads == 0 {
		return
	}
	began := time.Now()
	seq, _ := l.view.Seq()
	if now := (savedView{loads, seq}); now != l.saved {
		if err := l.write(seq); err != nil {
			l.log.Warn("the directory was not kept on the disk", "err", err)
			return
		}
		l.saved, l.took = now, time.Since(began)
	}
	at := time.UnixMilli(l.watch.checked.Load())
	if err := os.Chtimes(l.path(), at, at); err != nil {
		l.log.Warn("the age of the directory on the disk was not noted", "err", err)
	}
}

// write replaces the file, whole or not at all.
func (l *lastView) write(seq uint64) (err error) {
	f, err := os.OpenFile(filepath.Join(l.dir, "view.new"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	// How many objects there are is known at the end; the header has room.
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = w.Write(viewHeader(seq, 0, 0))
	var blocks blockWriter
	each := func(o directory.Object) error {
		if err := blocks.add(o); err != nil || !blocks.full() {
			return err
		}
		_, err := w.Write(blocks.take())
		return err
	}
	if err == nil {
		err = eachObject(l.view, each)
	}
	if err == nil {
		_, err = w.Write(blocks.take())
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		_, err = f.WriteAt(viewHeader(seq, blocks.objects, blocks.numbers), 0)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), l.path()); err != nil {
		return err
	}
	return syncDir(l.dir)
}

// viewHeader is a view's first line, as long for one number as for another.
func viewHeader(seq uint64, objects, numbers int) []byte {
	return appendLine(nil, fmt.Appendf(nil, `{"format":%d,"seq":%20d,"objects":%20d,"audit":0,"numbers":%20d}`, viewFormat, seq, objects, numbers))
}

// viewPage is how many objects are copied while the view is held.
const viewPage = 256

// eachObject calls yield for all objects of a view that calls need, account by
// account.
func eachObject(v *directory.View, yield func(directory.Object) error) error {
	if err := eachOwned(v, "", yield); err != nil {
		return err
	}
	var page []*directory.Account
	for after := directory.AccountID(""); ; after = page[len(page)-1].ID {
		page = page[:0]
		v.Accounts(after, func(a *directory.Account) bool {
			page = append(page, a)
			return len(page) < viewPage
		})
		for _, a := range page {
			if err := eachOfAccount(v, a, yield); err != nil {
				return err
			}
		}
		if len(page) < viewPage {
			return nil
		}
	}
}

func eachOfAccount(v *directory.View, a *directory.Account, yield func(directory.Object) error) error {
	err := yield(a)
	if l := v.LimitsOf(a.ID); l != nil && err == nil {
		err = yield(l)
	}
	for _, t := range v.Trunks(a.ID) {
		if err == nil {
			err = yield(t)
		}
	}
	for after := directory.NumberID(""); err == nil; {
		numbers := v.Numbers(a.ID, after, viewPage)
		for _, n := range numbers {
			if after = n.ID; err == nil {
				err = yield(n)
			}
		}
		if len(numbers) < viewPage {
			break
		}
	}
	for _, l := range v.Interlinks(a.ID) {
		if l.A.Account == a.ID && err == nil {
			err = yield(l)
		}
	}
	if err != nil {
		return err
	}
	return eachOwned(v, a.ID, yield)
}

// routedKinds are the kinds of owned objects that decide about calls, and what
// those require. People, tokens and what belongs to them only the API needs.
func routedKinds() []directory.Kind {
	return []directory.Kind{
		directory.KindFederation, directory.KindMembership, directory.KindProvider, directory.KindNumberClasses,
		directory.KindRestrictions, directory.KindCredit, directory.KindLicence, directory.KindPricePlan,
		directory.KindPlanSelection, directory.KindPermissions, directory.KindSettings,
	}
}

// eachOwned calls yield for what of an account's own calls need beside that; ""
// stands for the platform.
func eachOwned(v *directory.View, owner directory.AccountID, yield func(directory.Object) error) error {
	for _, kind := range routedKinds() {
		for _, o := range v.OwnedBy(kind, owner) {
			if err := yield(o); err != nil {
				return err
			}
		}
	}
	return nil
}
