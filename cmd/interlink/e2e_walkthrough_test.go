package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// testWalkthrough runs docs/walkthrough.md as it is written, only on other ports:
// the first block is the first terminal, the others are one shell in the second.
func testWalkthrough(t *testing.T, binary string) {
	ctx := e2eContext(t)
	blocks := documentBlocks(t, filepath.Join("..", "..", "docs", "walkthrough.md"), "# A walkthrough", "")
	if len(blocks) < 12 {
		t.Fatalf("the walkthrough has %d blocks of commands; the test has lost its way", len(blocks))
	}
	ports := otherPorts(t)
	serveAsWritten(ctx, t, binary, blocks[0], ports)
	commands := strings.ReplaceAll(strings.Join(blocks[1:], "\n"), "bin/interlink", binary)
	out := shell(ctx, t, ports.Replace(commands))
	rest := out
	for _, want := range []string{
		`{"kind":"partner","account":"acc_`,
		`the same account again`, `{"name":"Brown","realm":"`, `{"name":"Smith","realm":"`,
		`{"verdict":"refuse","reason":"number_not_found","sip_status":404}`,
		`{"name":"Brown","status":"active","peer":"Brown"}`,
		`{"name":"Our friends at Smith","status":"active","peer":"Smith"}`,
		`{"verdict":"route","to":"Smith"}`,
		`{"status":404,"code":"key_unknown"}`, `{"status":404,"code":"not_found"}`,
		`{"status":"pending","federation":"Harbour firms"}`, `{"verdict":"refuse","reason":"number_not_found"}`,
		`{"status":"accepted","account":"Smith"}`, `{"status":"accepted","account":"Andrews"}`,
		`["Smith","Andrews"]`, `{"verdict":"route","to":"Smith"}`,
		`{"verdict":"refuse","reason":"number_not_found"}`,
		`{"number":"2009","private":true}`, `{"verdict":"refuse","reason":"number_not_found","sip_status":404}`, `{"verdict":"route","to":"Smith"}`,
		`{"status":409,"code":"pool_exceeded","free":12}`, `{"twoway_trunks":1,"version":2}`, `{"status":403,"code":"forbidden"}`,
		`{"direction":"outbound","number":"2001","peer":"Smith","state":"confirmed"}`,
		`{"lane":"twoway","limit":1,"used":1,"free":0}`, `{"name":"Harbour","used":2}`,
		`{"verdict":"refuse","reason":"caller_lines_full","sip_status":403}`,
		`{"direction":"outbound","to":"2001","peer":"Smith","result":"answered"}`,
		`{"direction":"inbound","to":"2001","peer":"Brown","result":"answered"}`,
		`{"direction":"outbound","to":"2001","peer":"Smith","result":"answered"}`, `{"calls_of_andrews":0}`,
		`PUT /v1/accounts/{account}/limits`,
		"Andrews", "Brown", "Harbour", "Smith", "2001", "2009", "Andrews", "answered", "nothing to do",
	} {
		_, after, found := strings.Cut(rest, want)
		if !found {
			t.Fatalf("the commands did not print %s there:\n%s", want, out)
		}
		rest = after
	}
}
