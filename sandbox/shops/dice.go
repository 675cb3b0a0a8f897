package shops

// dice draws numbers that depend on nothing but the seed (splitmix64).
type dice uint64

// diceFor returns the dice of the index-th thing of a kind.
func diceFor(seed uint64, kind, index int64) dice {
	d := dice(seed ^ uint64(kind)<<56)
	d = dice(d.next() ^ uint64(index))
	d.next()
	return d
}

func (d *dice) next() uint64 {
	*d += 0x9e3779b97f4a7c15
	x := uint64(*d)
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// n draws from 0 to n-1.
func (d *dice) n(n int) int { return int(d.next() >> 1 % uint64(n)) }

// between draws from lo to hi, both included.
func (d *dice) between(lo, hi int) int { return lo + d.n(hi-lo+1) }

// chance is true in so many of a thousand cases.
func (d *dice) chance(permille int) bool { return d.n(1000) < permille }

// unit draws from 0 up to 1.
func (d *dice) unit() float64 { return float64(d.next()>>11) / (1 << 53) }
