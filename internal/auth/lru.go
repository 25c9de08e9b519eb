package auth

import "container/list"

// lru is a table that holds the entries used last. It is not safe for concurrent use.
type lru[K comparable, V any] struct {
	size    int
	entries map[K]*list.Element
	order   *list.List // of *lruEntry[K, V], the one used last in front
}

type lruEntry[K comparable, V any] struct {
	key   K
	value V
}

func newLRU[K comparable, V any](size int) *lru[K, V] {
	return &lru[K, V]{size: size, entries: map[K]*list.Element{}, order: list.New()}
}

// get returns the value of key, the zero value if it has none.
func (l *lru[K, V]) get(key K) (value V, ok bool) {
	e, ok := l.entries[key]
	if !ok {
		return value, false
	}
	l.order.MoveToFront(e)
	return l.entry(e).value, true
}

// put sets the value of key; if there are too many, the entry goes that hasn't been used for longest.
func (l *lru[K, V]) put(key K, value V) {
	if e, ok := l.entries[key]; ok {
		l.entry(e).value = value
		l.order.MoveToFront(e)
		return
	}
	l.entries[key] = l.order.PushFront(&lruEntry[K, V]{key, value})
	if len(l.entries) > l.size {
		l.remove(l.entry(l.order.Back()).key)
	}
}

// entry returns what an element of the order holds, which is nothing else.
func (l *lru[K, V]) entry(e *list.Element) *lruEntry[K, V] {
	entry, _ := e.Value.(*lruEntry[K, V])
	return entry
}

// remove takes key out and reports whether it was there.
func (l *lru[K, V]) remove(key K) bool {
	e, ok := l.entries[key]
	if ok {
		l.order.Remove(e)
		delete(l.entries, key)
	}
	return ok
}
