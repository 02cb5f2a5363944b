// Command interlink joins separate PBXs into one dial plan: a SIP proxy, a REST
// API and their store in one process.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	// The first signal ends the command in good order. After it signals have
	// their usual effect again: the second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	if err := newCommand(os.Environ()).ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "interlink: %v\n", err)
		os.Exit(1)
	}
}

// newCommand builds the command line; environ is what os.Environ returns.
func newCommand(environ []string) *cobra.Command {
	root := &cobra.Command{
		Use:           "interlink",
		Short:         "Join separate PBXs into one internal dial plan",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(serveCommand(environ), checkCommand(environ), explainCommand(environ), devCommand(environ), openapiCommand(), versionCommand())
	return root
}

func serveCommand(environ []string) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the gateway until it is told to stop",
		Long: "Run the gateway. SIGTERM or Ctrl-C drains it: no new calls are taken, calls in\n" +
			"progress are served until they end or the drain time is over. A second signal\n" +
			"ends it at once.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := loadConfig(cmd.Flags(), environ)
			if err != nil {
				return err
			}
			return serve(cmd.Context(), *cfg, newLogger(cfg, cmd.ErrOrStderr()))
		},
	}
	addFlags(cmd.Flags())
	return cmd
}

func serve(ctx context.Context, cfg Config, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(loadingGC)
	}
	g, err := New(ctx, cfg, log)
	if err != nil {
		return err
	}
	tuning, stop := context.WithCancel(ctx)
	defer stop()
	tune(tuning, g.sip.Loops())
	err = errors.Join(g.Run(ctx), g.Close())
	log.Info("stopped")
	return err
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run:   func(cmd *cobra.Command, _ []string) { printVersion(cmd.OutOrStdout()) },
	}
}

func newLogger(cfg *Config, w io.Writer) *slog.Logger {
	opts := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts)).With("node", cfg.NodeID)
	}
	return slog.New(slog.NewTextHandler(w, opts)).With("node", cfg.NodeID)
}
