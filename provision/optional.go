package provision

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

// Optional is a field of a merge patch (RFC 7396): absent leaves the value as
// it is, null resets it, anything else replaces it. The zero value is absent.
type Optional[T any] struct {
	Set, Null bool
	Value     T
}

// To replaces the value; Reset sends null.
func To[T any](v T) Optional[T] { return Optional[T]{Set: true, Value: v} }
func Reset[T any]() Optional[T] { return Optional[T]{Set: true, Null: true} }

// IsZero leaves an absent field out of the JSON ("omitzero").
func (o Optional[T]) IsZero() bool { return !o.Set }

func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.Set || o.Null {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

func (o *Optional[T]) UnmarshalJSON(b []byte) error {
	o.Set = true
	if bytes.Equal(b, []byte("null")) {
		o.Null = true
		return nil
	}
	return json.Unmarshal(b, &o.Value)
}

// Schema documents the field as its value, or null.
func (o Optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	if len(s.OneOf) > 0 {
		// The enum is for huma, which checks nothing of the type null itself.
		null := &huma.Schema{Type: "null", Enum: []any{nil}}
		null.PrecomputeMessages()
		s.OneOf = append(slices.Clone(s.OneOf), null)
		return &s
	}
	s.Nullable = true
	if s.Type == huma.TypeInteger && s.Maximum == nil {
		// Beyond them JSON's readers do not agree on a number (RFC 8259 §6), and
		// decoding would fail without naming the field.
		most, least := float64(1<<53-1), float64(-1<<53+1)
		s.Maximum, s.Minimum = &most, &least
		s.PrecomputeMessages()
	}
	return &s
}

// patch puts a field of a merge patch into dst; null puts what is the default.
func patch[T any](dst *T, o Optional[T], reset T) {
	switch {
	case o.Null:
		*dst = reset
	case o.Set:
		*dst = o.Value
	}
}
