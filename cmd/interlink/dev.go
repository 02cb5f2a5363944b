package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	_ "embed" // for the SIPp scenario

	"github.com/spf13/cobra"
)

// sippScenario is a caller for SIPp that follows the Record-Route set, which
// its built-in one does not.
//
//go:embed testdata/caller.xml
var sippScenario []byte

// devOptions says how `interlink dev` runs.
type devOptions struct {
	// API, SIP and Debug are tried first; a taken address is replaced by a free
	// port on the same host.
	API, SIP, Debug string
	// FirstPort is the port of the first pretend PBX, the others follow; 0
	// takes free ports.
	FirstPort uint16
	// Once ends after the demonstration.
	Once bool
	Out  io.Writer
	Log  *slog.Logger
}

func devCommand(_ []string) *cobra.Command {
	var o devOptions
	level := "error"
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Run the gateway with pretend PBXs and show some calls",
		Long: "Run the real gateway with an embedded store on the loopback, join pretend PBXs to\n" +
			"it over the API, show what becomes of some calls, and stay up for more. Nothing\n" +
			"is kept afterwards. With --once it ends after the demonstration, with status 0\n" +
			"only if everything came out as it should.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := parseLevel(level)
			if err != nil {
				return fmt.Errorf("log-level: %w", err)
			}
			o.Out = cmd.OutOrStdout()
			o.Log = newLogger(&Config{LogLevel: l, NodeID: "dev"}, cmd.ErrOrStderr())
			return runDev(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.API, "api-listen", "127.0.0.1:8080", "address of the REST API")
	cmd.Flags().StringVar(&o.SIP, "sip-listen", "127.0.0.1:5060", "address for SIP over UDP")
	cmd.Flags().StringVar(&o.Debug, "debug-listen", "127.0.0.1:9090", "address of /metrics and the like")
	cmd.Flags().Uint16Var(&o.FirstPort, "pbx-port", 5071, "port of the first pretend PBX; 0 = any")
	cmd.Flags().BoolVar(&o.Once, "once", false, "end after the demonstration")
	cmd.Flags().StringVar(&level, "log-level", level, "debug, info, warn or error")
	return cmd
}

// stage is everything `interlink dev` has running.
type stage struct {
	gateway               *Gateway
	rec                   *recorder
	brown, smith, andrews *pretendPBX
	// sipp is the address kept free for the reader's own SIPp.
	sipp     netip.AddrPort
	scenario string // path of the SIPp scenario
	closers  []func() error
}

// errUnexpected ends `dev --once` with a failure.
var errUnexpected = errors.New("something did not come out as it should; see above")

// runDev runs the demonstration and then, unless Once, waits for ctx.
func runDev(ctx context.Context, o devOptions) (err error) {
	b := &stage{rec: &recorder{}}
	defer func() { err = errors.Join(err, b.close()) }()
	if err := b.open(ctx, o); err != nil {
		return err
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- b.gateway.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()
	s := &show{stage: b, out: o.Out}
	err = s.run(ctx)
	switch {
	case err != nil && ctx.Err() != nil && !o.Once:
		fmt.Fprintln(o.Out, "\nStopping.") // Ctrl-C in the middle is nothing to complain about
		return nil
	case err != nil:
		return err
	case o.Once && s.failed:
		return errUnexpected
	case o.Once:
		return nil
	}
	s.invite()
	select {
	case <-ctx.Done():
		fmt.Fprintln(o.Out, "\nStopping.")
		return nil
	case err := <-ended:
		ended <- nil
		return err
	}
}

// open starts the gateway and the pretend PBXs.
func (b *stage) open(ctx context.Context, o devOptions) (err error) {
	sipAddr, err := netip.ParseAddrPort(freeAddr(o.Out, "udp", "SIP", o.SIP))
	if err != nil {
		return fmt.Errorf("sip-listen: %w", err)
	}
	cfg := Config{
		Embedded: true, NodeID: "dev", RealmSuffix: "dev.interlink.invalid", DrainTime: time.Second,
		SIPListen:   []netip.AddrPort{sipAddr},
		APIListen:   freeAddr(o.Out, "tcp", "the API", o.API),
		DebugListen: freeAddr(o.Out, "tcp", "metrics", o.Debug),
	}
	if b.gateway, err = New(ctx, cfg, o.Log); err != nil {
		return err
	}
	b.closers = append(b.closers, b.gateway.Close)
	for i, p := range []struct {
		pbx  **pretendPBX
		name string
		hz   int
	}{{&b.brown, "Brown", 400}, {&b.smith, "Smith", 500}, {&b.andrews, "Andrews", 800}} {
		conn, err := listenPBX(o.FirstPort, i)
		if err != nil {
			return err
		}
		pbx, err := openPBX(p.name, conn, p.hz, b.rec)
		if err != nil {
			return errors.Join(err, conn.Close())
		}
		pbx.gateway = b.gateway.SIPAddrs()[0]
		*p.pbx = pbx
		b.closers = append(b.closers, func() error { pbx.close(); return nil })
	}
	return b.openSIPp(o.FirstPort)
}

// openSIPp writes the scenario and finds a port for SIPp to send from.
func (b *stage) openSIPp(firstPort uint16) error {
	conn, err := listenPBX(firstPort, 19) // 5090
	if err != nil {
		return err
	}
	b.sipp = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	dir, err := os.MkdirTemp("", "interlink-dev-")
	if err = errors.Join(err, conn.Close()); err != nil {
		return err
	}
	b.closers = append(b.closers, func() error { return os.RemoveAll(dir) })
	b.scenario = filepath.Join(dir, "caller.xml")
	return os.WriteFile(b.scenario, sippScenario, 0o600)
}

func (b *stage) close() error {
	var errs []error
	for i := len(b.closers) - 1; i >= 0; i-- {
		errs = append(errs, b.closers[i]())
	}
	return errors.Join(errs...)
}

// freeAddr returns addr, or the same host with port 0 when addr is taken.
func freeAddr(out io.Writer, network, what, addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "0" {
		return addr // New tells what is wrong with it
	}
	if network == "udp" {
		err = checkPacket(context.Background(), addr)
	} else {
		err = checkListen(context.Background(), addr)
	}
	if err == nil {
		return addr
	}
	fmt.Fprintf(out, "Note: %s is taken, so %s gets another port.\n", addr, what)
	return net.JoinHostPort(host, "0")
}

// listenPBX binds first+i on the loopback, or any port when that is taken.
func listenPBX(first uint16, i int) (net.PacketConn, error) {
	if first != 0 {
		if conn, err := net.ListenPacket("udp4", fmt.Sprintf("127.0.0.1:%d", int(first)+i)); err == nil {
			return conn, nil
		}
	}
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a port for a pretend PBX: %w", err)
	}
	return conn, nil
}
