package shopify

import (
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

const (
	maxQueryCost = 1000
	mutationCost = 10
)

// Plan is a shop's Shopify plan: how many points a second its rate limit
// restores. Its bucket holds twenty seconds of them.
type Plan int

// The plans of Shopify.
const (
	Standard   Plan = 100
	Advanced   Plan = 200
	Plus       Plan = 1_000
	Enterprise Plan = 2_000
)

// bucket is how many points there are at most.
func (p Plan) bucket() int { return 20 * int(p) }

// requestedCost is what a query may cost at most: an object is 1, a scalar 0,
// a mutation 10, a connection one more than its page size times its node, and
// nodes(ids) as many as there are ids. Other lists count their element once.
func (c *compiler) requestedCost(op *ast.OperationDefinition) int {
	if op.Operation == ast.Mutation {
		return mutationCost * len(op.SelectionSet)
	}
	return c.costOf(op.SelectionSet)
}

func (c *compiler) costOf(set ast.SelectionSet) int {
	total := 0
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			total += c.costOfField(s)
		case *ast.InlineFragment:
			total += c.costOf(s.SelectionSet)
		case *ast.FragmentSpread:
			total += c.costOf(s.Definition.SelectionSet)
		}
	}
	return total
}

func (c *compiler) costOfField(f *ast.Field) int {
	if len(f.SelectionSet) == 0 || f.Name == "pageInfo" {
		return 0
	}
	args := f.ArgumentMap(c.vars)
	if isConnection(f.Definition.Type) {
		first, _, _ := integer(args["first"])
		return 1 + first*c.costOfNodes(f.SelectionSet)
	}
	own := 1 + c.costOf(f.SelectionSet)
	if ids, ok := args["ids"].([]any); ok && f.Name == "nodes" {
		return len(ids) * own
	}
	return own
}

// costOfNodes is the cost of one node of a connection.
func (c *compiler) costOfNodes(set ast.SelectionSet) int {
	total := 0
	for _, selection := range set {
		switch f, _ := selection.(*ast.Field); {
		case f == nil:
		case f.Name == "edges":
			total += c.costOfNodes(f.SelectionSet)
		case f.Name == "nodes" || f.Name == "node":
			total += 1 + c.costOf(f.SelectionSet)
		}
	}
	return total
}

// bucket is the leaky bucket of an app in a shop. It refills with real time.
type bucket struct {
	mu        sync.Mutex
	plan      Plan
	available float64
	at        time.Time
}

// take takes cost out of the bucket unless it holds less.
func (b *bucket) take(cost int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	if b.available < float64(cost) {
		return false
	}
	b.available -= float64(cost)
	return true
}

// giveBack returns what was requested and not used.
func (b *bucket) giveBack(points int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.available = min(b.available+float64(points), float64(b.plan.bucket()))
}

// status returns how many points the bucket holds now.
func (b *bucket) status() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	return int(b.available)
}

func (b *bucket) refill() {
	now := time.Now()
	b.available += now.Sub(b.at).Seconds() * float64(b.plan)
	b.available = min(b.available, float64(b.plan.bucket()))
	b.at = now
}
