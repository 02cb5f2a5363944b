package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pbx-interlink/interlink/bench/testbed"
)

// Kamailio's best settings on two cores: two workers and its fast memory
// manager.
var kamailioArgs = [...]string{"-x", "fm", "-X", "fm", "-m", "1024", "-M", "32"}

func startKamailio(ctx context.Context, _ *lab, s site) (*running, error) {
	p, err := kamailio(ctx, s, map[string]string{})
	if err != nil {
		return nil, err
	}
	return &running{proxy: p.Process, abandon: p.Kill, finish: func(ctx context.Context) (int, error) {
		n, err := ended(ctx, p)
		return n, errors.Join(err, p.Stop())
	}}, nil
}

func startKamailioRedis(ctx context.Context, _ *lab, s site) (*running, error) {
	return withRedis(ctx, s, "-A", "WITH_REDIS")
}

func startKamailioLeases(ctx context.Context, _ *lab, s site) (*running, error) {
	return withRedis(ctx, s, "-A", "WITH_REDIS", "-A", "WITH_LEASES")
}

// withRedis starts a Redis, gives it the scripts, and starts Kamailio with it.
func withRedis(ctx context.Context, s site, args ...string) (*running, error) {
	redis, err := testbed.StartRedis(ctx, s.dir)
	if err != nil {
		return nil, err
	}
	names := map[string]string{"REDIS_HOST": redis.Addr.Addr().String(), "REDIS_PORT": strconv.Itoa(int(redis.Addr.Port()))}
	for key, file := range map[string]string{"ADMIT": "admit.lua", "CONFIRM": "confirm.lua", "RELEASE": "release.lua"} {
		script, err := os.ReadFile(filepath.Join("bench/kamailio", file))
		if err == nil {
			names[key], err = redisCLI(ctx, redis, "script", "load", string(script))
		}
		if err != nil {
			redis.Kill()
			return nil, err
		}
	}
	p, err := kamailio(ctx, s, names, args...)
	if err != nil {
		redis.Kill()
		return nil, err
	}
	finish := func(ctx context.Context) (int, error) {
		n, err := ended(ctx, p)
		filed, err2 := redisCLI(ctx, redis, "xinfo", "stream", "{b}records")
		return n, errors.Join(err, err2, filedAll(filed, n), p.Stop(), redis.Stop())
	}
	return &running{proxy: p.Process, redis: redis.Process, finish: finish, abandon: func() { p.Kill(); redis.Kill() }}, nil
}

// filedAll holds Kamailio's count against the records in Redis: XINFO's
// entries-added counts those that MAXLEN has trimmed too.
func filedAll(info string, want int) error {
	lines := strings.Split(info, "\n")
	for i, l := range lines {
		if strings.TrimSpace(l) != "entries-added" || i+1 == len(lines) {
			continue
		}
		if n, err := strconv.Atoi(strings.TrimSpace(lines[i+1])); err != nil || n != want {
			return fmt.Errorf("%d calls ended, %s were filed in Redis", want, lines[i+1])
		}
		return nil
	}
	return fmt.Errorf("no records in Redis: %q", info)
}

// kamailio starts it with the @NAMES@ of its configuration filled in.
func kamailio(ctx context.Context, s site, names map[string]string, args ...string) (*testbed.RunningKamailio, error) {
	maps.Copy(names, map[string]string{
		"LISTEN": s.proxy.String(), "CALLER": s.caller.Addr().String(),
		"CALLEE_HOST": s.callee.Addr().String(), "CALLEE": s.callee.String(),
		"PROBE_CALLER": s.probeCaller.Addr().String(), "PROBE_CALLEE": s.probeCallee.String(), "LINES": strconv.Itoa(lines),
	})
	return testbed.StartKamailio(ctx, testbed.Kamailio{
		Config: "bench/kamailio/kamailio.cfg", Names: names, Dir: s.dir, Args: append(kamailioArgs[:], args...),
	})
}

// ended asks Kamailio how many calls it has seen the end of.
func ended(ctx context.Context, k *testbed.RunningKamailio) (int, error) {
	out, err := k.Command(ctx, "htable.get", "ended", "calls")
	if err != nil {
		return 0, err
	}
	_, value, _ := strings.Cut(out, "value:")
	value, _, _ = strings.Cut(value, "\n")
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		return 0, fmt.Errorf("kamcmd said %q: %w", out, err)
	}
	return n, nil
}

func redisCLI(ctx context.Context, r *testbed.Redis, args ...string) (string, error) {
	at := []string{"-h", r.Addr.Addr().String(), "-p", strconv.Itoa(int(r.Addr.Port()))}
	out, err := exec.CommandContext(ctx, "redis-cli", append(at, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("redis-cli: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
