package combolog

import (
	"fmt"
	"testing"

	"github.com/macrodata-dev/macrodata/internal/shop"
)

func TestLikenessIsBetweenNothingAndAll(t *testing.T) {
	t.Parallel()
	x := newIndex()
	for i, title := range []string{"Luna Moth Phone Case", "Luna Moth Wallet", "Käfer", "", "日本の蛾"} {
		x.add(Candidate{ProductID: shop.ID(i + 1), Title: title}, true)
	}
	for written, want := range map[string]string{
		"luna moth phone case!": "1 1", "Luna Moth Phone Cases": "1 0.93", "luna moth": "", "kafer": "3 0.5", "KÄFER": "3 1", "日本の蛾": "5 1", "xyz": "", "—": "", "moth luna": "",
	} {
		m := x.find(written)
		got := ""
		if p := m.Product; p != nil {
			got = fmt.Sprintf("%d %v", p.ProductID, p.Score)
		} else if len(m.Candidates) == 1 {
			got = fmt.Sprintf("%d %v", m.Candidates[0].ProductID, m.Candidates[0].Score)
		}
		if got != want {
			t.Errorf("%q means %q, want %q: %+v", written, got, want, m)
		}
	}
}

func BenchmarkLikeness(b *testing.B) {
	x := newIndex()
	words := []string{"Luna", "Moth", "Tiger", "Lily", "Koi", "Pond", "Midnight", "Bloom", "Winter", "Owl", "Neon", "Fox", "Crane", "Wave"}
	for i := range 100_000 {
		title := fmt.Sprintf("%s %s %s – iPhone %d Case %d", words[i%14], words[i/14%14], words[i/196%14], i%9+9, i/2744)
		x.add(Candidate{ProductID: shop.ID(i + 1), Title: title}, true)
	}
	b.ReportAllocs()
	for b.Loop() {
		x.find("Lunar Moth Koi iPhone 15 Cases 7")
	}
}
