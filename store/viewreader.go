package store

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// viewBlock is how much of a view's file is decoded at a time, in octets.
	viewBlock = 256 << 10
	// viewLine is the longest line: a trunk or a name is far below it.
	viewLine = 1 << 20
	// maxRoom bounds the room made by what a header says.
	maxRoom = 10_000_000
)

// readView reads what lastView wrote. Whatever is amiss is an error: a part of a
// directory would send calls elsewhere.
func readView(path string) (loader *directory.Loader, seq uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := &viewReader{in: bufio.NewReaderSize(f, viewLine), spare: make(chan *decoded, scanAhead+2)}
	if err := r.readHeader(); err != nil {
		return nil, 0, fmt.Errorf("store: the view %s: %w", path, err)
	}
	loader = directory.NewLoader(min(r.header.Numbers, maxRoom))
	objects := make(chan *decoded, scanAhead)
	failed := make(chan error, 1)
	go func() {
		failed <- r.readObjects(objects)
		close(objects)
	}()
	// A block that is damaged ends the channel; nothing is left behind.
	for d := range objects {
		d.load(loader)
		select {
		case r.spare <- d:
		default:
		}
	}
	if err := <-failed; err != nil {
		return nil, 0, fmt.Errorf("store: the view %s: %w", path, err)
	}
	return loader, r.header.Seq, nil
}

type viewReader struct {
	in     *bufio.Reader
	header snapshotHeader
	// spare holds blocks that can be filled again.
	spare chan *decoded
	ends  []int
}

var errDamaged = errors.New("damaged")

func (r *viewReader) readHeader() error {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("%w: no header", errDamaged)
	}
	body, ok := openLine(line[:len(line)-1])
	if !ok {
		return fmt.Errorf("%w: checksum of the header", errDamaged)
	}
	if err := json.Unmarshal(body, &r.header); err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	if r.header.Format != snapshotFormat {
		return fmt.Errorf("it has format %d; this version reads %d", r.header.Format, snapshotFormat)
	}
	return nil
}

// readObjects reads lines, checks and decodes them.
func (r *viewReader) readObjects(objects chan<- *decoded) error {
	for count, end := 0, false; ; {
		var text string
		var err error
		if text, end, err = r.readBlock(); err != nil {
			return err
		}
		d := takeSpare(r.spare)
		if err := d.decodeLines(text, r.ends); err != nil {
			return fmt.Errorf("%w: after object %d: %w", errDamaged, count, err)
		}
		count += len(r.ends)
		objects <- d
		switch {
		case !end:
		case count != r.header.Objects:
			return fmt.Errorf("%w: %d objects of %d", errDamaged, count, r.header.Objects)
		default:
			return nil
		}
	}
}

// readBlock reads the bodies of some lines, one behind the other, and leaves in
// ends where each ends; end says that no more follow.
func (r *viewReader) readBlock() (text string, end bool, err error) {
	r.ends = r.ends[:0]
	var block strings.Builder
	block.Grow(viewBlock + viewBlock/4)
	for block.Len() < viewBlock {
		line, err := r.in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return block.String(), true, nil
		case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
			return "", false, fmt.Errorf("%w: a line does not end", errDamaged)
		case err != nil:
			return "", false, err
		}
		body, ok := openLine(line[:len(line)-1])
		if !ok {
			return "", false, fmt.Errorf("%w: checksum", errDamaged)
		}
		block.Write(body)
		r.ends = append(r.ends, block.Len())
	}
	return block.String(), false, nil
}

// decodeLines decodes the objects of some lines.
func (d *decoded) decodeLines(text string, ends []int) error {
	at := 0
	for _, end := range ends {
		rest, ok := strings.CutPrefix(text[at:end], `{"kind":"`)
		kind, rest, ok2 := strings.Cut(rest, `","body":`)
		object, ok3 := strings.CutSuffix(rest, "}")
		if !ok || !ok2 || !ok3 {
			return errors.New("form")
		}
		if err := d.addBody(directory.Kind(kind), object); err != nil {
			return err
		}
		at = end
	}
	return nil
}
