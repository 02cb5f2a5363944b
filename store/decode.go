package store

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/pbx-interlink/interlink/directory"
)

// parseObject reads what objectValue wrote. Strings of the object have their own
// memory.
func parseObject(kind directory.Kind, value string) (directory.Object, error) {
	_, body, ok := strings.Cut(value, " ")
	if !ok {
		return nil, fmt.Errorf("store: a stored %s has no version", kind)
	}
	return decodeObject(kind, body)
}

// decodeObject reads an object's JSON. The kinds there are many of are read by
// the functions below where they stand as json.Marshal writes them, at a tenth
// of the price.
func decodeObject(kind directory.Kind, body string) (directory.Object, error) {
	return decodeObjectInto(new(arena), kind, body)
}

// decodeObjectInto is decodeObject for many objects, whose strings share memory.
func decodeObjectInto(a *arena, kind directory.Kind, body string) (directory.Object, error) {
	o := directory.New(kind)
	if o == nil {
		return nil, fmt.Errorf("store: this version does not know the kind %q", kind)
	}
	s := scanner{rest: body, arena: a}
	switch o := o.(type) {
	case *directory.Account:
		if s.account(o) {
			return o, nil
		}
		*o = directory.Account{}
	case *directory.Trunk:
		if s.trunk(o) {
			return o, nil
		}
		*o = directory.Trunk{}
	case *directory.InternalNumber:
		if s.number(o) {
			return o, nil
		}
		*o = directory.InternalNumber{}
	case *directory.Interlink:
		if s.interlink(o) {
			return o, nil
		}
		*o = directory.Interlink{}
	}
	if err := json.Unmarshal([]byte(body), o); err != nil {
		return nil, fmt.Errorf("store: a stored %s does not decode: %w", kind, err)
	}
	return o, nil
}

// decodeNumber is decodeObject for a number whose strings may lie in body's
// memory, for who copies them.
func decodeNumber(n *directory.InternalNumber, body string) error {
	*n = directory.InternalNumber{}
	s := scanner{rest: body}
	if s.number(n) {
		return nil
	}
	*n = directory.InternalNumber{}
	if err := json.Unmarshal([]byte(body), n); err != nil {
		return fmt.Errorf("store: a stored number does not decode: %w", err)
	}
	return nil
}

// arena holds copies of strings, many in one block of memory, which stays until
// the last of them goes.
type arena struct {
	block strings.Builder
	// many: blocks are large, for there are more objects to come.
	many bool
}

const arenaBlock = 2048

func (a *arena) keep(text string) string {
	if !a.many {
		return strings.Clone(text)
	}
	if a.block.Cap()-a.block.Len() < len(text) {
		a.block.Reset()
		a.block.Grow(max(arenaBlock, len(text)))
	}
	from := a.block.Len()
	a.block.WriteString(text)
	return a.block.String()[from:]
}
