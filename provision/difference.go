package provision

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Difference is one object of a configuration that is to be another.
type Difference struct {
	Change string            `json:"change" enum:"create,change,delete" doc:"What happens to it."`
	Object string            `json:"object" doc:"The sort of object: account, user, trunk, number, limits, restrictions, settings, plans or permissions." example:"trunk"`
	Name   string            `json:"name,omitempty" doc:"What it is called; empty where an account has one of it." example:"Reception PBX"`
	Fields []FieldDifference `json:"fields,omitempty" nullable:"false" doc:"What is different; of a new object all it has."`
}

// FieldDifference is one field that is to have another value. Values are texts:
// what is none in JSON stands as JSON.
type FieldDifference struct {
	Field string  `json:"field" doc:"The field; a dot leads into an object." example:"addresses"`
	From  *string `json:"from" doc:"What it is; null for nothing." example:"[\"192.0.2.12:5060\"]"`
	To    *string `json:"to" doc:"What it is to be; null for nothing." example:"[\"192.0.2.13:5060\"]"`
}

const (
	changeCreate = "create"
	changeChange = "change"
	changeDelete = "delete"
)

// Differences lists what makes of a configuration another one, part by part;
// parts that the other one does not give stay. Both must be normalized.
func (c *Configuration) Differences(next *Configuration) []Difference {
	out := []Difference{}
	one := func(object string, from, to any) {
		if isNil(to) {
			return
		}
		d := Difference{Change: changeChange, Object: object, Fields: fieldsOf(flat(from), flat(to))}
		if isNil(from) {
			d.Change = changeCreate
		}
		if d.Change == changeCreate || len(d.Fields) > 0 {
			out = append(out, d)
		}
	}
	type account struct {
		TimeZone *string `json:"timezone,omitempty"`
		Enabled  *bool   `json:"enabled,omitempty"`
		Reseller *bool   `json:"reseller,omitempty"`
	}
	if of := (account{orElse(next.TimeZone, c.TimeZone), orElse(next.Enabled, c.Enabled), orElse(next.Reseller, c.Reseller)}); of != (account{}) {
		one("account", account{c.TimeZone, c.Enabled, c.Reseller}, of)
	}
	out = append(out, compared("user", c.Users, next.Users, func(u UserEntry) string { return strings.ToLower(u.Email) })...)
	out = append(out, compared("trunk", c.Trunks, next.Trunks, func(t NewTrunk) string { return t.Name })...)
	out = append(out, compared("number", c.Numbers, next.Numbers, func(n NumberEntry) string { return n.Number })...)
	one("limits", c.Limits, next.Limits)
	one("restrictions", c.Restrictions, next.Restrictions)
	one("settings", c.Settings, next.Settings)
	if next.Plans != nil {
		plans := *next.Plans
		if plans.Hidden == nil && c.Plans != nil {
			plans.Hidden = c.Plans.Hidden
		}
		one("plans", c.Plans, &plans)
	}
	one("permissions", c.Permissions, next.Permissions)
	return out
}

// compared compares two lists of objects by their names.
func compared[T any](object string, from, to *[]T, name func(T) string) []Difference {
	if to == nil {
		return nil
	}
	var before []T
	if from != nil {
		before = *from
	}
	have, wanted := map[string]T{}, map[string]bool{}
	for _, o := range before {
		have[name(o)] = o
	}
	var out []Difference
	for _, o := range *to {
		wanted[name(o)] = true
		was, there := have[name(o)]
		d := Difference{Change: changeCreate, Object: object, Name: name(o)}
		if there {
			d.Change, d.Fields = changeChange, fieldsOf(flat(was), flat(o))
		} else {
			d.Fields = fieldsOf(nil, flat(o))
		}
		if !there || len(d.Fields) > 0 {
			out = append(out, d)
		}
	}
	for _, o := range before {
		if !wanted[name(o)] {
			out = append(out, Difference{Change: changeDelete, Object: object, Name: name(o)})
		}
	}
	return out
}

// flat is an object's fields as texts, those of objects within it behind a dot.
func flat(v any) map[string]string {
	if isNil(v) {
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil // what comes of JSON goes back into it
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil {
		return nil
	}
	out := map[string]string{}
	for name, raw := range object {
		var s string
		switch {
		case len(raw) > 0 && raw[0] == '{':
			for inner, value := range flat(raw) {
				out[name+"."+inner] = value
			}
		case json.Unmarshal(raw, &s) == nil:
			out[name] = s
		default:
			out[name] = string(raw)
		}
	}
	return out
}

func fieldsOf(from, to map[string]string) []FieldDifference {
	names := maps.Clone(to)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, from)
	var out []FieldDifference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		d := FieldDifference{Field: name}
		if v, ok := from[name]; ok {
			d.From = &v
		}
		if v, ok := to[name]; ok {
			d.To = &v
		}
		if d.From == nil || d.To == nil || *d.From != *d.To {
			out = append(out, d)
		}
	}
	return out
}

func isNil(v any) bool {
	r := reflect.ValueOf(v)
	return !r.IsValid() || r.Kind() == reflect.Pointer && r.IsNil()
}

func orElse[T any](p, fallback *T) *T {
	if p == nil {
		return fallback
	}
	return p
}
