package rows

import "github.com/apache/arrow-go/v18/arrow"

// performanceSchema is a metric as it was recorded. A measure is null where the
// metric doesn't name it: a manual one overrides only some.
func performanceSchema() *arrow.Schema {
	fields := []arrow.Field{
		required("metric_id", arrow.BinaryTypes.String),
		required("product_id", arrow.PrimitiveTypes.Int64),
		required("as_of", arrow.FixedWidthTypes.Date32),
		optional("first_sale_day", arrow.FixedWidthTypes.Date32),
	}
	windows := []string{"first_7_days", "first_14_days", "last_7_days", "last_14_days", "last_30_days", "total"}
	for _, w := range windows {
		fields = append(fields, optional("units_"+w, arrow.PrimitiveTypes.Int64))
	}
	for _, w := range windows {
		fields = append(fields, optional("net_sales_"+w, money))
	}
	return arrow.NewSchema(append(fields,
		optional("is_active", arrow.FixedWidthTypes.Boolean),
		required("source", arrow.BinaryTypes.String),
		optional("note", arrow.BinaryTypes.String),
		required("recorded_by", arrow.BinaryTypes.String),
		required("recorded_at", instant),
		required("version", arrow.PrimitiveTypes.Int64),
		required("deleted", arrow.FixedWidthTypes.Boolean),
	), nil)
}
