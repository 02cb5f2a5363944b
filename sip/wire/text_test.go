package wire_test

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/sip/wire"
)

func itoa(n int) string           { return strconv.Itoa(n) }
func atoi(s string) int           { n, _ := strconv.Atoi(s); return n }
func equalFold(a, b string) bool  { return strings.EqualFold(a, b) }
func firstLine(b []byte) []byte   { line, _, _ := bytes.Cut(b, []byte("\r\n")); return line }
func lines(text ...string) []byte { return []byte(strings.Join(text, "\r\n") + "\r\n") }

// headerText is a header as "Name: value", its folds undone.
func headerText(m *wire.Message, i int) string {
	return string(m.Name(i)) + ": " + unfold(m.Value(i))
}

func unfold(value []byte) string {
	parts := strings.Split(string(value), "\r\n")
	for i := 1; i < len(parts); i++ {
		parts[i] = strings.TrimLeft(parts[i], " \t")
	}
	return strings.Join(parts, " ")
}

// headerList is every header of m as text.
func headerList(m *wire.Message) []string {
	var list []string
	for i := range m.Headers {
		list = append(list, headerText(m, i))
	}
	return list
}

// values is every value of a header.
func values(m *wire.Message, id wire.HeaderID) []string {
	var list []string
	m.Each(id, func(v []byte) bool {
		list = append(list, unfold(v))
		return true
	})
	return list
}
