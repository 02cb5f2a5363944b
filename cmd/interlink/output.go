package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// The forms an answer is printed in.
const (
	asTable = "table"
	asJSON  = "json"
	asYAML  = "yaml"
)

func forms() []string { return []string{asTable, asJSON, asYAML} }

// printAnswer prints an answer of the API: a list as a table of these columns,
// one object as a table of its fields, or either as the API spells it.
func printAnswer(w io.Writer, form string, columns []string, answer any) error {
	if form == asJSON {
		b, err := json.MarshalIndent(answer, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", b)
		return err
	}
	node, err := nodeOf(answer)
	if err != nil {
		return err
	}
	switch {
	case form == asYAML:
		return printYAML(w, node)
	case node.Kind == yaml.SequenceNode:
		return printList(w, columns, node.Content)
	case node.Kind == yaml.MappingNode:
		return printObject(w, node)
	}
	_, err = fmt.Fprintln(w, cell(node))
	return err
}

// nodeOf turns an answer into a tree that keeps the order of the fields: JSON is
// YAML.
func nodeOf(answer any) (*yaml.Node, error) {
	b, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		return nil, err
	}
	if len(doc.Content) == 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, nil
	}
	unstyled(doc.Content[0])
	return doc.Content[0], nil
}

// unstyled takes JSON's way of writing from a tree.
func unstyled(n *yaml.Node) {
	n.Style = 0
	for _, c := range n.Content {
		unstyled(c)
	}
}

func printYAML(w io.Writer, node *yaml.Node) error {
	e := yaml.NewEncoder(w)
	e.SetIndent(2)
	if err := e.Encode(node); err != nil {
		return err
	}
	return e.Close()
}

// printList prints a row for each object. Without columns, every field of the
// first one that is no list or object is one.
func printList(w io.Writer, columns []string, items []*yaml.Node) error {
	if len(columns) == 0 && len(items) > 0 {
		for i := 0; i+1 < len(items[0].Content); i += 2 {
			columns = append(columns, items[0].Content[i].Value)
		}
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = strings.ToUpper(strings.ReplaceAll(c, "_", " "))
	}
	writeRow(t, heads)
	for _, item := range items {
		row := make([]string, len(columns))
		for i, c := range columns {
			row[i] = cell(at(item, c))
		}
		writeRow(t, row)
	}
	return t.Flush()
}

// writeRow writes cells so that no line ends in blanks.
func writeRow(w io.Writer, cells []string) {
	// A tabwriter pads cells that a tab ends; the last one is not.
	fmt.Fprintln(w, strings.Join(cells, "\t"))
}

// printObject prints a line for each field; lists of objects follow as tables.
func printObject(w io.Writer, node *yaml.Node) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var lists []int
	var fields func(prefix string, n *yaml.Node)
	fields = func(prefix string, n *yaml.Node) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := prefix+n.Content[i].Value, n.Content[i+1]
			switch {
			case value.Kind == yaml.MappingNode && len(value.Content) > 0:
				fields(name+".", value)
			case prefix == "" && objects(value):
				lists = append(lists, i)
			default:
				writeRow(t, []string{name, cell(value)})
			}
		}
	}
	fields("", node)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, i := range lists {
		if _, err := fmt.Fprintf(w, "\n%s:\n", node.Content[i].Value); err != nil {
			return err
		}
		if err := printList(w, nil, node.Content[i+1].Content); err != nil {
			return err
		}
	}
	return nil
}

// objects reports whether a node is a list of objects.
func objects(n *yaml.Node) bool {
	return n.Kind == yaml.SequenceNode && len(n.Content) > 0 && n.Content[0].Kind == yaml.MappingNode
}

// at follows a path of fields; nil where it leads nowhere.
func at(n *yaml.Node, path string) *yaml.Node {
	for name := range strings.SplitSeq(path, ".") {
		if n == nil || n.Kind != yaml.MappingNode {
			return nil
		}
		n = member(n, name)
	}
	return n
}

// member is an object's field; nil for none.
func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

// cell is a value in one place of a table: - for nothing.
func cell(n *yaml.Node) string {
	switch {
	case n == nil || n.Tag == "!!null" || n.Kind == yaml.ScalarNode && n.Value == "" || n.Kind != yaml.ScalarNode && len(n.Content) == 0:
		return "-"
	case n.Kind == yaml.SequenceNode:
		parts := make([]string, len(n.Content))
		for i, c := range n.Content {
			parts[i] = cell(c)
		}
		return strings.Join(parts, ",")
	case n.Kind == yaml.MappingNode:
		if name := at(n, "name"); name != nil && len(n.Content) == 2 {
			return cell(name)
		}
		var parts []string
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, n.Content[i].Value+"="+cell(n.Content[i+1]))
		}
		return strings.Join(parts, " ")
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' ' // a name is no way to write to a terminal
		}
		return r
	}, n.Value)
}
