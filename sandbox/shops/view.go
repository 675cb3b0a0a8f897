package shops

import (
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/sandbox/shopify"
)

// view is what the edits of an overlay amount to at an instant. It is a copy:
// reading goes on while new edits are made.
type view[T any] struct {
	added   []*T
	changes map[shop.ID][]func(*T)
	deleted map[shop.ID]time.Time
	clone   func(*T) *T
}

func (e *edits[T]) view(now time.Time, clone func(*T) *T) view[T] {
	v := view[T]{added: e.added, changes: map[shop.ID][]func(*T){}, deleted: map[shop.ID]time.Time{}, clone: clone}
	for id, changes := range e.changes {
		for _, c := range changes {
			if !c.at.After(now) {
				v.changes[id] = append(v.changes[id], c.apply)
			}
		}
	}
	for id, at := range e.deleted {
		if !at.After(now) {
			v.deleted[id] = at
		}
	}
	return v
}

// edit returns an object as edited, or false where it is deleted.
func (v view[T]) edit(id shop.ID, value *T) (*T, bool) {
	if _, gone := v.deleted[id]; gone {
		return nil, false
	}
	changes := v.changes[id]
	if len(changes) == 0 {
		return value, true
	}
	value = v.clone(value)
	for _, apply := range changes {
		apply(value)
	}
	return value, true
}

// find returns a copy of an added object.
func (v view[T]) find(id shop.ID, idOf func(*T) shop.ID) (*T, bool) {
	i := slices.IndexFunc(v.added, func(a *T) bool { return idOf(a) == id })
	if i < 0 {
		return nil, false
	}
	return v.clone(v.added[i]), true
}

// merge yields the objects beneath and the added ones, as edited, ascending by
// id.
func (v view[T]) merge(base iter.Seq[*T], id func(*T) shop.ID, exists func(*T) bool) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		added := v.added
		give := func(value *T) bool {
			edited, ok := v.edit(id(value), value)
			return !ok || yield(edited)
		}
		for b := range base {
			for len(added) > 0 && id(added[0]) < id(b) {
				if exists(added[0]) && !give(v.clone(added[0])) {
					return
				}
				added = added[1:]
			}
			if !give(b) {
				return
			}
		}
		for _, a := range added {
			if exists(a) && !give(v.clone(a)) {
				return
			}
		}
	}
}

func (v view[T]) deletions(subject string) []shopify.Deletion {
	var list []shopify.Deletion
	for _, id := range slices.Sorted(maps.Keys(v.deleted)) {
		list = append(list, shopify.Deletion{SubjectID: id, SubjectType: subject, At: v.deleted[id]})
	}
	return list
}
