package testbed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

const (
	adminToken = "testbed-administrator-token"
	clusterKey = "testbed-cluster-key-of-no-secrecy-whatsoever"
)

// Gateway says how to run the built gateway.
type Gateway struct {
	// Binary is the program, an absolute path.
	Binary string
	// SIP is where it listens over UDP.
	SIP netip.AddrPort
	// RedisURL is its store; empty runs the embedded one in DataDir.
	RedisURL, DataDir string
	// NodeID tells several nodes on one Redis apart.
	NodeID string
	// Env is added to its environment, "INTERLINK_…=…".
	Env []string
	// Dir takes the log.
	Dir string
}

// RunningGateway is a gateway that is ready for calls.
type RunningGateway struct {
	*Process
	SIP, HTTP, Debug netip.AddrPort
}

// StartGateway runs the gateway and waits until it says that it is ready.
func StartGateway(ctx context.Context, g Gateway) (*RunningGateway, error) {
	api, err := FreePort("tcp", g.SIP.Addr())
	if err != nil {
		return nil, err
	}
	debug, err := FreePort("tcp", g.SIP.Addr())
	if err != nil {
		return nil, err
	}
	env := []string{
		"INTERLINK_SIP_LISTEN=udp:" + g.SIP.String(),
		"INTERLINK_API_LISTEN=" + api.String(),
		"INTERLINK_DEBUG_LISTEN=" + debug.String(),
		"INTERLINK_ADMIN_TOKEN=" + adminToken,
	}
	args := []string{"serve"}
	if g.RedisURL == "" {
		args = append(args, "--embedded")
		env = append(env, "INTERLINK_DATA_DIR="+g.DataDir)
	} else {
		env = append(env, "INTERLINK_REDIS_URL="+g.RedisURL, "INTERLINK_CLUSTER_KEY="+clusterKey)
	}
	if g.NodeID != "" {
		env = append(env, "INTERLINK_NODE_ID="+g.NodeID)
	}
	for _, v := range os.Environ() {
		// Nothing of the surroundings' configuration may get into the test.
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "INTERLINK_") {
			env = append(env, name+"=")
		}
	}
	p, err := Start(Command{Name: "interlink", Path: g.Binary, Args: args, Env: append(env, g.Env...), Dir: g.Dir})
	if err != nil {
		return nil, err
	}
	r := &RunningGateway{Process: p, SIP: g.SIP, HTTP: api, Debug: debug}
	if err := p.Until(ctx, "ready", r.Ready); err != nil {
		p.Kill()
		return nil, err
	}
	return r, nil
}

// API speaks to the gateway's REST API as the first administrator.
func (g *RunningGateway) API() *API { return NewAPI("http://"+g.HTTP.String(), adminToken) }

// Ready reports what /readyz says.
func (g *RunningGateway) Ready() bool {
	status, _, err := g.get("/readyz")
	return err == nil && status == http.StatusOK
}

// Metrics is the text of /metrics.
func (g *RunningGateway) Metrics() (string, error) {
	status, body, err := g.get("/metrics")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/metrics answered %d", status)
	}
	return body, err
}

func (g *RunningGateway) get(path string) (int, string, error) {
	c := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := c.Get("http://" + g.Debug.String() + path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(body), err
}
