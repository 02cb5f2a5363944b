package store

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// rewriteAt is the least size at which a file of lines is written anew, without
// what has been overtaken.
const rewriteAt = 1 << 20

// lineFile is a file of the data directory to which lines are appended. They are
// handed to the system at once, which survives the death of the process; they are
// forced onto the disk within a second, which survives that of the machine. Its
// owner holds mu for all but beat.
type lineFile struct {
	path string
	mu   sync.Mutex
	file *os.File
	// size is the file's in octets, least what it had when it was last written anew.
	size, least int64
	// dirty: not all is forced onto the disk.
	dirty bool
}

// openLineFile reads the lines there are, one that is missing having none, and
// opens the file for more. A torn last line is cut off: nobody went by it.
func openLineFile(path string, log *slog.Logger, each func(body []byte) error) (*lineFile, error) {
	content, err := readFile(path)
	if err != nil {
		return nil, err
	}
	good, err := eachLine(content, each)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if good < len(content) {
		log.Warn("a file's last line is torn; what it told was never acknowledged and is cut off", "path", path, "octets", len(content)-good)
	}
	f := &lineFile{path: path, size: int64(good), least: int64(good)}
	f.file, err = openAt(path, f.size)
	return f, err
}

func (f *lineFile) write(body []byte) error {
	n, err := f.file.Write(appendLine(nil, body))
	f.size, f.dirty = f.size+int64(n), true
	return err
}

// outgrown reports whether the file is worth being written anew.
func (f *lineFile) outgrown() bool { return f.size >= max(rewriteAt, 4*f.least) }

// rewrite puts lines in place of all there are. A crash at any point leaves the
// old file or the new one.
func (f *lineFile) rewrite(bodies ...[]byte) error {
	var lines []byte
	for _, body := range bodies {
		lines = appendLine(lines, body)
	}
	next, err := os.OpenFile(f.path+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = next.Write(lines)
	if err = errors.Join(err, next.Sync()); err == nil {
		err = os.Rename(next.Name(), f.path)
	}
	if err != nil {
		return errors.Join(err, next.Close())
	}
	err = f.file.Close()
	f.file, f.size, f.least = next, int64(len(lines)), int64(len(lines))
	return errors.Join(err, syncDir(filepath.Dir(f.path)))
}

// beat forces what was written onto the disk. before, unless nil, may write more.
func (f *lineFile) beat(now time.Time, before func(now time.Time) error) error {
	f.mu.Lock()
	var err error
	if before != nil {
		err = before(now)
	}
	file, dirty := f.file, f.dirty
	f.dirty = false
	f.mu.Unlock()
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

func (f *lineFile) close() error { return errors.Join(f.file.Sync(), f.file.Close()) }
