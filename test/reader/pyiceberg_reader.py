"""Reads one snapshot of an Iceberg table with PyIceberg and prints what is in
it as JSON. Usage: python3 pyiceberg_reader.py METADATA.json [SNAPSHOT-ID]"""
import json
import sys

from pyiceberg.table import StaticTable

table = StaticTable.from_metadata(sys.argv[1])
snapshot = int(sys.argv[2]) if len(sys.argv) > 2 else None
rows = table.scan(snapshot_id=snapshot).to_arrow().to_pylist()


def units(amount):
    return int(amount.scaleb(4))


newest = {}
for row in rows:
    other = newest.get(row["line_item_id"])
    order = (row["order_updated_at"], row["sequence"])
    if other is None or order > (other["order_updated_at"], other["sequence"]):
        newest[row["line_item_id"]] = row
counted = [r for r in newest.values() if not (r["is_cancelled"] or r["is_test"] or r["deleted"])]
print(json.dumps({
    "rows": len(rows),
    "quantity": sum(r["quantity"] for r in rows),
    "net": str(sum(units(r["net_sales"]) for r in rows)),
    "lines": len(newest),
    "countedLines": len(counted),
    "countedNet": str(sum(units(r["net_sales"]) for r in counted)),
}))
