package jsonl

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// told is a Line in a form that can be kept and compared.
func told(l Line) string {
	text := string(l.Raw)
	if len(text) > 20 {
		text = fmt.Sprintf("%s… %d bytes", text[:5], len(text))
	}
	return fmt.Sprintf("%d [%d,%d) %q cut=%t long=%t", l.No, l.Offset, l.End, text, l.Cut(), l.TooLong)
}

func readAll(t *testing.T, r *Reader) (lines []string) {
	t.Helper()
	for {
		line, err := r.Next()
		if errors.Is(err, io.EOF) {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, told(line))
	}
}

func TestReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", readSize*3)
	for _, c := range []struct {
		name, file string
		want       []string
	}{
		{"an empty file has no lines", "", nil},
		{"each line ends with a newline", "a\nbc\n", []string{`1 [0,2) "a" cut=false long=false`, `2 [2,5) "bc" cut=false long=false`}},
		{"the last line lacks it", "a\nbc", []string{`1 [0,2) "a" cut=false long=false`, `2 [2,4) "bc" cut=true long=false`}},
		{"an empty line is a line", "\na\n", []string{`1 [0,1) "" cut=false long=false`, `2 [1,3) "a" cut=false long=false`}},
		{"a line is longer than the buffer", "a\n" + long + "\nb", []string{
			`1 [0,2) "a" cut=false long=false`,
			fmt.Sprintf(`2 [2,%d) "xxxxx… %d bytes" cut=false long=false`, len(long)+3, len(long)),
			fmt.Sprintf(`3 [%d,%d) "b" cut=true long=false`, len(long)+3, len(long)+4),
		}},
		{"a line is as long as the buffer", long[:readSize-1] + "\n" + long[:readSize], []string{
			fmt.Sprintf(`1 [0,%d) "xxxxx… %d bytes" cut=false long=false`, readSize, readSize-1),
			fmt.Sprintf(`2 [%d,%d) "xxxxx… %d bytes" cut=true long=false`, readSize, readSize*2, readSize),
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(c.want, readAll(t, NewReader(strings.NewReader(c.file), 0, 0))); d != "" {
				t.Errorf("-want +got\n%s", d)
			}
		})
	}
}

func TestReaderGoesOn(t *testing.T) {
	t.Parallel()
	file := "a\nbc\ndef\n"
	whole := NewReader(strings.NewReader(file), 0, 0)
	first, err := whole.Next()
	if err != nil {
		t.Fatal(err)
	}
	resumed := NewReader(strings.NewReader(file[first.End:]), first.End, first.No)
	if d := cmp.Diff(readAll(t, whole), readAll(t, resumed)); d != "" {
		t.Errorf("-whole +resumed\n%s", d)
	}
}

func TestReaderDropsWhatIsTooLong(t *testing.T) {
	t.Parallel()
	x := func(n int64) io.Reader { return io.LimitReader(endless{}, n) }
	r := NewReader(io.MultiReader(x(MaxLine+1), strings.NewReader("\nb\n"), x(MaxLine), strings.NewReader("\n"), x(MaxLine+5)), 0, 0)
	const second = MaxLine + 2
	want := []string{
		fmt.Sprintf(`1 [0,%d) "" cut=false long=true`, second),
		fmt.Sprintf(`2 [%d,%d) "b" cut=false long=false`, second, second+2),
		fmt.Sprintf(`3 [%d,%d) "xxxxx… %d bytes" cut=false long=false`, second+2, second+3+MaxLine, MaxLine),
		fmt.Sprintf(`4 [%d,%d) "" cut=false long=true`, second+3+MaxLine, second+8+2*MaxLine),
	}
	if d := cmp.Diff(want, readAll(t, r)); d != "" {
		t.Errorf("-want +got\n%s", d)
	}
}

func TestReaderReportsABrokenStream(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection reset")
	r := NewReader(io.MultiReader(strings.NewReader("a\nhalf a li"), iotest.ErrReader(broken)), 0, 0)
	if line, err := r.Next(); err != nil || string(line.Raw) != "a" {
		t.Fatal(line, err)
	}
	if line, err := r.Next(); !errors.Is(err, broken) || line.Raw != nil {
		t.Errorf("%v, %v", line, err)
	}
}

// endless reads as x without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
