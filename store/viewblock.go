package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// A view's file is a header line and blocks. A block is the length of its body
// and the CRC-32C of it (4 octets each, little endian), and the body: entries
// one behind the other, each with its tag.
//
//	tagObject   kind, JSON
//	tagAccount  the account of the numbers that follow
//	tagNumber   flags, id, number, version, then what the flags tell of: trunk
//	            (else that of the number before), label, user, time of creation
//	            as RFC 3339 (else ns since 1970, signed)
//
// A text is its length and its octets. Lengths, versions and times are varints.
// Numbers are by far the most; account and trunk of them begin anew in a block.
const (
	viewFormat = 2
	// viewBlock is about the size of a block's body, in octets.
	viewBlock = 256 << 10
	// viewBlockMost bounds a body: a block ends behind the entry that fills it.
	viewBlockMost  = 64 << 20
	viewBlockFrame = 8
)

const (
	tagObject = iota + 1
	tagAccount
	tagNumber
)

const (
	numberPrivate = 1 << iota
	numberEnabled
	numberTrunk
	numberLabel
	numberUser
	numberTime
)

var errDamaged = errors.New("damaged")

func viewSum(body []byte) uint32 {
	return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli))
}

// blockWriter puts objects into a block.
type blockWriter struct {
	block   []byte
	account directory.AccountID
	trunk   directory.TrunkID
	numbers int
	objects int
}

func (w *blockWriter) add(o directory.Object) error {
	if len(w.block) == 0 {
		w.block = append(w.block, make([]byte, viewBlockFrame)...)
		w.account, w.trunk = "", ""
	}
	w.objects++
	if n, ok := o.(*directory.InternalNumber); ok {
		w.numbers++
		w.addNumber(n)
		return nil
	}
	body, err := json.Marshal(o.Redacted())
	if err != nil {
		return err
	}
	w.block = append(w.block, tagObject)
	w.block = appendText(w.block, o.Ref().Kind)
	w.block = appendText(w.block, string(body))
	return nil
}

func (w *blockWriter) addNumber(n *directory.InternalNumber) {
	if w.account != n.Account {
		w.account = n.Account
		w.block = appendText(append(w.block, tagAccount), n.Account)
	}
	var flags byte
	flag := func(set bool, f byte) {
		if set {
			flags |= f
		}
	}
	ns := time.Unix(0, n.CreatedAt.UnixNano()).UTC()
	flag(n.Private, numberPrivate)
	flag(n.Enabled, numberEnabled)
	flag(n.Trunk != w.trunk, numberTrunk)
	flag(n.Label != "", numberLabel)
	flag(n.User != "", numberUser)
	flag(n.CreatedAt != ns, numberTime)
	b := append(w.block, tagNumber, flags)
	b = appendText(b, n.ID)
	b = appendText(b, n.Number.String())
	b = binary.AppendUvarint(b, n.Version)
	if n.Trunk != w.trunk {
		b = appendText(b, n.Trunk)
		w.trunk = n.Trunk
	}
	if n.Label != "" {
		b = appendText(b, n.Label)
	}
	if n.User != "" {
		b = appendText(b, n.User)
	}
	if n.CreatedAt != ns {
		b = appendText(b, n.CreatedAt.Format(time.RFC3339Nano))
	} else {
		b = binary.AppendVarint(b, n.CreatedAt.UnixNano())
	}
	w.block = b
}

func appendText[T ~string](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// full reports whether the block is to be written.
func (w *blockWriter) full() bool { return len(w.block) >= viewBlock }

// take returns the block as it stands in the file and begins a new one; nothing
// where it is empty. It is valid until add.
func (w *blockWriter) take() []byte {
	b := w.block
	if len(b) == 0 {
		return nil
	}
	body := b[viewBlockFrame:]
	binary.LittleEndian.PutUint32(b, uint32(len(body)))
	binary.LittleEndian.PutUint32(b[4:], viewSum(body))
	w.block = b[:0]
	return b
}

// blockReader reads a block's entries; text lies in the block's memory. After a
// failure all that follows is empty.
type blockReader struct {
	rest   string
	failed bool
}

func (r *blockReader) fail() { r.failed, r.rest = true, "" }

func (r *blockReader) octet() byte {
	if r.rest == "" {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *blockReader) uvarint() uint64 {
	var n uint64
	for shift := 0; shift < 64 && !r.failed; shift += 7 {
		b := r.octet()
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	r.fail()
	return 0
}

func (r *blockReader) varint() int64 {
	n := r.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *blockReader) text() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	text := r.rest[:n]
	r.rest = r.rest[n:]
	return text
}

// decodeBlock decodes what a block's body holds.
func (d *decoded) decodeBlock(body string) error {
	r := blockReader{rest: body}
	var account directory.AccountID
	var trunk directory.TrunkID
	for r.rest != "" {
		switch tag := r.octet(); tag {
		case tagObject:
			kind := directory.Kind(r.text())
			if err := d.addBody(kind, r.text()); err != nil {
				return err
			}
		case tagAccount:
			account = directory.AccountID(r.text())
		case tagNumber:
			d.numbers = append(d.numbers, directory.InternalNumber{Account: account, Trunk: trunk})
			n := &d.numbers[len(d.numbers)-1]
			if err := r.number(n); err != nil {
				return err
			}
			trunk = n.Trunk
		default:
			return fmt.Errorf("entry of sort %d", tag)
		}
	}
	if r.failed {
		return errors.New("an entry does not end")
	}
	return nil
}

func (r *blockReader) number(n *directory.InternalNumber) (err error) {
	flags := r.octet()
	n.Private, n.Enabled = flags&numberPrivate != 0, flags&numberEnabled != 0
	n.ID = directory.NumberID(r.text())
	if n.Number, err = directory.ParsePattern(r.text()); err != nil {
		return err
	}
	n.Version = r.uvarint()
	if flags&numberTrunk != 0 {
		n.Trunk = directory.TrunkID(r.text())
	}
	if flags&numberLabel != 0 {
		n.Label = r.text()
	}
	if flags&numberUser != 0 {
		n.User = r.text()
	}
	if flags&numberTime != 0 {
		n.CreatedAt, err = time.Parse(time.RFC3339Nano, r.text())
		return err
	}
	n.CreatedAt = time.Unix(0, r.varint()).UTC()
	return nil
}
