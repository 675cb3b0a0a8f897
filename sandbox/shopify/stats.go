package shopify

import (
	"maps"
	"sync"
)

// Stats counts what was asked of a simulator.
type Stats struct {
	Requests        map[string]int // by operation name, "" for anonymous documents
	Bulk            map[string]int // operations started: orders, products, order ids, product ids
	Downloads       int            // requests at the download host
	DownloadedBytes int64          // bodies sent by it
	Concurrency     int            // most requests at one time, downloads included
	Throttled       int            // requests answered THROTTLED
	Overdrawn       int            // of these, because the bucket was really too empty
	Spent           int            // points that requests have cost
	Fetched         int            // objects found by nodes(ids)
	Tagged          int            // calls of tagsAdd that changed a product
}

type stats struct {
	mu     sync.Mutex
	counts Stats
	active int
}

// enter counts a request in flight and returns what ends it.
func (s *stats) enter() (leave func()) {
	s.mu.Lock()
	s.active++
	s.counts.Concurrency = max(s.counts.Concurrency, s.active)
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		s.active--
		s.mu.Unlock()
	}
}

// add changes the counts under the lock.
func (s *stats) add(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts.Requests == nil {
		s.counts.Requests, s.counts.Bulk = map[string]int{}, map[string]int{}
	}
	change(&s.counts)
}

func (s *stats) snapshot() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.counts
	c.Requests, c.Bulk = maps.Clone(c.Requests), maps.Clone(c.Bulk)
	return c
}
