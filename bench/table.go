package main

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"
)

// table is a Markdown table whose columns line up, so that it reads as text.
type table struct{ rows [][]string }

func newTable(title string, head ...string) *table {
	return &table{rows: [][]string{append([]string{title}, head...)}}
}

func (t *table) row(name string, cells ...string) {
	t.rows = append(t.rows, append([]string{name}, cells...))
}

func (t *table) write(b *strings.Builder) {
	width := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			width[i] = max(width[i], utf8.RuneCountInString(c))
		}
	}
	b.WriteByte('\n')
	for n, row := range t.rows {
		for i, c := range row {
			fmt.Fprintf(b, "| %-*s ", width[i], c)
		}
		b.WriteString("|\n")
		if n > 0 {
			continue
		}
		for i := range row {
			b.WriteString("|" + strings.Repeat("-", width[i]+2))
		}
		b.WriteString("|\n")
	}
}

// number is "-" where there is nothing to say.
func number(v float64, digits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	return fmt.Sprintf("%.*f", digits, v)
}

// bracketed puts what Redis used behind what the contender did.
func bracketed(v, redis float64, name string) string {
	if name == "direct" {
		return "-"
	}
	text := number(v, 0)
	if redis > 0 {
		text += " (" + number(redis, 0) + ")"
	}
	return text
}
