package testbed

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Redis is a running redis-server.
type Redis struct {
	*Process
	Addr netip.AddrPort
	args []string
	dir  string
}

// URL is what INTERLINK_REDIS_URL takes.
func (r *Redis) URL() string { return "redis://" + r.Addr.String() + "/0" }

// StartRedis runs redis-server on a free port of a loopback address and waits
// until it answers. It keeps nothing on disk unless the settings say so
// ("--appendonly", "yes"); dir takes what it writes.
func StartRedis(ctx context.Context, dir string, settings ...string) (*Redis, error) {
	addr, err := FreePort("tcp", Address())
	if err != nil {
		return nil, err
	}
	r := &Redis{Addr: addr, dir: dir, args: append([]string{
		"--bind", addr.Addr().String(), "--port", strconv.Itoa(int(addr.Port())),
		"--save", "", "--appendonly", "no", "--dir", dir,
	}, settings...)}
	return r, r.Restart(ctx)
}

// Restart runs a Redis that has ended again, on the same port.
func (r *Redis) Restart(ctx context.Context) error {
	p, err := Start(Command{Name: "redis", Path: "redis-server", Dir: r.dir, Args: r.args})
	if err != nil {
		return err
	}
	r.Process = p
	if err := p.Until(ctx, "answering PING", r.ping); err != nil {
		p.Kill()
		return err
	}
	return nil
}

func (r *Redis) ping() bool {
	c, err := net.DialTimeout("tcp", r.Addr.String(), time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(time.Second))
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	answer, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && answer == "+PONG\r\n"
}
