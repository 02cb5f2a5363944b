// Command interlink joins separate PBXs into one dial plan: a SIP proxy, a REST
// API and their store in one process.
package main

import (
	"context"
	"errors"
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
		printError(os.Stderr, err)
		os.Exit(exitCode(err))
	}
}

// Groups of commands, as the help lists them.
const (
	groupRun     = "run"
	groupPeople  = "people"
	groupObjects = "objects"
	groupWorld   = "world"
)

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
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run a gateway:"}, &cobra.Group{ID: groupPeople, Title: "Say who you are:"},
		&cobra.Group{ID: groupObjects, Title: "Read and change what a gateway has:"}, &cobra.Group{ID: groupWorld, Title: "Keep all of it in a file:"})
	for _, cmd := range []*cobra.Command{serveCommand(environ), checkCommand(environ), devCommand(environ), openapiCommand(), versionCommand()} {
		cmd.GroupID = groupRun
		root.AddCommand(cmd)
	}
	root.AddCommand(loginCommand(environ), logoutCommand(environ), meCommand(environ), accessCommand(environ))
	for _, cmd := range nounCommands(environ) {
		if cmd.Name() == "plan" {
			planFlags(environ, cmd)
		}
		root.AddCommand(cmd)
	}
	root.AddCommand(explainCommand(environ), eventsCommand(environ), applyCommand(environ), exportCommand(environ))
	withUsageErrors(root)
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
	threads := newSpread()
	defer threads.close()
	g.api.server.Handler = threads.over(g.api.server.Handler)
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
