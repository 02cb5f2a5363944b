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
)

// readView reads what lastView wrote. Whatever is amiss is an error: a part of a
// directory would send calls elsewhere.
func readView(path string) (loader *directory.Loader, seq uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r := &viewReader{in: bufio.NewReaderSize(f, viewLine)}
	if err := r.readHeader(); err != nil {
		return nil, 0, fmt.Errorf("store: the view %s: %w", path, err)
	}
	loader = directory.NewLoader()
	objects := make(chan *decoded, scanAhead)
	failed := make(chan error, 1)
	go func() {
		failed <- r.readObjects(objects)
		close(objects)
	}()
	// A block that is damaged ends the channel; nothing is left behind.
	for d := range objects {
		d.load(loader)
	}
	if err := <-failed; err != nil {
		return nil, 0, fmt.Errorf("store: the view %s: %w", path, err)
	}
	return loader, r.header.Seq, nil
}

type viewReader struct {
	in     *bufio.Reader
	header snapshotHeader
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
	count := 0
	for {
		block, end, err := r.readBlock()
		if err != nil {
			return err
		}
		d := new(decoded)
		n, err := d.decodeLines(block)
		if err != nil {
			return fmt.Errorf("%w: object %d: %w", errDamaged, count+n, err)
		}
		count += n
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

// readBlock reads some whole lines; end says that no more follow.
func (r *viewReader) readBlock() (block []byte, end bool, err error) {
	block = make([]byte, 0, viewBlock+viewBlock/4)
	for len(block) < viewBlock {
		line, err := r.in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(line) == 0:
			return block, true, nil
		case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
			return nil, false, fmt.Errorf("%w: a line does not end", errDamaged)
		case err != nil:
			return nil, false, err
		}
		block = append(block, line...)
	}
	return block, false, nil
}

// decodeLines decodes the objects of some lines and returns how many there were.
func (d *decoded) decodeLines(block []byte) (n int, err error) {
	text := string(block)
	for at := 0; at < len(text); n++ {
		end := at + strings.IndexByte(text[at:], '\n')
		body, ok := openLine(block[at:end])
		if !ok {
			return n, errors.New("checksum")
		}
		line := text[end-len(body) : end]
		rest, ok := strings.CutPrefix(line, `{"kind":"`)
		kind, rest, ok2 := strings.Cut(rest, `","body":`)
		object, ok3 := strings.CutSuffix(rest, "}")
		if !ok || !ok2 || !ok3 {
			return n, errors.New("form")
		}
		if err := d.addBody(directory.Kind(kind), object); err != nil {
			return n, err
		}
		at = end + 1
	}
	return n, nil
}
