package store

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/pbx-interlink/interlink/directory"
)

// dying is a process that is killed at its nth operation on the store: before it
// is sent, or before its answer comes. Only operations of a marked context count.
type dying struct {
	left  int
	after bool
	dead  atomic.Bool
}

type doomed struct{}

var errKilled = errors.New("the process was killed")

func (d *dying) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (d *dying) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if ctx.Value(doomed{}) == nil {
			return next(ctx, cmd)
		}
		if d.dead.Load() {
			cmd.SetErr(errKilled)
			return errKilled
		}
		if d.left--; d.left >= 0 {
			return next(ctx, cmd)
		}
		d.dead.Store(true)
		if d.after {
			_ = next(ctx, cmd) // carried out; nobody is there to hear of it
		}
		cmd.SetErr(errKilled)
		return errKilled
	}
}

func (d *dying) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// cascade deletes acc_a with all that hangs on it.
func cascade(v *directory.View) (changes []directory.Change) {
	stays := []directory.Kind{directory.KindProvider, directory.KindPricePlan, directory.KindNumberClasses}
	changes = append(changes, directory.Delete(v.Account("acc_a")), directory.Delete(v.LimitsOf("acc_a")),
		directory.Delete(v.Trunk("trk_a")), directory.Delete(v.InternalNumber("num_a")),
		directory.Delete(v.Interlink("lnk_1")), directory.Delete(v.Interlink("lnk_2")))
	for _, o := range oneOfEach() {
		if owned := v.Object(o.Ref()); owned != nil && !slices.Contains(stays, o.Ref().Kind) {
			changes = append(changes, directory.Delete(owned))
		}
	}
	return changes
}

// kept is all that scripts keep of the directory.
func kept(t testing.TB, c redis.UniversalClient) map[string]string {
	t.Helper()
	all := map[string]string{}
	keys := []string{keyClaims, keyDependents}
	for _, k := range directory.Kinds() {
		keys = append(keys, keyObjects(k))
	}
	for _, key := range keys {
		values, err := c.HGetAll(t.Context(), key).Result()
		if err != nil {
			t.Fatal(err)
		}
		for field, value := range values {
			all[key+" "+field] = value
		}
	}
	return all
}

// afterCascade is what is left when a cascade was carried out.
func afterCascade(t *testing.T, b *backend) map[string]string {
	t.Helper()
	s := b.open(t)
	create(t, s, oneOfEach()...)
	apply(t, s, cascade(s.View())...)
	left := kept(t, b.client)
	if s.View().Account("acc_b") == nil || s.View().Account("acc_a") != nil || len(s.View().Interlinks("acc_b")) != 0 {
		t.Fatal("the cascade left something, or took too much")
	}
	if err := b.client.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	return left
}

// A process is killed at every operation of a cascade: another one finds all of
// it done or nothing.
func TestAC6KilledWithinACascade(t *testing.T) {
	forEachBackend(t, func(t *testing.T, b *backend) {
		gone := afterCascade(t, b)
		for _, after := range []bool{false, true} {
			for n := 0; ; n++ {
				if err := b.client.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				s := b.open(t)
				create(t, s, oneOfEach()...)
				whole := kept(t, b.client)
				d := &dying{left: n, after: after}
				s.client.AddHook(d)
				err := s.Apply(context.WithValue(t.Context(), doomed{}, true), tester, cascade(s.View())...)
				left := kept(t, b.client)
				done := maps.Equal(left, gone)
				if !done && !maps.Equal(left, whole) || err == nil && !done {
					t.Fatalf("killed at operation %d (after %t), error %v: %v", n, after, err, left)
				}
				next := b.open(t)
				if (next.View().Account("acc_a") == nil) != done || (next.View().Object(directory.Ref{Kind: directory.KindUser, ID: "usr_a"}) == nil) != done {
					t.Fatalf("killed at operation %d (after %t): the next process sees something else", n, after)
				}
				if r, err := next.VerifyAudit(t.Context()); err != nil || r.Broken != 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				if !d.dead.Load() {
					break // it had no operation left to be killed at
				}
			}
		}
	})
}

// The same on the disk of an embedded store: what was not acknowledged is not
// there after a restart, what was is.
func TestAC6EmbeddedKilledWithinACascade(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			dir := t.TempDir()
			s := mustOpenOnDisk(t, dir)
			create(t, s, oneOfEach()...)
			d := &dying{left: n, after: after}
			s.client.AddHook(d)
			err := s.Apply(context.WithValue(t.Context(), doomed{}, true), tester, cascade(s.View())...)
			if e := s.Close(); e != nil {
				t.Fatal(e)
			}
			next := mustOpenOnDisk(t, dir)
			present := 0
			for _, o := range oneOfEach() {
				if _, ok := o.(directory.Owned); ok && next.View().Object(o.Ref()) != nil {
					present++
				}
			}
			exists := next.View().Account("acc_a") != nil
			if err == nil && exists || exists && present != len(oneOfEach())-7 || !exists && present != 3 {
				t.Fatalf("killed at operation %d (after %t), error %v: account %t, %d objects", n, after, err, exists, present)
			}
			if e := next.Close(); e != nil {
				t.Fatal(e)
			}
			if !d.dead.Load() {
				break
			}
		}
	}
}
