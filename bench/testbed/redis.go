package testbed

import (
	"bufio"
	"context"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// Redis is a running redis-server that keeps nothing on disk.
type Redis struct {
	*Process
	Addr netip.AddrPort
}

// URL is what INTERLINK_REDIS_URL takes.
func (r *Redis) URL() string { return "redis://" + r.Addr.String() + "/0" }

// StartRedis runs redis-server on a free port of a loopback address and waits
// until it answers.
func StartRedis(ctx context.Context, dir string) (*Redis, error) {
	addr, err := FreePort("tcp", Address())
	if err != nil {
		return nil, err
	}
	p, err := Start(Command{Name: "redis", Path: "redis-server", Dir: dir, Args: []string{
		"--bind", addr.Addr().String(), "--port", strconv.Itoa(int(addr.Port())),
		"--save", "", "--appendonly", "no", "--dir", dir,
	}})
	if err != nil {
		return nil, err
	}
	r := &Redis{Process: p, Addr: addr}
	if err := p.Until(ctx, "answering PING", r.ping); err != nil {
		p.Kill()
		return nil, err
	}
	return r, nil
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
