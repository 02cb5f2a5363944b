package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/pbx-interlink/interlink/provision"
)

// Exit codes, for scripts; docs/cli.md tells them.
const (
	exitOK = iota
	exitFailure
	exitUsage
	exitNotFound
	exitRefused
	exitConflict
	exitInvalid
	exitUnavailable
	exitPending
)

// exitError is an error that names its exit code.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// errPending says nothing on its own: the plan has been printed.
var errPending = errors.New("changes are pending")

func usagef(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// exitCode is what the process ends with.
func exitCode(err error) int {
	var named *exitError
	var problem *provision.Problem
	var network *url.Error
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errPending):
		return exitPending
	case errors.As(err, &named):
		return named.code
	case errors.As(err, &problem):
		return exitOfStatus(problem.Status)
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return exitUnavailable
	}
	return exitFailure
}

func exitOfStatus(status int) int {
	switch status {
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusUnauthorized, http.StatusForbidden:
		return exitRefused
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired:
		return exitConflict
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		return exitInvalid
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return exitUnavailable
	}
	return exitFailure
}

// printError says what went wrong: of a problem its detail, its code and what it
// blames, and the request's id for who reads the log.
func printError(w io.Writer, err error) {
	if err == nil || errors.Is(err, errPending) {
		return
	}
	var p *provision.Problem
	if !errors.As(err, &p) {
		fmt.Fprintf(w, "interlink: %v\n", err)
		return
	}
	fmt.Fprintf(w, "interlink: %s (%d %s)\n", p.Detail, p.Status, p.Code)
	for _, f := range p.Errors {
		where := f.Pointer
		if where == "" {
			where = f.Parameter
		}
		if where != "" {
			fmt.Fprintf(w, "  %s: %s (%s)\n", where, f.Detail, f.Code)
		}
	}
	if p.Free != nil {
		fmt.Fprintf(w, "  free: inbound %d, outbound %d, two-way %d, burst %d\n", p.Free.Inbound, p.Free.Outbound, p.Free.TwoWay, p.Free.Burst)
	}
	if after := p.RetryAfter(); after > 0 {
		fmt.Fprintf(w, "  try again in %v\n", after)
	}
	if p.RequestID != "" {
		fmt.Fprintf(w, "  request %s\n", p.RequestID)
	}
}

// withUsageErrors gives every complaint about the command line its exit code.
func withUsageErrors(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &exitError{exitUsage, err} })
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return &exitError{exitUsage, err}
			}
			return nil
		}
	}
	for _, sub := range cmd.Commands() {
		withUsageErrors(sub)
	}
}
