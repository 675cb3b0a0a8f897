// A client with types out of docs/openapi.yaml. It is compiled and never run:
// where a line below the word expect-error had no error any more, the document
// would have stopped to say what that line gets wrong.
import createClient from 'openapi-fetch'
import type { components, paths } from 'macrodata'

const api = createClient<paths>({ baseUrl: 'https://ops.example.com' })

type Run = components['schemas']['RunEntry']

/** Starts a sync and returns the path that tells how it is doing. */
export async function startSync(key: string): Promise<string> {
  const { data, error } = await api.POST('/api/performance-metrics/sync', {
    params: { header: { 'Idempotency-Key': key } },
    body: { mode: 'incremental', resources: ['orders'] },
  })
  if (error) throw new Error(`${error.detail} ${error.remedy ?? ''} (${error.requestId})`)
  return data.data.statusUrl
}

/** Lists the runs that failed, page by page. */
export async function* failedRuns(): AsyncGenerator<Run> {
  for (let cursor: string | undefined; ; ) {
    const { data, error } = await api.GET('/api/ingest/runs', { params: { query: { status: 'failed', limit: 100, cursor } } })
    if (error) throw new Error(error.code)
    yield* data.data
    if (data.pagination.nextCursor === null) return
    cursor = data.pagination.nextCursor
  }
}

/** What a client gets wrong, and is told when it is compiled. */
export async function mistakes(): Promise<void> {
  // @ts-expect-error There is no such path.
  await api.GET('/api/ingest/run')
  // @ts-expect-error There is no such method of the path.
  await api.DELETE('/api/ingest/runs')
  // @ts-expect-error A word that isn't one of a parameter's.
  await api.GET('/api/ingest/runs', { params: { query: { status: 'finished' } } })
  // @ts-expect-error A parameter that there isn't.
  await api.GET('/api/ingest/runs', { params: { query: { state: 'failed' } } })
  // @ts-expect-error The run is missing.
  await api.GET('/api/ingest/runs/{runId}', {})
  // @ts-expect-error A word that isn't one of a field's.
  await api.POST('/api/performance-metrics/sync', { body: { mode: 'everything' } })
  // @ts-expect-error A field that has to be there.
  await api.POST('/api/performance-metrics/sync', { body: { resources: ['orders'] } })
  // @ts-expect-error A field that there isn't.
  await api.POST('/api/performance-metrics/sync', { body: { mode: 'full', resource: 'orders' } })

  const { data } = await api.GET('/api/me')
  // @ts-expect-error The shop may not be known yet.
  data?.data.shop.currency.toUpperCase()
  // @ts-expect-error The answer has no such field.
  data?.data.email
}
