package directory

import "hash/maphash"

// idTable finds records by id. It takes 11–22 octets a number where a Go map
// takes up to 50, and grows in small pieces: no change waits for a million
// numbers to move.
type idTable struct {
	seed   maphash.Seed
	shards [idShards]idShard
}

// count is how many records there are.
func (t *idTable) count() (n int) {
	for i := range t.shards {
		n += t.shards[i].used
	}
	return n
}

// addAll adds records, and returns those whose id was there already.
func (t *idTable) addAll(records []*record) (twice []*record) {
	for _, r := range records {
		if t.add(r) != nil {
			twice = append(twice, r)
		}
	}
	return twice
}

// idShards times 3/4 of a few thousand slots is a million.
const idShards = 256

// idShard is a hash table with open addressing and linear probing.
type idShard struct {
	slots []*record // a power of two of them, a quarter at least nil
	used  int
}

// newIDTable returns a table with room for about so many numbers.
func newIDTable(numbers int) *idTable {
	t := &idTable{seed: maphash.MakeSeed()}
	if numbers < idShards {
		return t
	}
	size := 8
	for 3*size < 4*(numbers/idShards) {
		size *= 2
	}
	for i := range t.shards {
		t.shards[i].slots = make([]*record, size)
	}
	return t
}

func (t *idTable) hash(id NumberID) uint64 { return maphash.String(t.seed, string(id)) }

// shard returns the shard of a hash; the low bits choose the slot in it.
func (t *idTable) shard(hash uint64) *idShard { return &t.shards[hash>>56] }

// at returns where the id stands, or the nil slot where it would.
func (s *idShard) at(hash uint64, id NumberID) int {
	mask := uint64(len(s.slots) - 1)
	i := hash & mask
	for s.slots[i] != nil && s.slots[i].id != id {
		i = (i + 1) & mask
	}
	return int(i)
}

func (t *idTable) get(id NumberID) *record {
	if slot := t.slot(id); slot != nil {
		return *slot
	}
	return nil
}

// slot returns where an id's record stands or would stand, nil in an empty shard.
func (t *idTable) slot(id NumberID) **record {
	hash := t.hash(id)
	s := t.shard(hash)
	if len(s.slots) == 0 {
		return nil
	}
	return &s.slots[s.at(hash, id)]
}

// add adds a record, unless one of its id is there: that is returned then.
func (t *idTable) add(r *record) (there *record) {
	hash := t.hash(r.id)
	s := t.shard(hash)
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow(t)
	}
	slot := &s.slots[s.at(hash, r.id)]
	if *slot != nil {
		return *slot
	}
	*slot = r
	s.used++
	return nil
}

func (s *idShard) grow(t *idTable) {
	old := s.slots
	s.slots = make([]*record, max(8, 2*len(old)))
	for _, r := range old {
		if r != nil {
			s.slots[s.at(t.hash(r.id), r.id)] = r
		}
	}
}

// remove takes an id out, and closes the gap: each record behind it moves up
// unless it would then stand before the slot its hash chose.
func (t *idTable) remove(id NumberID) {
	hash := t.hash(id)
	s := t.shard(hash)
	if len(s.slots) == 0 {
		return
	}
	gap := uint64(s.at(hash, id))
	if s.slots[gap] == nil {
		return
	}
	mask := uint64(len(s.slots) - 1)
	for i := (gap + 1) & mask; s.slots[i] != nil; i = (i + 1) & mask {
		home := t.hash(s.slots[i].id) & mask
		if (i-home)&mask >= (i-gap)&mask {
			s.slots[gap] = s.slots[i]
			gap = i
		}
	}
	s.slots[gap] = nil
	s.used--
}
