package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/macrodata-dev/macrodata/internal/shop"
	"github.com/macrodata-dev/macrodata/internal/shopify/jsonl"
)

// runParse reads the bulk file of orders into structs, on one core, with our
// decoder and with encoding/json.
func runParse(ctx context.Context, b *bench) (Result, error) {
	files, err := b.openShop(ctx)
	if err != nil {
		return Result{}, err
	}
	if err := files.server.Close(); err != nil {
		return Result{}, err
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var rounds []round
	for range b.rounds {
		var r round
		var ours, theirs int64
		if r.ours, err = measure(func() error { ours, err = parse(files.orders); return err }); err != nil {
			return Result{}, err
		}
		if r.theirs, err = measure(func() error { theirs, err = plainParse(files.orders); return err }); err != nil {
			return Result{}, err
		}
		if ours != theirs || ours == 0 {
			return Result{}, fmt.Errorf("we read %d lines, encoding/json %d", ours, theirs)
		}
		b.Say(fmt.Sprintf("  ours %s, encoding/json %s", r.ours, r.theirs))
		rounds = append(rounds, r)
		if ctx.Err() != nil {
			return Result{}, context.Cause(ctx)
		}
	}
	m := best(rounds)
	speed := func(u usage) float64 { return float64(files.bytes) / 1e6 / u.wall.Seconds() }
	return Result{
		Ratio: 1 / m.ratio(), Goal: 4, AtLeast: true,
		WallSeconds: m.ours.wall.Seconds(), CPUSeconds: m.ours.cpu.Seconds(), PeakBytes: m.ours.peak,
		Against: fmt.Sprintf("encoding/json into equivalent structs, how many times as fast: %.0f MB/s against %.0f MB/s", speed(m.ours), speed(m.theirs)),
	}, nil
}

// parse reads a file as a load does, and returns how many lines it has.
func parse(path string) (lines int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	var o shop.Order
	var l shop.Line
	in := jsonl.NewReader(f, 0, 0)
	for {
		line, err := in.Next()
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return lines, err
		}
		lines++
		head, err := jsonl.Peek(line.Raw)
		switch {
		case err != nil:
		case head.IsChild():
			err = jsonl.DecodeLine(line.Raw, &l)
		default:
			err = jsonl.DecodeOrder(line.Raw, &o)
		}
		if err != nil {
			return lines, fmt.Errorf("line %d: %w", line.No, err)
		}
	}
}

// plainParse reads a file with encoding/json.
func plainParse(path string) (lines int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close() //nolint:errcheck // only read
	in := bufio.NewScanner(f)
	in.Buffer(make([]byte, 256<<10), jsonl.MaxLine)
	for in.Scan() {
		lines++
		decode := plainDecodeOrder
		if bytes.Contains(in.Bytes(), []byte(`"__parentId"`)) {
			decode = plainDecodeLine
		}
		if err := decode(in.Bytes()); err != nil {
			return lines, fmt.Errorf("line %d: %w", lines, err)
		}
	}
	return lines, in.Err()
}
