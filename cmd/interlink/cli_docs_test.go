package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedCommands: every command line in docs/cli.md names a command that
// is there, with flags it takes; every noun is named.
func TestDocumentedCommands(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(string(b), -1) {
		for _, line := range regexp.MustCompile(`(?m)(?:^|^\s+)interlink ([^|\n>]*)`).FindAllStringSubmatch(block[1], -1) {
			lines++
			args := []string{}
			for _, word := range regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line[1], -1) {
				args = append(args, strings.Trim(word, `"`))
			}
			cmd, rest, err := newCommand(nil).Find(args)
			if err == nil {
				err = cmd.ParseFlags(rest)
			}
			if err == nil && cmd.Args != nil {
				err = cmd.Args(cmd, cmd.Flags().Args())
			}
			if err != nil {
				t.Errorf("interlink %s: %v", line[1], err)
			}
		}
	}
	if lines < 12 {
		t.Errorf("found %d command lines; the test has lost its way", lines)
	}
	for _, n := range nouns() {
		if !strings.Contains(string(b), "`"+n.name+"`") {
			t.Errorf("docs/cli.md does not name %s", n.name)
		}
	}
}
