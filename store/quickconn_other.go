//go:build !linux

package store

import (
	"context"
	"net"
)

// dialer leaves connecting to the driver.
func dialer() func(ctx context.Context, network, addr string) (net.Conn, error) { return nil }
