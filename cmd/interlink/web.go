package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// shutdownTime bounds the API requests still being answered at the end.
const shutdownTime = 5 * time.Second

// webServer is an HTTP server on a listener of its own.
type webServer struct {
	listener net.Listener
	server   *http.Server
}

// listenWeb binds addr. writeTime bounds one answer, 0 for no bound.
func listenWeb(addr string, h http.Handler, writeTime time.Duration, log *slog.Logger) (*webServer, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &webServer{l, &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      writeTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}}, nil
}

func (w *webServer) addr() string { return w.listener.Addr().String() }

// run serves until ctx is done, then lets requests under way finish for a while.
func (w *webServer) run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- w.server.Serve(w.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("HTTP on %s: %w", w.addr(), err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	err := w.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = w.server.Close()
	}
	if e := <-served; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// close frees the listener, also when run was never called.
func (w *webServer) close() error {
	err := w.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, w.server.Close())
}
