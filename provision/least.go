package provision

// least keeps the n least of what is added, in a heap whose first is the greatest
// of them.
type least[T any] struct {
	n       int
	compare func(a, b *T) int
	heap    []T
}

// newLeast keeps at least one.
func newLeast[T any](n int, compare func(a, b *T) int) *least[T] {
	return &least[T]{n: n, compare: compare, heap: make([]T, 0, n)}
}

// add copies x, if it is among the least so far.
func (l *least[T]) add(x *T) {
	if len(l.heap) == l.n {
		if l.compare(x, &l.heap[0]) < 0 {
			l.heap[0] = *x
			l.sink(l.heap)
		}
		return
	}
	l.heap = append(l.heap, *x)
	for i := len(l.heap) - 1; i > 0; {
		above := (i - 1) / 2
		if l.compare(&l.heap[i], &l.heap[above]) <= 0 {
			return
		}
		l.heap[i], l.heap[above] = l.heap[above], l.heap[i]
		i = above
	}
}

// greatest is the greatest of those kept, once there are n of them; nil before.
func (l *least[T]) greatest() *T {
	if len(l.heap) < l.n {
		return nil
	}
	return &l.heap[0]
}

// sink gives the first entry of a heap its place.
func (l *least[T]) sink(heap []T) {
	for i := 0; ; {
		most := i
		for below := 2*i + 1; below <= 2*i+2 && below < len(heap); below++ {
			if l.compare(&heap[below], &heap[most]) > 0 {
				most = below
			}
		}
		if most == i {
			return
		}
		heap[i], heap[most] = heap[most], heap[i]
		i = most
	}
}

// sorted returns those kept, in order. Nothing can be added afterwards.
func (l *least[T]) sorted() []T {
	for rest := len(l.heap) - 1; rest > 0; rest-- {
		l.heap[0], l.heap[rest] = l.heap[rest], l.heap[0]
		l.sink(l.heap[:rest])
	}
	return l.heap
}
