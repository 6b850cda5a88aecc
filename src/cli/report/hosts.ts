import type { RecordOperations } from '../../api/operations.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'

export interface RefusedHost {
  /** The proxy user, or the address it came from. */
  readonly client: string
  readonly host: string
  readonly times: number
  /** µs since 1970. */
  readonly last: number
  /** What to add under intercept.other_hosts. */
  readonly line: string
}

const PAGE = 1000

/** Tunnels that policy refused since `since` (µs), by client and host, the most frequent first. */
export async function refusedHosts(
  record: Pick<RecordOperations, 'exchanges'>,
  since: number,
): Promise<readonly RefusedHost[]> {
  const found = new Map<string, RefusedHost>()
  let before: number | undefined
  for (;;) {
    const filter = { operation: 'tunnel', outcome: 'refused', since }
    const page = await record.exchanges(before === undefined ? filter : { ...filter, before }, PAGE)
    for (const exchange of page) add(found, exchange)
    if (page.length < PAGE) break
    before = page.at(-1)!.intent.sequence
  }
  return [...found.values()].sort((a, b) => b.times - a.times || (a.host < b.host ? -1 : 1))
}

function add(found: Map<string, RefusedHost>, { intent, personal }: RecordedExchange): void {
  const client = personal.proxyUser ?? personal.clientAddress ?? 'unknown'
  const host = intent.request.authority ?? intent.request.target
  const key = JSON.stringify([client, host])
  const known = found.get(key)
  found.set(key, {
    client,
    host,
    times: (known?.times ?? 0) + 1,
    last: Math.max(known?.last ?? 0, intent.at),
    line: `- ${JSON.stringify(host.replace(/:443$/, ''))}`,
  })
}
