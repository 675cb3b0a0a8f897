package lake

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/catalog"
	"github.com/apache/iceberg-go/table"

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
		if _, err := l.load(ctx, t.Name); err == nil {
			continue
		} else if !errors.Is(err, errs.NotFound) {
			return err
		}
		err := l.catalog.CreateNamespace(ctx, catalog.NamespaceFromIdent(id), nil)
		if err != nil && !errors.Is(err, catalog.ErrNamespaceAlreadyExists) {
			return fmt.Errorf("create the namespace of %s: %w", t.Name, kind(err))
		}
		if err := l.createTable(ctx, id, t); err != nil {
			return fmt.Errorf("create %s: %w", t.Name, kind(err))
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
	_, err = l.catalog.CreateTable(ctx, id, schema,
		catalog.WithPartitionSpec(&spec), catalog.WithProperties(tableProperties))
	if errors.Is(err, catalog.ErrTableAlreadyExists) {
		return nil
	}
	return err
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
