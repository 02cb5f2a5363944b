// Package store is the only room that knows Redis. It keeps the directory (one
// write path, Apply, and a view in memory that follows it), the ledger of lines
// taken by calls, the call records and the answers to idempotent requests, on a
// Redis of any shape or on one embedded in the process.
//
// Everything that must be decided at one instant is a Lua script; each stands in
// its own file beside the Go code that runs it. Every key is built in keys.go.
package store
