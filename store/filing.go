package store

import (
	"context"
	"unsafe"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
	"github.com/pbx-interlink/interlink/routing"
)

// filing is one record on its way into one account's log. A filing is used again
// once Redis has it; what it sends is built into memory it keeps.
type filing struct {
	account directory.AccountID
	started int64 // Unix ms
	// text is the log's key with the record behind it; key and body point into it.
	text      []byte
	key, body string
	// xadd is the command's words, made once. They point at key and body.
	xadd []any
	// tried: an attempt was sent and may have arrived.
	tried bool
	// cmd is the attempt on its way.
	cmd redis.Cmder
}

// newFiling makes a filing for logs that keep about so many records.
func newFiling(kept int64) *filing {
	f := &filing{}
	f.xadd = []any{"xadd", &f.key, "maxlen", "~", kept, "*", "r", &f.body}
	return f
}

// fill makes the filing one of a call's record as the account may read it.
func (f *filing) fill(account directory.AccountID, c *routing.CDR, side recordSide, reason routing.Reason) {
	f.account, f.started, f.tried = account, millis(c.Started), false
	f.text = appendCallLogKey(f.text[:0], account)
	n := len(f.text)
	f.text = appendRecord(f.text, c, side, reason)
	text := unsafe.String(unsafe.SliceData(f.text), len(f.text))
	f.key, f.body = text[:n], text[n:]
}

// send adds the filing to a pipeline. One that may have arrived is only filed
// when it is not there.
func (f *filing) send(ctx context.Context, pipe redis.Pipeliner, again *script, kept int64) {
	if f.tried {
		f.cmd = pipe.EvalSha(ctx, again.hash, []string{f.key}, f.body, kept, recordCompare)
		return
	}
	f.cmd = redis.NewStringCmd(ctx, f.xadd...)
	_ = pipe.Process(ctx, f.cmd) // it only joins the pipeline
}

// id is the record's in its log, once it is filed.
func (f *filing) id() string {
	switch c := f.cmd.(type) {
	case *redis.StringCmd:
		return c.Val()
	case *redis.Cmd:
		id, _ := c.Val().(string)
		return id
	}
	return ""
}
