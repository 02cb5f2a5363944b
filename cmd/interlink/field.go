package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// field is a field of a request as a flag. The requests' own tags name and
// describe it.
type field struct {
	json, flag, usage string
	// read turns the flag's text into JSON.
	read func(text string) (any, error)
	// secret fields are given as a file.
	secret bool
	// entries adds to an object instead of replacing it.
	entries bool
}

// secretFields are never arguments: others could read them in the list of
// processes.
func secretFields() []string {
	return []string{"password", "current_password", "credentials", "authorization_key", "access_code"}
}

// fieldsOf lists the fields of a request.
func fieldsOf(typ reflect.Type) []field {
	var out []field
	for i := range typ.NumField() {
		f := typ.Field(i)
		if f.Anonymous {
			out = append(out, fieldsOf(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Tag.Get("query")
		}
		if name == "" || name == "-" {
			continue
		}
		one := field{json: name, flag: strings.ReplaceAll(name, "_", "-"), usage: f.Tag.Get("doc"), secret: slices.Contains(secretFields(), name)}
		one.read, one.entries = reader(f.Type)
		if one.secret {
			one.flag += "-file"
			one.usage = "file with it, - for the standard input. " + one.usage
		}
		out = append(out, one)
	}
	return out
}

// reader returns how a text becomes a value of a type, and whether the value is
// an object of texts.
func reader(typ reflect.Type) (read func(string) (any, error), entries bool) {
	if typ.Kind() == reflect.Struct && typ.NumField() == 3 && typ.Field(0).Name == "Set" { // provision.Optional
		inner, entries := reader(typ.Field(2).Type)
		return func(text string) (any, error) {
			if text == "null" {
				return nil, nil
			}
			return inner(text)
		}, entries
	}
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	switch {
	case typ == reflect.TypeFor[time.Time](), typ.Kind() == reflect.String:
		return func(text string) (any, error) { return text, nil }, false
	case typ.Kind() == reflect.Bool:
		return func(text string) (any, error) { return strconv.ParseBool(text) }, false
	case typ.Kind() == reflect.Int, typ.Kind() == reflect.Int64:
		return func(text string) (any, error) { return strconv.ParseInt(text, 10, 64) }, false
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.String:
		return func(text string) (any, error) {
			list := []string{}
			for one := range strings.SplitSeq(text, ",") {
				if one = strings.TrimSpace(one); one != "" {
					list = append(list, one)
				}
			}
			return list, nil
		}, false
	case typ.Kind() == reflect.Map:
		return func(text string) (any, error) { return readEntries(text) }, true
	}
	return readYAML, false
}

// readEntries reads "premium=deny,intl="; nothing behind the sign takes an entry
// away.
func readEntries(text string) (any, error) {
	out := map[string]any{}
	for one := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(one), "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not NAME=VALUE", one)
		}
		if out[name] = value; value == "" {
			out[name] = nil
		}
	}
	return out, nil
}

// readYAML reads JSON or YAML.
func readYAML(text string) (any, error) {
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		return nil, err
	}
	return v, nil
}

// addFieldFlags registers a flag for each field, and remembers those that were
// there before.
func addFieldFlags(flags *pflag.FlagSet, fields []field) {
	for _, f := range fields {
		if flags.Lookup(f.flag) != nil {
			continue
		}
		usage := strings.ReplaceAll(f.usage, "`", "'")
		if flags.String(f.flag, "", usage); isSwitch(f) {
			flags.Lookup(f.flag).NoOptDefVal = "true"
		}
	}
}

func isSwitch(f field) bool {
	_, err := f.read("x")
	v, ok := f.read("true")
	_, boolean := v.(bool)
	return err != nil && ok == nil && boolean
}

// gather lays the file and then the flags over what is there already.
func gather(flags *pflag.FlagSet, fields []field, base map[string]any, file string, in io.Reader) (map[string]any, error) {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	if file != "" {
		given, err := readBody(file, in)
		if err != nil {
			return nil, err
		}
		out = given
	}
	for _, f := range fields {
		if !flags.Changed(f.flag) {
			continue
		}
		text, err := flags.GetString(f.flag)
		if err == nil && f.secret {
			text, err = readSecret(text, in)
		}
		if err != nil {
			return nil, err
		}
		value, err := f.read(text)
		if err != nil {
			return nil, usagef("--%s: %w", f.flag, err)
		}
		if entries, ok := value.(map[string]any); ok && f.entries {
			merged := map[string]any{}
			if old, ok := out[f.json].(map[string]any); ok {
				maps.Copy(merged, old)
			}
			maps.Copy(merged, entries)
			maps.DeleteFunc(merged, func(_ string, v any) bool { return v == nil })
			value = merged
		}
		out[f.json] = value
	}
	return out, nil
}

func readBody(file string, in io.Reader) (map[string]any, error) {
	var b []byte
	var err error
	if file == "-" {
		b, err = io.ReadAll(in)
	} else {
		b, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	body := map[string]any{}
	if err := yaml.Unmarshal(b, &body); err != nil {
		return nil, usagef("%s: %w", file, err)
	}
	return body, nil
}

// decodeBody makes a request of what was gathered. A field that the request does
// not have is refused.
func decodeBody(given map[string]any, into any) error {
	b, err := json.Marshal(given)
	if err != nil {
		return usagef("the request does not encode: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var wrong *json.UnmarshalTypeError
	switch err := d.Decode(into); {
	case errors.As(err, &wrong):
		return usagef("%s: a %s does not fit there", wrong.Field, wrong.Value)
	case err != nil:
		return usagef("%w", err)
	}
	return nil
}

// presentFields are the fields of an answer that a request has, too.
func presentFields(answer any, fields []field) (map[string]any, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	all := map[string]any{}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&all); err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, f := range fields {
		if v, ok := all[f.json]; ok && v != nil {
			out[f.json] = v
		}
	}
	return out, nil
}
