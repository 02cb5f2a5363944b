package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/store"
)

// checkTime bounds everything check waits for.
const checkTime = 10 * time.Second

func checkCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Check the configuration and whether the gateway could start with it",
		Long: "Check the configuration, the store and the listening addresses. No data is\n" +
			"changed. A gateway that is running with the same configuration is asked whether\n" +
			"it is ready instead. The exit status is 0 when all is well.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), environ)
			if err == nil {
				err = cfg.Validate()
			}
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), checkTime)
			defer cancel()
			return check(ctx, cfg, cmd.OutOrStdout())
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

// check prints one line per finding and returns an error when one is bad.
func check(ctx context.Context, cfg *Config, out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	bad := 0
	report := func(what, good string, err error) {
		if err != nil {
			bad++
			fmt.Fprintf(w, "%s\tFAILED\t%v\n", what, err)
			return
		}
		fmt.Fprintf(w, "%s\tok\t%s\n", what, good)
	}
	report("configuration", "every setting is valid", nil)
	running, err := askRunning(ctx, cfg)
	if running {
		report("gateway", "running and ready on "+cfg.DebugListen, err)
	}
	if !running || !cfg.Embedded { // a running embedded gateway has the data to itself
		good, err := checkStore(ctx, cfg)
		report("store", good, err)
	}
	if !running {
		for _, a := range cfg.SIPListen {
			report("sip udp:"+a.String(), "free", checkPacket(ctx, a.String()))
		}
		report("api "+cfg.APIListen, "free", checkListen(ctx, cfg.APIListen))
		if cfg.DebugListen != "" {
			report("debug "+cfg.DebugListen, "free", checkListen(ctx, cfg.DebugListen))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}

// askRunning asks a gateway on the debug address whether it is ready.
func askRunning(ctx context.Context, cfg *Config) (running bool, err error) {
	if cfg.DebugListen == "" {
		return false, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.DebugListen+"/readyz", nil)
	if err != nil {
		return false, err
	}
	client := &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return false, nil
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 256))
	if err != nil || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return false, nil // somebody else's server; the listener's check will tell
	}
	if res.StatusCode != http.StatusOK {
		return true, errors.New(string(body))
	}
	return true, nil
}

func checkStore(ctx context.Context, cfg *Config) (string, error) {
	if _, err := os.Stat(cfg.DataDir); cfg.Embedded && errors.Is(err, fs.ErrNotExist) {
		return cfg.DataDir + " does not exist yet; serve makes it", nil
	}
	key, dir := []byte(cfg.ClusterKey), ""
	if cfg.Embedded {
		dir = cfg.DataDir // with a Redis, the copy there must not stand in for it
	}
	s, err := store.Open(ctx, store.Config{
		URL: cfg.RedisURL, Embedded: cfg.Embedded, DataDir: dir,
		ClusterKey: key, NodeID: cfg.NodeID, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return "", err
	}
	good := fmt.Sprintf("answers; %d accounts, %d numbers, %d interlinks",
		s.View().Size(directory.KindAccount), s.View().Size(directory.KindNumber), s.View().Size(directory.KindInterlink))
	return good, errors.Join(s.Ready(), s.Close())
}

func checkPacket(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	c, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return err
	}
	return c.Close()
}

func checkListen(ctx context.Context, addr string) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	return l.Close()
}
