// Command openapilint holds an OpenAPI document to a set of rules.
//
//	openapilint RULES DOCUMENT
//
// It prints every finding and leaves with 1 when there is one, however light:
// what is not meant to be heeded is switched off in RULES, with the reason.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/speakeasy-api/openapi/linter"
	"github.com/speakeasy-api/openapi/openapi"
	rules "github.com/speakeasy-api/openapi/openapi/linter"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: openapilint RULES DOCUMENT")
		os.Exit(2)
	}
	found, err := lint(context.Background(), os.Args[1], os.Args[2])
	switch {
	case err != nil:
		fmt.Fprintf(os.Stderr, "openapilint: %v\n", err)
		os.Exit(2)
	case found > 0:
		os.Exit(1)
	}
}

// lint prints what is wrong with the document and how many findings there are.
func lint(ctx context.Context, config, document string) (int, error) {
	cfg, err := linter.LoadConfigFromFile(config)
	if err != nil {
		return 0, err
	}
	l, err := rules.NewLinter(cfg)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(document)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	doc, invalid, err := openapi.Unmarshal(ctx, f)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", document, err)
	}
	out, err := l.Lint(ctx, linter.NewDocumentInfo(doc, document), invalid, nil)
	if err != nil {
		return 0, err
	}
	fmt.Println(out.FormatText())
	return len(out.Results), nil
}
