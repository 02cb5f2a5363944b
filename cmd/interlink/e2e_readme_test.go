package main

import (
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// testReadme runs the commands of "A first call by hand" as README.md has them,
// only on other ports: the first block is the first terminal, the others are
// one shell in the second.
func testReadme(t *testing.T, binary string) {
	ctx := e2eContext(t)
	blocks := documentBlocks(t, filepath.Join("..", "..", "README.md"), "## A first call by hand", "\n## ")
	if len(blocks) < 4 {
		t.Fatalf("README.md has %d blocks of commands there; the test has lost its way", len(blocks))
	}
	ports := otherPorts(t)
	serveAsWritten(ctx, t, binary, blocks[0], ports)
	out := shell(ctx, t, ports.Replace(strings.Join(blocks[1:], "\n")))
	for _, want := range []string{
		`"number_not_found"`, `"route"`, "the call went through", `"result": "answered"`, `interlink_calls_total{reason="",result="answered"} 1`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands did not print %s:\n%s", want, out)
		}
	}
}

// serveAsWritten runs the commands that start a gateway, with the built binary
// where make build would have put it, and waits until it is ready.
func serveAsWritten(ctx context.Context, t *testing.T, binary, commands string, ports *strings.Replacer) {
	t.Helper()
	serve := strings.Replace(commands, "make build\n", "", 1)
	serve = strings.Replace(serve, "bin/interlink", "exec "+binary, 1)
	serve = strings.Replace(serve, "INTERLINK_ADMIN_TOKEN=", "export INTERLINK_ADMIN_TOKEN=", 1)
	serve = strings.Replace(serve, " exec ", "\nexec ", 1)
	dir := t.TempDir()
	gateway, err := testbed.Start(testbed.Command{
		Name: "readme-serve", Path: "bash", Dir: dir, Env: []string{"TMPDIR=" + dir},
		Args: []string{"-euc", ports.Replace(serve + " --sip-listen udp:127.0.0.1:5060 --api-listen 127.0.0.1:8080 --debug-listen 127.0.0.1:9090")},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := gateway.Stop(); err != nil {
			t.Error(err)
		}
	})
	ready := func() bool {
		return exec.Command("curl", "-sf", "-o", os.DevNull, ports.Replace("http://127.0.0.1:9090/readyz")).Run() == nil
	}
	if err := gateway.Until(ctx, "ready", ready); err != nil {
		t.Fatal(err)
	}
}

func shell(ctx context.Context, t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Dir = t.TempDir()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return string(out)
}

// documentBlocks returns the sh blocks below a heading of a document, up to what
// ends the section; "" for the document's end.
func documentBlocks(t *testing.T, path, heading, end string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), heading+"\n")
	if !ok {
		t.Fatalf("%s has no %q", path, heading)
	}
	if end != "" {
		section, _, _ = strings.Cut(section, end)
	}
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// otherPorts replaces the ports that the documents name by free ones.
func otherPorts(t *testing.T) *strings.Replacer {
	t.Helper()
	var pairs []string
	for port, network := range map[string]string{"8080": "tcp", "9090": "tcp", "5060": "udp", "5071": "udp", "5072": "udp", "5073": "udp"} {
		free, err := testbed.FreePort(network, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, port, strconv.Itoa(int(free.Port())))
	}
	return strings.NewReplacer(pairs...)
}
