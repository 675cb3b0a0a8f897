package bulk

import "time"

// Window is a half-open time of source updates. A zero Since reaches back to
// the beginning.
type Window struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Beginning is before any Shopify shop; it stands for a zero time where one has
// to be written down or halved.
var Beginning = time.Date(2006, 1, 1, 0, 0, 0, 0, time.UTC)

// halves splits a window that Shopify could not export in one go.
func (w Window) halves() (first, second Window, ok bool) {
	since := w.Since
	if since.Before(Beginning) {
		since = Beginning
	}
	middle := since.Add(w.Until.Sub(since) / 2).Truncate(time.Second)
	if !middle.After(since) || !w.Until.After(middle) {
		return w, w, false
	}
	return Window{w.Since, middle}, Window{middle, w.Until}, true
}
