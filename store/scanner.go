package store

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/pbx-interlink/interlink/directory"
)

// scanner reads JSON that has exactly the form json.Marshal gives an object:
// known fields in their order, no white space, plain ASCII without escapes.
// Whatever differs makes it fail, and encoding/json is asked.
type scanner struct {
	rest string
	// arena, where not nil, gives strings memory other than rest's.
	arena  *arena
	failed bool
}

func (s *scanner) number(n *directory.InternalNumber) bool {
	s.lit(`{"id":`)
	n.ID = directory.NumberID(s.text())
	s.lit(`,"account":`)
	n.Account = directory.AccountID(s.text())
	s.lit(`,"number":`)
	n.Number = s.pattern()
	if s.skip(`,"label":`) {
		n.Label = s.text()
	}
	s.lit(`,"trunk":`)
	n.Trunk = directory.TrunkID(s.text())
	if s.skip(`,"user":`) {
		n.User = s.text()
	}
	s.lit(`,"private":`)
	n.Private = s.bool()
	s.lit(`,"enabled":`)
	n.Enabled = s.bool()
	s.stamp(&n.Version, &n.CreatedAt)
	return s.done()
}

func (s *scanner) account(a *directory.Account) bool {
	s.lit(`{"id":`)
	a.ID = directory.AccountID(s.text())
	s.lit(`,"name":`)
	a.Name = s.text()
	s.lit(`,"realm":`)
	a.Realm = s.text()
	if s.skip(`,"parent":`) {
		a.Parent = directory.AccountID(s.text())
	}
	s.lit(`,"timezone":`)
	a.TimeZone = s.text()
	s.lit(`,"enabled":`)
	a.Enabled = s.bool()
	s.stamp(&a.Version, &a.CreatedAt)
	return s.done()
}

func (s *scanner) trunk(t *directory.Trunk) bool {
	s.lit(`{"id":`)
	t.ID = directory.TrunkID(s.text())
	s.lit(`,"account":`)
	t.Account = directory.AccountID(s.text())
	s.lit(`,"name":`)
	t.Name = s.text()
	s.lit(`,"addresses":`)
	s.list(func(text string) error {
		a, err := netip.ParseAddrPort(text)
		t.Addresses = append(t.Addresses, a)
		return err
	})
	s.lit(`,"source_addresses":`)
	s.list(func(text string) error {
		source, err := directory.ParseSource(text)
		t.Sources = append(t.Sources, source)
		return err
	})
	s.stamp(&t.Version, &t.CreatedAt)
	return s.done()
}

// interlink reads one that is active: a pending one holds a key.
func (s *scanner) interlink(l *directory.Interlink) bool {
	s.lit(`{"id":`)
	l.ID = directory.InterlinkID(s.text())
	s.lit(`,"a":`)
	s.side(&l.A)
	s.lit(`,"b":`)
	l.B = new(directory.Side)
	s.side(l.B)
	s.lit(`,"created_at":`)
	l.CreatedAt = s.time()
	s.lit(`,"linked_at":`)
	l.LinkedAt = s.time()
	s.lit(`,"version":`)
	l.Version = s.uint()
	s.lit(`}`)
	return s.done()
}

func (s *scanner) side(d *directory.Side) {
	s.lit(`{"account":`)
	d.Account = directory.AccountID(s.text())
	s.lit(`,"name":`)
	d.Name = s.text()
	if s.skip(`,"priority":`) {
		priority := s.uint()
		if priority > math.MaxInt32 {
			s.fail()
		}
		d.Priority = int(priority)
	}
	if s.skip(`,"prefix":`) {
		d.Prefix = s.text()
	}
	if s.skip(`,"suspended":`) {
		d.Suspended = s.bool()
	}
	s.lit(`,"version":`)
	d.Version = s.uint()
	s.lit(`}`)
}

// stamp reads what ends most objects.
func (s *scanner) stamp(version *uint64, created *time.Time) {
	s.lit(`,"version":`)
	*version = s.uint()
	s.lit(`,"created_at":`)
	*created = s.time()
	s.lit(`}`)
}

func (s *scanner) done() bool { return !s.failed && s.rest == "" }

// fail makes all that follows fail.
func (s *scanner) fail() { s.failed, s.rest = true, "" }

// skip reports whether what follows is lit, and then goes past it.
func (s *scanner) skip(lit string) bool {
	rest, ok := strings.CutPrefix(s.rest, lit)
	s.rest = rest
	return ok
}

func (s *scanner) lit(lit string) {
	if !s.skip(lit) {
		s.fail()
	}
}

// raw reads a string and leaves it where it lies.
func (s *scanner) raw() string {
	if s.rest == "" || s.rest[0] != '"' {
		s.fail()
		return ""
	}
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[1:i]
			s.rest = s.rest[i+1:]
			return text
		case c < ' ' || c == '\\' || c >= 0x80:
			s.fail()
			return ""
		}
	}
	s.fail()
	return ""
}

func (s *scanner) text() string {
	if s.arena != nil {
		return s.arena.keep(s.raw())
	}
	return s.raw()
}

// list reads an array of strings that is not empty.
func (s *scanner) list(each func(text string) error) {
	s.lit(`[`)
	for !s.failed {
		if each(s.raw()) != nil {
			s.fail()
		}
		if !s.skip(`,`) {
			break
		}
	}
	s.lit(`]`)
}

func (s *scanner) bool() bool {
	if s.skip(`true`) {
		return true
	}
	s.lit(`false`)
	return false
}

func (s *scanner) uint() uint64 {
	end := 0
	for end < len(s.rest) && s.rest[end] >= '0' && s.rest[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(s.rest[:end], 10, 64)
	if err != nil || end > 1 && s.rest[0] == '0' {
		s.fail()
		return 0
	}
	s.rest = s.rest[end:]
	return n
}

func (s *scanner) pattern() directory.Pattern {
	p, err := directory.ParsePattern(s.raw())
	if err != nil {
		s.fail()
	}
	return p
}

// time reads RFC 3339 in UTC, with or without a fraction.
func (s *scanner) time() time.Time {
	text := s.raw()
	if len(text) < 20 || text[10] != 'T' || text[13] != ':' || text[16] != ':' || text[19] != 'Z' && text[19] != '.' || text[len(text)-1] != 'Z' {
		s.fail()
		return time.Time{}
	}
	if t, ok := plainTime(text); ok {
		return t
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		s.fail()
	}
	return t
}

// plainTime reads a time of the usual form whose day is in every month, at a
// fifth of the price of time.Parse.
func plainTime(text string) (time.Time, bool) {
	year, ok1 := decimal(text[0:4])
	month, ok2 := decimal(text[5:7])
	day, ok3 := decimal(text[8:10])
	hour, ok4 := decimal(text[11:13])
	minute, ok5 := decimal(text[14:16])
	second, ok6 := decimal(text[17:19])
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || text[4] != '-' || text[7] != '-' ||
		month < 1 || month > 12 || day < 1 || day > 28 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	ns := 0
	if fraction := text[19 : len(text)-1]; fraction != "" {
		n, ok := decimal(fraction[1:])
		if !ok || len(fraction) > 10 {
			return time.Time{}, false
		}
		for range 10 - len(fraction) {
			n *= 10
		}
		ns = n
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, ns, time.UTC), true
}

// decimal reads digits and nothing else.
func decimal(text string) (n int, ok bool) {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return 0, false
		}
		n = 10*n + int(text[i]-'0')
	}
	return n, text != ""
}
