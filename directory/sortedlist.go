package directory

import "slices"

// sortedList is a list in an order that its user keeps to. Few entries lie in
// one stretch of memory; many are cut into parts, so that to add or to remove
// one moves at most partSize others, however many there are.
type sortedList[T any] struct {
	few  []T
	many *parts[T] // nil while there are few
}

// parts are never empty.
type parts[T any] struct {
	list  [][]T
	count int
}

// partSize is the most entries of one part. Where the smallest move costs what a
// search costs, this is not critical.
const partSize = 512

func (l *sortedList[T]) len() int {
	if l.many != nil {
		return l.many.count
	}
	return len(l.few)
}

// parts is how many parts there are, part one of them.
func (l *sortedList[T]) parts() int {
	if l.many != nil {
		return len(l.many.list)
	}
	return min(1, len(l.few))
}

func (l *sortedList[T]) part(n int) []T {
	if l.many != nil {
		return l.many.list[n]
	}
	return l.few
}

// append adds an entry at the end, whatever the order. Only append may follow,
// until sort.
func (l *sortedList[T]) append(x T) { l.few = append(l.few, x) }

// sort puts what append added into order, in no more memory than it needs.
func (l *sortedList[T]) sort(order func(a, b T) int) {
	list := l.few
	if !slices.IsSortedFunc(list, order) {
		slices.SortFunc(list, order)
	}
	*l = sortedList[T]{few: fit(list)}
	if len(list) > partSize {
		l.split()
	}
}

// split cuts few into parts that have room for some more.
func (l *sortedList[T]) split() {
	p := &parts[T]{count: len(l.few)}
	for part := range slices.Chunk(l.few, partSize*3/4) {
		p.list = append(p.list, part)
	}
	*l = sortedList[T]{many: p}
}

// join goes back to few.
func (l *sortedList[T]) join() {
	*l = sortedList[T]{few: slices.Concat(l.many.list...)}
}

// fit returns the list in no more memory than it needs.
func fit[T any](list []T) []T {
	if len(list) == cap(list) {
		return list
	}
	return append(make([]T, 0, len(list)), list...)
}

// add puts an entry into its place.
func (l *sortedList[T]) add(x T, order func(a, b T) int) {
	if l.many == nil {
		if len(l.few) < partSize {
			i, _ := slices.BinarySearchFunc(l.few, x, order)
			l.few = slices.Insert(l.few, i, x)
			return
		}
		l.split()
	}
	p := l.many
	n := p.place(x, order)
	part := p.list[n]
	i, _ := slices.BinarySearchFunc(part, x, order)
	p.count++
	switch {
	case len(part) < partSize:
		p.list[n] = slices.Insert(part, i, x)
	case i == len(part) && n == len(p.list)-1:
		// Most lists grow at their end: full parts stay full there.
		p.list = append(p.list, []T{x})
	default:
		half := len(part) / 2
		p.list = slices.Insert(p.list, n+1, slices.Clone(part[half:]))
		clear(part[half:])
		p.list[n] = part[:half]
		if i > half {
			n, i = n+1, i-half
		}
		p.list[n] = slices.Insert(p.list[n], i, x)
	}
}

// remove takes an entry out, if it is there.
func (l *sortedList[T]) remove(x T, order func(a, b T) int) {
	if l.many == nil {
		if i, ok := slices.BinarySearchFunc(l.few, x, order); ok {
			l.few = slices.Delete(l.few, i, i+1)
		}
		return
	}
	p := l.many
	n := p.place(x, order)
	i, ok := slices.BinarySearchFunc(p.list[n], x, order)
	if !ok {
		return
	}
	p.count--
	if p.list[n] = slices.Delete(p.list[n], i, i+1); len(p.list[n]) == 0 {
		p.list = slices.Delete(p.list, n, n+1)
	}
	if p.count <= partSize/2 {
		l.join()
	}
}

// cull takes out all entries of which gone is true.
func (l *sortedList[T]) cull(gone func(T) bool) {
	if l.many != nil {
		l.join()
	}
	l.few = slices.DeleteFunc(l.few, gone)
	if len(l.few) > partSize {
		l.split()
	}
}

// place returns the part x belongs into.
func (p *parts[T]) place(x T, order func(a, b T) int) int {
	n, found := slices.BinarySearchFunc(p.list, x, func(part []T, x T) int { return order(part[0], x) })
	if !found && n > 0 {
		n--
	}
	return n
}

// from calls yield for the entries that come from a place on, until it returns
// false. before tells of each entry whether it stands before that place.
func (l *sortedList[T]) from(before func(T) bool, yield func(T) bool) {
	n := firstNot(l.parts(), func(n int) bool { part := l.part(n); return before(part[len(part)-1]) })
	for ; n < l.parts(); n++ {
		part := l.part(n)
		for _, x := range part[firstNot(len(part), func(i int) bool { return before(part[i]) }):] {
			if !yield(x) {
				return
			}
		}
	}
}

// back calls yield for the entries up to a place, the last first, until it
// returns false. behind tells of each entry whether it stands behind that place.
func (l *sortedList[T]) back(behind func(T) bool, yield func(T) bool) {
	for n := firstNot(l.parts(), func(n int) bool { return !behind(l.part(n)[0]) }) - 1; n >= 0; n-- {
		part := l.part(n)
		for i := firstNot(len(part), func(i int) bool { return !behind(part[i]) }) - 1; i >= 0; i-- {
			if !yield(part[i]) {
				return
			}
		}
	}
}

// all calls yield for all entries until it returns false.
func (l *sortedList[T]) all(yield func(T) bool) {
	for n := range l.parts() {
		for _, x := range l.part(n) {
			if !yield(x) {
				return
			}
		}
	}
}

// firstNot returns the least of 0…n-1 for which before is false, n if it is
// false for none.
func firstNot(n int, before func(int) bool) int {
	low := 0
	for low < n {
		if mid := int(uint(low+n) / 2); before(mid) {
			low = mid + 1
		} else {
			n = mid
		}
	}
	return low
}
