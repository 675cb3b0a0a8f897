package lake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/macrodata-dev/macrodata/internal/errs"
	"github.com/macrodata-dev/macrodata/internal/lake/rows"
)

// sequenceProperty is the property of a table that holds the number of the last
// outbox batch in it. Snapshots come and go; properties stay.
const sequenceProperty = "macrodata.sequence"

// rowGroup is the number of rows in a row group: it bounds what a writer holds
// in memory, and is the unit in which readers share work.
const rowGroup = 131072

// targetFile is the size in bytes at which a writer begins another file.
const targetFile = 128 << 20

var tableProperties = iceberg.Properties{
	table.ParquetCompressionKey:       "zstd",
	table.ParquetRowGroupLimitKey:     strconv.Itoa(rowGroup),
	table.WriteTargetFileSizeBytesKey: strconv.Itoa(targetFile),
	// Dictionaries of columns whose values hardly repeat are given up early,
	// which makes files a seventh smaller than the usual 2 MiB does.
	table.ParquetDictSizeBytesKey:             "65536",
	table.ManifestMergeEnabledKey:             "true",
	table.ManifestMinMergeCountKey:            "20",
	table.MetadataDeleteAfterCommitEnabledKey: "true",
	table.MetadataPreviousVersionsMaxKey:      "50",
	"format-version":                          "2",
}

// createTables makes what is missing. Another process may do the same.
func (l *Lake) createTables(ctx context.Context) error {
	for _, t := range l.tables {
		id := catalog.ToIdentifier(t.Name)
		tbl, err := l.load(ctx, t.Name)
		if err == nil {
			if err := l.checkLocation(tbl, t.Name); err != nil {
				return err
			}
			continue
		}
		if !errors.Is(err, errs.NotFound) {
			return err
		}
		err = l.catalog.CreateNamespace(ctx, catalog.NamespaceFromIdent(id), nil)
		if errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
			err = nil
		}
		// Catalogs have many answers for who loses the race to make a namespace.
		// What counts is whether a table can be made in it.
		if tableErr := l.createTable(ctx, id, t); tableErr != nil {
			return fmt.Errorf("create %s: %w", t.Name, kind(cmp.Or(err, tableErr)))
		}
	}
	return nil
}

func (l *Lake) createTable(ctx context.Context, id table.Identifier, t rows.Table) error {
	schema, err := table.ArrowSchemaToIcebergWithFreshIDs(t.Schema, false)
	if err != nil {
		return err
	}
	column, _ := schema.FindFieldByName(t.Partition)
	spec := iceberg.NewPartitionSpec(iceberg.PartitionField{
		SourceIDs: []int{column.ID}, FieldID: 1000, Name: t.Partition + "_" + t.Period, Transform: transform(t.Period),
	})
	opts := []catalog.CreateTableOpt{catalog.WithPartitionSpec(&spec), catalog.WithProperties(tableProperties)}
	if l.folder != "" {
		// A folder of its own, for another database may use the same warehouse,
		// and each would sweep away the other's files.
		opts = append(opts, catalog.WithLocation(fmt.Sprintf("%s/%s-%s", l.folder, t.Name, uuid.NewString())))
	}
	_, err = l.catalog.CreateTable(ctx, id, schema, opts...)
	if errors.Is(err, catalog.ErrTableAlreadyExists) {
		return nil
	}
	return err
}

// checkLocation refuses a table whose files are somewhere else than the warehouse
// that is configured: they would go on growing there.
func (l *Lake) checkLocation(tbl *table.Table, name string) error {
	if l.folder == "" || strings.HasPrefix(tbl.Location(), l.folder+"/") {
		return nil
	}
	return errs.WithRemedy(
		fmt.Errorf("the files of %s are in %s, and the warehouse is %s: %w", name, tbl.Location(), l.folder, errs.Conflict),
		"set MACRODATA_WAREHOUSE, or MACRODATA_DATA_DIR, to where they are; for a new warehouse take a new database too")
}

func transform(period string) iceberg.Transform {
	switch period {
	case "day":
		return iceberg.DayTransform{}
	case "month":
		return iceberg.MonthTransform{}
	}
	return iceberg.YearTransform{}
}

// sequenceOf returns the number of the last batch that a table has.
func sequenceOf(tbl *table.Table) (int64, error) {
	text, ok := tbl.Properties()[sequenceProperty]
	if !ok {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("property %s of the table is %.40q: %w", sequenceProperty, text, errs.Corrupt)
	}
	return n, nil
}
