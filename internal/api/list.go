package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// csvPage is how many rows a CSV reads at once.
const csvPage = 1000

// ListOf returns the endpoint of a list, and of the same list as CSV at
// path.csv: with the same filters, and as long as it may be.
//
// I embeds [Page] beside the filters. page reads up to limit rows that come
// after a position, in the order of the list; nil is its beginning. key returns
// the position of a row: the values that the list is sorted by, which tell any
// two rows apart. T is a struct; its fields are the columns of the CSV.
func ListOf[I, K, T any](path, id, summary string, page func(ctx context.Context, req *I, after *K, limit int) ([]T, error), key func(T) K, opts ...Option) Endpoint {
	l, e := newList(newEndpoint(http.MethodGet, path, id, summary, opts), page, key)
	e.CSV = true
	e.register = func(a *API, e Endpoint) {
		register(a, e, respondWith[List[T]](a), func(hc huma.Context, req *I) (*answer, error) {
			return l.answer(hc, req)
		})
		e.Path, e.ID, e.Summary = path+".csv", id+"Csv", summary+" As CSV, all of it."
		registerStream(a, e, "text/csv", stringSchema, l.stream)
	}
	return e
}

// CSVOf returns the endpoint of a list that there is as CSV alone. Its arguments
// are those of [ListOf].
func CSVOf[I, K, T any](path, id, summary string, page func(ctx context.Context, req *I, after *K, limit int) ([]T, error), key func(T) K, opts ...Option) Endpoint {
	l, e := newList(newEndpoint(http.MethodGet, path, id, summary, opts), page, key)
	e.register = func(a *API, e Endpoint) { registerStream(a, e, "text/csv", stringSchema, l.stream) }
	return e
}

// newList makes the list of an endpoint, whose fault is what the types lack.
func newList[I, K, T any](e Endpoint, page func(context.Context, *I, *K, int) ([]T, error), key func(T) K) (*list[I, K, T], Endpoint) {
	l := &list[I, K, T]{page: page, key: key}
	l.columns, e.fault = columnsOf(reflect.TypeFor[T]())
	if _, ok := any(new(I)).(pager); !ok {
		e.fault = fmt.Errorf("%s doesn't embed api.Page", reflect.TypeFor[I]())
	}
	if l.total, _ = e.total.(func(context.Context, *I) (int64, error)); l.total == nil && e.total != nil {
		e.fault = errors.New("its total is counted for another request")
	}
	return l, e
}

// Total makes a list tell how many rows there are in all, on its first page.
func Total[I any](count func(context.Context, *I) (int64, error)) Option {
	return func(e *Endpoint) { e.total = count }
}

type pager interface{ page() *Page }

type list[I, K, T any] struct {
	page    func(context.Context, *I, *K, int) ([]T, error)
	key     func(T) K
	total   func(context.Context, *I) (int64, error)
	columns []column
}

// answer reads a page, and one row more to know whether there is another.
func (l *list[I, K, T]) answer(hc huma.Context, req *I) (*answer, error) {
	ctx, u, page := hc.Context(), hc.URL(), any(req).(pager).page()
	hash := listHash(&u)
	after, err := readCursor[K](hash, page.Cursor)
	if err != nil {
		return nil, err
	}
	rows, err := l.page(ctx, req, after, page.Limit+1)
	if err != nil {
		return nil, err
	}
	out := &List[T]{Data: rows, Pagination: Pagination{Limit: page.Limit, HasMore: len(rows) > page.Limit}}
	if out.Pagination.HasMore {
		out.Data = rows[:page.Limit]
		next, err := writeCursor(hash, l.key(out.Data[page.Limit-1]))
		if err != nil {
			return nil, err
		}
		out.Pagination.NextCursor = &next
	}
	if l.total != nil && after == nil {
		total, err := l.total(ctx, req)
		if err != nil {
			return nil, err
		}
		out.Pagination.Total = &total
	}
	return answerOf(ctx, out)
}

// stream sends all rows as CSV. Its first page is read before anything is
// sent, so that what is wrong with the request is a problem. What goes wrong
// later cuts the connection, and the client sees that the file is not whole.
func (l *list[I, K, T]) stream(hc huma.Context, req *I) (func(), error) {
	ctx, page := hc.Context(), any(req).(pager).page()
	page.Limit = csvPage
	rows, err := l.page(ctx, req, nil, csvPage)
	if err != nil {
		return nil, err
	}
	r, w := humago.Unwrap(hc)
	return func() {
		h := w.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8; header=present")
		h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", stateOf(ctx).api.fileName(r.URL.Path)))
		if r.Method == http.MethodHead {
			return
		}
		t := newTable(w, l.columns)
		for {
			for i := range rows {
				t.row(reflect.ValueOf(&rows[i]).Elem())
			}
			if t.flush(); len(rows) < csvPage {
				return
			}
			last := l.key(rows[len(rows)-1])
			if rows, err = l.page(ctx, req, &last, csvPage); err != nil {
				cut(ctx, err)
			}
		}
	}, nil
}

// cut ends a response that has begun so that nobody takes it for whole.
func cut(ctx context.Context, err error) {
	stateOf(ctx).err = err
	panic(http.ErrAbortHandler)
}
