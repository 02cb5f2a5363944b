package main

import (
	"encoding/json"
	"testing"
)

// The document needs no gateway, no configuration and no store.
func TestOpenAPICommand(t *testing.T) {
	out, err := run(testContext(t), nil, "openapi")
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		OpenAPI string
		Paths   map[string]any
	}
	if err := json.Unmarshal([]byte(out), &document); err != nil || document.OpenAPI != "3.1.0" || document.Paths["/v1/explain"] == nil {
		t.Fatalf("OpenAPI %q with %d paths (%v)", document.OpenAPI, len(document.Paths), err)
	}
}
