// Package testbed runs real programs for end-to-end tests and for the bench:
// redis-server, SIPp and the built gateway, each a child process on a loopback
// address and ports of its own. Nothing of it gets into the gateway.
//
// A child never outlives the program that started it (on Linux the kernel sees
// to that), and nothing here sleeps: conditions are polled until a deadline.
package testbed
