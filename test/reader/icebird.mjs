// Reads one snapshot of an Iceberg table from a folder with icebird and prints
// what is in it as JSON. Usage: node icebird.mjs METADATA.json [SNAPSHOT-ID]
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { gzipSync, inflateRawSync } from 'node:zlib'
import { icebergRead } from 'icebird'

const [location, snapshot] = process.argv.slice(2)

// icebird asks with fetch, which knows no file:// URLs.
globalThis.fetch = async (url, init = {}) => {
  let body = await readFile(fileURLToPath(url))
  if (url.endsWith('.avro')) body = gzipped(body)
  const range = /^bytes=(\d+)-(\d*)$/.exec(init.headers?.Range ?? '')
  if (range) body = body.subarray(Number(range[1]), range[2] ? Number(range[2]) + 1 : undefined)
  return new Response(body, { status: range ? 206 : 200 })
}

// gzipped packs an Avro file anew: where the format says "deflate" it means the
// bare algorithm, and icebird 0.3.1 expects gzip.
function gzipped(file) {
  let at = 4 // after the magic
  const long = () => {
    let value = 0, factor = 1, byte
    do {
      byte = file[at++]
      value += (byte & 0x7f) * factor
      factor *= 128
    } while (byte & 0x80)
    return value % 2 ? -(value + 1) / 2 : value / 2
  }
  const next = length => file.subarray(at, (at += length))
  let codec = 'null'
  for (let count = long(); count !== 0; count = long()) {
    if (count < 0) long() // the block's size, which is of no use here
    for (let i = 0; i < Math.abs(count); i++) {
      const key = next(long()).toString()
      const value = next(long()).toString()
      if (key === 'avro.codec') codec = value
    }
  }
  if (codec !== 'deflate') return file
  const sync = next(16)
  const parts = [file.subarray(0, at)]
  while (at < file.length) {
    const count = long()
    const data = gzipSync(inflateRawSync(next(long())))
    at += 16
    parts.push(zigzag(count), zigzag(data.length), data, sync)
  }
  return Buffer.concat(parts)
}

function zigzag(n) {
  const bytes = []
  for (n *= 2; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) | 0x80)
  return Buffer.from([...bytes, n])
}

// Ids of snapshots have more digits than JavaScript's numbers keep.
const text = (await readFile(location, 'utf8')).replace(/("(?:current-)?snapshot-id"\s*:\s*)(-?\d+)/g, '$1"$2"')
const metadata = JSON.parse(text)
if (snapshot) metadata['current-snapshot-id'] = snapshot
const rows = await icebergRead({ tableUrl: metadata.location, metadata })

const units = amount => BigInt(Math.round(amount * 10000)) // exact below 900 billion
const newest = new Map()
const sums = { rows: rows.length, quantity: 0n, net: 0n }
for (const row of rows) {
  sums.quantity += BigInt(row.quantity)
  sums.net += units(row.net_sales)
  const other = newest.get(row.line_item_id)
  const newer = !other || row.order_updated_at > other.order_updated_at ||
    (+row.order_updated_at === +other.order_updated_at && row.sequence > other.sequence)
  if (newer) newest.set(row.line_item_id, row)
}
const counted = [...newest.values()].filter(row => !row.is_cancelled && !row.is_test && !row.deleted)
process.stdout.write(JSON.stringify({
  rows: sums.rows,
  quantity: Number(sums.quantity),
  net: String(sums.net),
  lines: newest.size,
  countedLines: counted.length,
  countedNet: String(counted.reduce((sum, row) => sum + units(row.net_sales), 0n)),
}) + '\n')
