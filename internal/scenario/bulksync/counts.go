package bulksync

// Counts is what a run read and wrote, by stream. It is kept on the run.
type Counts struct {
	Products *StreamCounts `json:"products,omitempty"`
	Orders   *StreamCounts `json:"orders,omitempty"`
	Rejected int64         `json:"rejected"`           // records listed as rejected and not settled
	Degraded []string      `json:"degraded,omitempty"` // optional scopes that are missing
}

// StreamCounts are the numbers of one stream.
type StreamCounts struct {
	Files      int   `json:"files"`
	Bytes      int64 `json:"bytes"`
	Roots      int64 `json:"roots"`    // orders or products in the files, as Shopify counts
	Children   int64 `json:"children"` // lines of orders
	Written    int64 `json:"written"`  // rows that changed anything
	Duplicates int64 `json:"duplicates"`

	RefundsRead int64 `json:"refundsRead,omitempty"` // orders whose refund lines were read
	RefundLines int64 `json:"refundLines,omitempty"`
	Deleted     int64 `json:"deleted"`
	Missing     int64 `json:"missing"`          // in the index and not in the store: read by id
	Gone        int64 `json:"gone"`             // in the store and not in the index: read by id
	Uneven      int64 `json:"uneven,omitempty"` // orders read whole, for their lines didn't add up
	Retried     int64 `json:"retried"`          // earlier rejects read by id
	Advanced    bool  `json:"advanced"`         // the watermark moved

	passes       map[string]cursor // how the last pass over each file ended
	refusedRoots int64             // lines that the pass over roots could not read
	name         string            // of the file that was added last
}

func (c *Counts) stream(name string) *StreamCounts {
	p := &c.Products
	if name == Orders {
		p = &c.Orders
	}
	if *p == nil {
		*p = &StreamCounts{passes: map[string]cursor{}}
	}
	return *p
}

// planned returns a stream's counts where the run's plan has it.
func (c *Counts) planned(p plan, name string) (*StreamCounts, bool) {
	for _, s := range p.Streams {
		if s.Stream == name {
			return c.stream(name), true
		}
	}
	return nil, false
}

func (c *StreamCounts) addFile(f file) {
	c.Files++
	c.Bytes += f.Bytes
	c.Roots += f.Roots
	c.name = f.Name
}

func (c *StreamCounts) addPass(name string, at cursor) {
	if name == "children" {
		c.Children += at.Rows
	} else {
		c.refusedRoots += at.Rejected
	}
	c.Written += at.Written
	c.Duplicates += at.Duplicates
	c.passes[c.name] = at
}

// bytes is what the run archived.
func (j *job) bytes() (n int64) {
	if j.replays() {
		return 0
	}
	for _, f := range j.files {
		n += f.Bytes
	}
	for _, s := range j.sweeps {
		n += s.file.Bytes
	}
	return n
}
