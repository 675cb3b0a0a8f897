package lake

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// settledProperty begins the names of a table's properties that say, for each
// partition, which files are settled: together they have each key once. As files
// never change, that stays true whatever else happens to the table, and of each
// part of these files too. So a partition is settled in a snapshot, an old one
// too, where all of its files are among them.
const settledProperty = "macrodata.settled."

// settles reports whether the partitions of a table can be settled: all versions
// of a key must be in one partition, which no longer holds where somebody has
// changed the table's partitioning.
func settles(tbl *table.Table, t rows.Table) bool {
	return t.Key != "" && len(tbl.Metadata().PartitionSpecs()) == 1
}

// partitionOf returns the name of a file's partition, its period in the manner
// of 2025-02: names stand in the order of time.
func partitionOf(tbl *table.Table, file iceberg.DataFile) string {
	spec := tbl.Spec()
	if spec.NumFields() == 0 {
		return "" // somebody has ended the partitioning
	}
	period, field := spec.Field(0), spec.PartitionType(tbl.Schema()).FieldList[0]
	return period.Transform.ToHumanStrType(field.Type, file.Partition()[field.ID])
}

// settledIn returns those partitions of some files in which all of these are
// settled.
func settledIn(tbl *table.Table, tasks []table.FileScanTask) map[string]bool {
	settled := map[string]bool{}
	if len(tbl.Metadata().PartitionSpecs()) != 1 {
		return settled
	}
	for _, task := range tasks {
		p := partitionOf(tbl, task.File)
		so, seen := settled[p]
		settled[p] = (so || !seen) && strings.Contains(tbl.Properties()[settledProperty+p], mark(task.File))
	}
	return settled
}

// mark is what stands for a file in the property. All are equally long.
func mark(file iceberg.DataFile) string {
	sum := sha256.Sum256([]byte(file.FilePath()))
	return hex.EncodeToString(sum[:8])
}

// settledMark returns the property that says that files of a partition are
// settled.
func settledMark(partition string, files []iceberg.DataFile) iceberg.Properties {
	marks := make([]string, len(files))
	for i, file := range files {
		marks[i] = mark(file)
	}
	return iceberg.Properties{settledProperty + partition: strings.Join(marks, ",")}
}

// settleAll settles the partitions that aren't, the youngest first.
func (l *Lake) settleAll(ctx context.Context, tbl *table.Table, t rows.Table, tasks []table.FileScanTask) (c Compacted, err error) {
	settled := settledIn(tbl, tasks)
	partitions := map[string][]table.FileScanTask{}
	for _, task := range tasks {
		p := partitionOf(tbl, task.File)
		partitions[p] = append(partitions[p], task)
	}
	var seen int64
	said := iceberg.Properties{}
	for _, p := range slices.Backward(slices.Sorted(maps.Keys(partitions))) {
		files := partitions[p]
		if settled[p] || slices.ContainsFunc(files, hasDeletes) {
			continue
		}
		if seen += rowsOf(files); seen > l.cfg.CompactRows && c.Settled > 0 {
			c.Left++
			continue
		}
		done, err := l.settle(ctx, tbl, t, p, files, said)
		if err != nil {
			return c, err
		}
		c.add(done)
	}
	if len(said) == 0 {
		return c, nil
	}
	return c, l.commit(ctx, t.Name, func(tbl *table.Table) (*table.Transaction, error) {
		tx := tbl.NewTransaction()
		return tx, tx.SetProperties(said)
	})
}

// settle makes all files of a partition have each key once. Where they do
// already, and aren't many small ones, it is enough to say so, and it adds the
// property that does to said.
func (l *Lake) settle(ctx context.Context, tbl *table.Table, t rows.Table, partition string, files []table.FileScanTask, said iceberg.Properties) (c Compacted, err error) {
	superseded, err := supersededIn(ctx, tbl, t, files, passRows)
	if err != nil {
		return c, kind(err)
	}
	if superseded.n == 0 && smallOf(files) < l.cfg.SmallFiles {
		maps.Copy(said, settledMark(partition, dataFiles(files)))
		return Compacted{Settled: 1}, nil
	}
	begins := func(task table.FileScanTask) int64 { return earliest(tbl, t, task.File) }
	slices.SortFunc(files, func(a, b table.FileScanTask) int { return cmp.Compare(begins(a), begins(b)) })
	c, merged, err := merge(ctx, tbl, t, files, superseded)
	if err != nil {
		return c, err
	}
	c.Settled = 1
	return c, l.replace(ctx, t.Name, files, merged, settledMark(partition, merged))
}

// earliest returns the earliest instant that a file has rows of, in microseconds.
// Files merged in this order leave rows about in the order of time, so that who
// reads a few days of a month can pass over the rest.
func earliest(tbl *table.Table, t rows.Table, file iceberg.DataFile) int64 {
	column, _ := tbl.Schema().FindFieldByName(t.Partition)
	bound := file.LowerBoundValues()[column.ID]
	if len(bound) != 8 {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(bound))
}
