package directory

// RequestKey names a request that its client may send again, by the
// Idempotency-Key it came with.
type RequestKey struct {
	// Owner is the account for which the key counts, Most how many of an account
	// are remembered at one time. Without an owner it counts for none.
	Owner AccountID
	Most  int
	// Scope is who asks for what: the same key of another scope is another one.
	Scope string
	// Key is what the client sent.
	Key string
}
