package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pbx-interlink/interlink/directory"
)

const (
	// scanCount is how many objects one reply has, about: some 600 kB, for which
	// others wait two to three milliseconds. Half of it loads a tenth slower, since
	// Redis waits for the next question after each.
	scanCount = 2000
	// scanAhead is how many replies wait to be read while Redis makes the next.
	scanAhead = 8
)

// load replaces the view by what Redis holds now: all objects as a scan finds
// them, and upon these the entries written since the scan began.
func (w *watch) load(ctx context.Context) error {
	began := time.Now()
	seq, id, err := w.end(ctx)
	if err != nil {
		return err
	}
	room, err := w.room(ctx)
	if err != nil {
		return err
	}
	loader := directory.NewLoader(room)
	if err := w.scanAll(ctx, loader); err != nil {
		return err
	}
	at := time.Now()
	for {
		messages, err := w.client.XRangeN(ctx, keyChanges, "("+id, "+", readCount).Result()
		if err != nil {
			return err
		}
		for _, m := range messages {
			e, err := parseEntry(m)
			if err != nil {
				return err
			}
			if e.seq != seq+1 {
				return fmt.Errorf("%w: entry %d after %d while loading", errGap, e.seq, seq)
			}
			loader.Apply(e.deltas)
			seq, id, at = e.seq, m.ID, e.at
		}
		if len(messages) < readCount {
			break
		}
	}
	objects := loader.Size()
	w.view.Replace(seq, at, loader)
	w.seq, w.lastID = seq, id
	w.loads.Add(1)
	w.current()
	w.log.Info("directory loaded", "objects", objects, "seq", seq, "took", time.Since(began).Round(time.Millisecond))
	return nil
}

// room asks how many objects there are.
func (w *watch) room(ctx context.Context) (room directory.Room, err error) {
	for _, kind := range directory.Kinds() {
		n, err := w.client.HLen(ctx, keyObjects(kind)).Result()
		if err != nil {
			return room, err
		}
		room.Add(kind, int(n))
	}
	return room, nil
}

// reply is one reply of a scan: ids and values by turns.
type reply struct {
	kind  directory.Kind
	pairs []string
}

// decoded is what a reply holds. The numbers' strings lie in the reply's memory.
type decoded struct {
	numbers []directory.InternalNumber
	others  []directory.Object
	arena   arena
}

// scanAll reads all objects. Two goroutines talk to Redis, one decodes, and this
// one builds the indexes, each a few replies behind the other.
func (w *watch) scanAll(ctx context.Context, loader *directory.Loader) error {
	replies, objects := make(chan reply, scanAhead), make(chan *decoded, scanAhead)
	spare := make(chan *decoded, scanAhead+2)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(replies)
		return w.scanKinds(ctx, replies)
	})
	g.Go(func() error {
		defer close(objects)
		return decodeAll(ctx, replies, objects, spare)
	})
	for d := range objects {
		d.load(loader)
		select {
		case spare <- d:
		default:
		}
	}
	return g.Wait()
}

// scanKinds sends the objects of each kind, some of them twice, and trunks before
// the numbers that share their ids. Two kinds are scanned at once: while a reply
// about one is read Redis makes one about the other.
func (w *watch) scanKinds(ctx context.Context, replies chan<- reply) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for _, kind := range directory.Kinds() {
		g.Go(func() error { return w.scan(ctx, kind, replies) })
	}
	return g.Wait()
}

// scan sends the objects of one kind.
func (w *watch) scan(ctx context.Context, kind directory.Kind, replies chan<- reply) error {
	var cursor uint64
	for {
		pairs, next, err := w.client.HScan(ctx, keyObjects(kind), cursor, "", scanCount).Result()
		if err != nil {
			return err
		}
		select {
		case replies <- reply{kind, pairs}:
		case <-ctx.Done():
			return ctx.Err()
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// decodeAll decodes replies until there are no more.
func decodeAll(ctx context.Context, replies <-chan reply, objects chan<- *decoded, spare <-chan *decoded) error {
	for r := range replies {
		d := takeSpare(spare)
		if err := d.decode(r); err != nil {
			return err
		}
		select {
		case objects <- d:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// takeSpare returns an empty one, used before where there is one.
func takeSpare(spare <-chan *decoded) *decoded {
	select {
	case d := <-spare:
		d.numbers, d.others = d.numbers[:0], d.others[:0]
		return d
	default:
		return &decoded{arena: arena{many: true}}
	}
}

func (d *decoded) decode(r reply) error {
	for i := 1; i < len(r.pairs); i += 2 {
		if err := d.add(r.kind, r.pairs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (d *decoded) add(kind directory.Kind, value string) error {
	_, body, ok := strings.Cut(value, " ")
	if !ok {
		return fmt.Errorf("store: a stored %s has no version", kind)
	}
	return d.addBody(kind, body)
}

func (d *decoded) addBody(kind directory.Kind, body string) error {
	if kind == directory.KindNumber {
		d.numbers = append(d.numbers, directory.InternalNumber{})
		return decodeNumber(&d.numbers[len(d.numbers)-1], body)
	}
	o, err := decodeObjectInto(&d.arena, kind, body)
	d.others = append(d.others, o)
	return err
}

func (d *decoded) load(loader *directory.Loader) {
	for _, o := range d.others {
		loader.Put(o)
	}
	loader.PutNumbers(d.numbers)
}
