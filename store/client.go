package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// driverLog takes what go-redis has to say by itself. It has one logger for the
// process, so the store opened last gets it; what matters comes as errors too.
type driverLog struct{ log *slog.Logger }

func (d driverLog) Printf(ctx context.Context, format string, v ...any) {
	d.log.DebugContext(ctx, fmt.Sprintf(format, v...))
}

// errURL says no more than it must: a URL may hold a password.
var errURL = errors.New("store: the Redis URL is not redis://, rediss://, unix://, redis+sentinel://host,host/master or a comma list of redis://")

// connect returns a client for a URL: one server, servers behind Sentinels, or
// a comma list of a Cluster's nodes. It does not dial.
func connect(raw string) (redis.UniversalClient, error) {
	switch {
	case strings.HasPrefix(raw, "redis+sentinel://"), strings.HasPrefix(raw, "rediss+sentinel://"):
		return connectSentinel(raw)
	case strings.Contains(raw, ",") || strings.Contains(raw, "addr="):
		return connectCluster(raw)
	}
	o, err := redis.ParseURL(raw)
	if err != nil {
		return nil, errURL
	}
	o.Protocol, o.MaxRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 2, -1, true, true
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	o.MaintNotificationsConfig = noMaintenance()
	if o.TLSConfig == nil {
		o.Dialer = dialer()
	}
	return redis.NewClient(o), nil
}

// dialTimeout bounds one attempt to connect. Nothing that a call waits for is
// allowed that long: there the context's deadline counts.
const dialTimeout = 2 * time.Second

// Retries are ours to decide: a script that was sent may have been carried out.
func noMaintenance() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}

// connectSentinel reads redis+sentinel://[user:password@]host[:26379],host/master[?db=N&sentinel_username=…&sentinel_password=…].
func connectSentinel(raw string) (redis.UniversalClient, error) {
	scheme, rest, _ := strings.Cut(raw, "+sentinel://")
	rest, query, _ := strings.Cut(rest, "?")
	credentials := ""
	if i := strings.LastIndex(rest, "@"); i >= 0 {
		credentials, rest = rest[:i+1], rest[i+1:]
	}
	hosts, master, ok := strings.Cut(rest, "/")
	if !ok || master == "" || hosts == "" {
		return nil, errURL
	}
	addrs := strings.Split(hosts, ",")
	for i, a := range addrs {
		if !strings.Contains(a, ":") || strings.HasSuffix(a, "]") {
			addrs[i] = a + ":26379"
		}
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, errURL
	}
	user, password := values.Get("sentinel_username"), values.Get("sentinel_password")
	values.Del("sentinel_username")
	values.Del("sentinel_password")
	values.Set("master_name", master)
	values["addr"] = addrs[1:]
	o, err := redis.ParseFailoverURL(scheme + "://" + credentials + addrs[0] + "/?" + values.Encode())
	if err != nil {
		return nil, errURL
	}
	// go-redis takes the user for the Sentinels'; here it is Redis' own, as in
	// every other URL, and the Sentinels' stand in the query.
	if credentials != "" {
		o.Username, o.Password = o.SentinelUsername, o.SentinelPassword
	}
	o.SentinelUsername, o.SentinelPassword = user, password
	o.Protocol, o.MaxRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 2, -1, true, true
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	if o.TLSConfig == nil {
		o.Dialer = dialer()
	}
	return redis.NewFailoverClient(o), nil
}

// connectCluster reads redis://[user:password@]host:port,redis://host:port,…
func connectCluster(raw string) (redis.UniversalClient, error) {
	parts := strings.Split(raw, ",")
	o, err := redis.ParseClusterURL(strings.TrimSpace(parts[0]))
	if err != nil {
		return nil, errURL
	}
	for _, p := range parts[1:] {
		more, err := redis.ParseClusterURL(strings.TrimSpace(p))
		if err != nil {
			return nil, errURL
		}
		o.Addrs = append(o.Addrs, more.Addrs...)
	}
	o.Protocol, o.MaxRetries, o.ContextTimeoutEnabled, o.DisableIdentity = 2, -1, true, true
	o.DialTimeout, o.DialerRetries = dialTimeout, 1
	o.MaintNotificationsConfig = noMaintenance()
	if o.TLSConfig == nil {
		o.Dialer = dialer()
	}
	return redis.NewClusterClient(o), nil
}
