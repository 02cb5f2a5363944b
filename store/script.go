package store

import (
	"context"
	"crypto/sha1"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"
)

// The scripts. Each is atomic, takes its time from Redis and touches keys of one
// slot only, that of the keys it declares. No two versions of a script can be mistaken for each
// other: they are called by their hash.
var (
	//go:embed audit.lua
	auditSource string
	//go:embed note.lua
	noteSource string
	//go:embed seal.lua
	sealSource string
	//go:embed lead.lua
	leadSource string
	//go:embed delivered.lua
	deliveredSource string
	//go:embed apply.lua
	applySource string
	//go:embed caps.lua
	capsSource string
	//go:embed round.lua
	roundSource string
	//go:embed meter.lua
	meterSource string
	//go:embed terms.lua
	termsSource string
	//go:embed answer.lua
	answerSource string
	//go:embed book.lua
	bookSource string
	//go:embed tally.lua
	tallySource string
	//go:embed clear.lua
	clearSource string
	//go:embed refresh.lua
	refreshSource string
	//go:embed lines.lua
	linesSource string
	//go:embed file.lua
	fileSource string
	//go:embed begin.lua
	beginSource string
	//go:embed finish.lua
	finishSource string
)

// script is one Lua source and the hash Redis knows it by.
type script struct{ source, hash string }

type scripts struct {
	apply, note, sealed, lead, delivered, caps, round, refresh, lines, file, begin, finish, meter, answer, book, tally, clear script
}

func newScripts() scripts {
	load := func(source string) script {
		sum := sha1.Sum([]byte(source)) // EVALSHA's name for it, no protection
		return script{source, hex.EncodeToString(sum[:])}
	}
	return scripts{
		load(auditSource + applySource), load(auditSource + noteSource), load(sealSource), load(leadSource), load(deliveredSource),
		load(capsSource), load(roundSource), load(refreshSource),
		load(linesSource), load(fileSource), load(beginSource), load(finishSource),
		load(termsSource + meterSource), load(termsSource + answerSource), load(termsSource + bookSource), load(termsSource + tallySource), load(clearSource),
	}
}

// load gives Redis the scripts that go out in pipelines, where EVALSHA cannot
// fall back by itself.
func (s scripts) load(ctx context.Context, c redis.UniversalClient) error {
	for _, one := range []script{s.round, s.refresh, s.file, s.meter, s.answer, s.book} {
		if err := c.ScriptLoad(ctx, one.source).Err(); err != nil {
			return err
		}
	}
	return nil
}

// run calls a script by its hash, and by its source when Redis does not know it.
func (s script) run(ctx context.Context, c redis.UniversalClient, keys []string, args ...any) *redis.Cmd {
	cmd := c.EvalSha(ctx, s.hash, keys, args...)
	if unknownScript(cmd.Err()) {
		cmd = c.Eval(ctx, s.source, keys, args...)
	}
	return cmd
}

func unknownScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

// refused reports whether Redis itself answered with an error, so that nothing
// is known to be wrong with the connection.
func refused(err error) bool {
	var e redis.Error
	return errors.As(err, &e) && !errors.Is(err, redis.Nil)
}

// scriptError is an error that a script met in one of several operations.
type scriptError string

func (e scriptError) Error() string { return string(e) }

// RedisError implements redis.Error: the answer is Redis' own.
func (e scriptError) RedisError() {}
