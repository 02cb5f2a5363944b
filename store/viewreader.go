package store

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// viewBuffer is how much of a view's file is read at a time, in octets.
	viewBuffer = 1 << 20
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
	r := &viewReader{in: bufio.NewReaderSize(f, viewBuffer), spare: make(chan *decoded, scanAhead+2)}
	if err := r.readHeader(); err != nil {
		return nil, 0, fmt.Errorf("store: the view %s: %w", path, err)
	}
	loader = directory.NewLoader(r.room())
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

// room is how many objects there are, about: most accounts have a trunk and an
// interlink.
func (r *viewReader) room() directory.Room {
	others := min(max(0, r.header.Objects-r.header.Numbers), maxRoom) / 3
	return directory.Room{Accounts: others, Trunks: others, Numbers: min(r.header.Numbers, maxRoom), Interlinks: others}
}

type viewReader struct {
	in     *bufio.Reader
	header snapshotHeader
	// spare holds blocks that can be filled again.
	spare chan *decoded
	body  []byte
}

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
	if r.header.Format != viewFormat {
		return fmt.Errorf("it has format %d; this version reads %d", r.header.Format, viewFormat)
	}
	return nil
}

// readObjects reads blocks, checks and decodes them.
func (r *viewReader) readObjects(objects chan<- *decoded) error {
	for count, n := 0, 0; ; n++ {
		body, err := r.readBlock()
		switch {
		case errors.Is(err, io.EOF) && count != r.header.Objects:
			return fmt.Errorf("%w: %d objects of %d", errDamaged, count, r.header.Objects)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("block %d: %w", n, err)
		}
		d := takeSpare(r.spare)
		if err := d.decodeBlock(body); err != nil {
			return fmt.Errorf("%w: block %d: %w", errDamaged, n, err)
		}
		count += len(d.numbers) + len(d.others)
		objects <- d
	}
}

// readBlock returns the body of the next block, io.EOF behind the last.
func (r *viewReader) readBlock() (string, error) {
	var frame [viewBlockFrame]byte
	switch _, err := io.ReadFull(r.in, frame[:]); {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "", fmt.Errorf("%w: it does not begin", errDamaged)
	case err != nil:
		return "", err
	}
	size, sum := binary.LittleEndian.Uint32(frame[:]), binary.LittleEndian.Uint32(frame[4:])
	if size > viewBlockMost {
		return "", fmt.Errorf("%w: of %d octets", errDamaged, size)
	}
	r.body = slices.Grow(r.body[:0], int(size))[:size]
	switch _, err := io.ReadFull(r.in, r.body); {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "", fmt.Errorf("%w: it does not end", errDamaged)
	case err != nil:
		return "", err
	case viewSum(r.body) != sum:
		return "", fmt.Errorf("%w: checksum", errDamaged)
	}
	return string(r.body), nil
}
