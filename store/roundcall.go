package store

import "unsafe"

// The letters of round.lua.
const (
	letterAdmit   = 'a'
	letterConfirm = 'c'
	letterRelease = 'r'
	letterForeign = 'f'
)

// maxPlace bounds the keys, the caps and the values of one script call: each is
// named by one octet, its place.
const maxPlace = 255

// keysBefore is how many keys the script has before those of the operations.
const keysBefore = 2

// capsWords is how many words an account's caps are, opValues how many values an
// operation names at most: its loc, how long it lasts and its form.
const (
	capsWords = 6
	opValues  = 3
)

// roundCall writes the words of one call of round.lua. What several operations
// name goes out once: calls between the same accounts have everything in common
// but themselves, and what the script does with words is most of what it costs.
type roundCall struct {
	keys, infos, caps, values []any
	// orders are the operations, form is what the one at hand has in common with
	// others like it.
	orders, form []byte
	// keyAt and valueAt are the places of keys and values, while it is written.
	keyAt, valueAt map[string]byte
	// capsAt are the places of an account's caps, by the place of its limits' key.
	capsAt [maxPlace + 1]byte
	// arena and texts hold what was written since reset.
	arena []byte
	texts []string
}

func newRoundCall() roundCall {
	return roundCall{keyAt: map[string]byte{}, valueAt: map[string]byte{}}
}

// reset gives up what was written; until then it stays as it is.
func (r *roundCall) reset() { r.arena, r.texts = r.arena[:0], r.texts[:0] }

// write begins a call, with as many of the operations as there are places for,
// and returns how many that are: one at least. They must be on as many leases.
// What is written points into their memory.
func (r *roundCall) write(ops []*op) int {
	r.keys, r.infos, r.caps, r.values, r.orders = r.keys[:0], r.infos[:0], r.caps[:0], r.values[:0], r.orders[:0]
	n := 0
	for _, o := range ops {
		if n > 0 && !r.room(o) {
			break
		}
		r.add(o)
		n++
	}
	clear(r.keyAt)
	clear(r.valueAt)
	clear(r.capsAt[:])
	return n
}

// room reports whether there are places for all that an operation may name. A
// claim has three keys and caps: the 66 that routing.MaxDepth allows find room in
// a call of their own.
func (r *roundCall) room(o *op) bool {
	return keysBefore+len(r.keys)+o.keys <= maxPlace && len(r.caps)/capsWords+o.keys/3 <= maxPlace && len(r.values)+opValues <= maxPlace
}

func (r *roundCall) add(o *op) {
	words := o.words()
	keys, rest := words[1:o.keys], words[o.keys:]
	r.keys = append(r.keys, words[0]) // no other operation is on this call
	call := keysBefore + byte(len(r.keys))
	r.form = append(r.form[:0], r.value(rest[0]))
	switch o.letter {
	case letterAdmit:
		r.infos = append(r.infos, rest[1])
		lanes, caps := *rest[2].(*string), rest[3:]
		for i := range len(lanes) {
			r.form = append(r.form, lanes[i])
			r.addKeys(keys[3*i : 3*i+3])
			r.form = append(r.form, r.capsPlace(caps[capsWords*i:capsWords*(i+1)]))
		}
	case letterConfirm:
		r.form = append(r.form, r.value(rest[1]))
		r.addKeys(keys)
	default:
		r.addKeys(keys)
	}
	form, known := r.valueAt[string(r.form)]
	if !known {
		form = r.value(r.text(r.form))
	}
	r.orders = append(r.orders, o.letter, call, form)
}

// addKeys puts the places of keys into the form.
func (r *roundCall) addKeys(keys []any) {
	for _, key := range keys {
		r.form = append(r.form, keysBefore+place(r.keyAt, &r.keys, key))
	}
}

// capsPlace is where the caps are of the account whose keys are the form's last.
func (r *roundCall) capsPlace(words []any) byte {
	limits := r.form[len(r.form)-3]
	version := *words[0].(*string)
	if at := r.capsAt[limits]; at > 0 && *r.caps[capsWords*(int(at)-1)].(*string) == version {
		return at
	}
	r.caps = append(r.caps, words...)
	at := byte(len(r.caps) / capsWords)
	r.capsAt[limits] = at
	return at
}

func (r *roundCall) value(word any) byte { return place(r.valueAt, &r.values, word) }

// place is where a word is in the list, from 1; it is appended if it is not.
func place(at map[string]byte, list *[]any, word any) byte {
	text := *word.(*string)
	n, known := at[text]
	if !known {
		*list = append(*list, word)
		n = byte(len(*list))
		at[text] = n
	}
	return n
}

func (r *roundCall) text(b []byte) any {
	from := len(r.arena)
	r.arena = append(r.arena, b...)
	r.texts = append(r.texts, unsafe.String(&r.arena[from], len(b)))
	return &r.texts[len(r.texts)-1]
}

// appendArgs appends what goes behind the keys: the script's header and the rest.
func (r *roundCall) appendArgs(args, header []any) []any {
	args = append(append(args, header...), len(header)+2+len(r.infos)+len(r.caps), r.text(r.orders))
	return append(append(append(args, r.infos...), r.caps...), r.values...)
}
