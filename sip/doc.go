// Package sip is the gateway's SIP side: a transaction-stateful proxy (RFC 3261
// §16) over UDP that asks routing where a call goes, takes its lines from the
// ledger, and record-routes.
//
// A Server has one shard per transport loop. A shard owns the calls whose
// Call-ID hashes to it, with their transactions and timers; it runs on one
// goroutine and takes no locks. What comes from elsewhere (datagrams another
// loop received, the ledger's answers, orders to end a call) goes through its
// inbox.
//
// How to read it: server.go and shard.go get a message to its shard; request.go
// and invite.go are a request's way in, forward.go its way out; response.go the
// way back; server_txn.go and branch.go the transactions of §17; cancel.go,
// ack.go, relay.go, options.go one method or idea each.
package sip
