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
	blocks := readmeBlocks(t, "## A first call by hand")
	if len(blocks) < 4 {
		t.Fatalf("README.md has %d blocks of commands there; the test has lost its way", len(blocks))
	}
	// The built binary stands where make build would have put it.
	serve := strings.Replace(blocks[0], "make build\n", "", 1)
	serve = strings.Replace(serve, "bin/interlink", "exec "+binary, 1)
	serve = strings.Replace(serve, "INTERLINK_ADMIN_TOKEN=", "export INTERLINK_ADMIN_TOKEN=", 1)
	serve = strings.Replace(serve, " exec ", "\nexec ", 1)
	dir, ports := t.TempDir(), otherPorts(t)
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
	out := shell(ctx, t, ports.Replace(strings.Join(blocks[1:], "\n")))
	for _, want := range []string{
		`"number_not_found"`, `"route"`, "the call went through", `"result": "answered"`, `interlink_calls_total{reason="",result="answered"} 1`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("the commands did not print %s:\n%s", want, out)
		}
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

// readmeBlocks returns the sh blocks below a heading, up to the next one.
func readmeBlocks(t *testing.T, heading string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(b), heading+"\n")
	if !ok {
		t.Fatalf("README.md has no %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var blocks []string
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)\n```").FindAllStringSubmatch(section, -1) {
		blocks = append(blocks, m[1])
	}
	return blocks
}

// otherPorts replaces the ports that README.md names by free ones.
func otherPorts(t *testing.T) *strings.Replacer {
	t.Helper()
	var pairs []string
	for port, network := range map[string]string{"8080": "tcp", "9090": "tcp", "5060": "udp", "5071": "udp", "5072": "udp"} {
		free, err := testbed.FreePort(network, netip.AddrFrom4([4]byte{127, 0, 0, 1}))
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, port, strconv.Itoa(int(free.Port())))
	}
	return strings.NewReplacer(pairs...)
}
