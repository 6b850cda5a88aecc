import { isIP } from 'node:net'
import type { RecordOperations } from '../../api/operations.ts'
import type { RecordedExchange } from '../../audit/record-store.ts'
import type { Config } from '../../config/schema.ts'
import { splitHost } from '../../config/values.ts'
import type { OtherHost } from '../../exchange/exchange.ts'
import { otherHosts } from '../../policy/other-hosts.ts'

export interface RefusedHost {
  /** The proxy user, or the address it came from. */
  readonly client: string
  /** `host:port`; IPv6 in brackets. */
  readonly host: string
  readonly times: number
  /** µs since 1970. */
  readonly last: number
  /** True where the configuration lets it through by now. */
  readonly allowed: boolean
  /** What lets it through; null where nothing is to be added, or nothing can: it is no name or address. */
  readonly add: { readonly to: 'intercept.cas' | 'intercept.other_hosts'; readonly line: string } | null
}

const PAGE = 1000

/**
 * Tunnels that policy refused since `since` (µs), by client and host, the most frequent first. What is to be added is
 * judged by `config`, so a host that is listed since has nothing to add.
 */
export async function refusedHosts(
  record: Pick<RecordOperations, 'exchanges'>,
  since: number,
  config: Pick<Config, 'cas' | 'intercept'>,
): Promise<readonly RefusedHost[]> {
  const found = new Map<string, RefusedHost>()
  const advise = adviceBy(config)
  let before: number | undefined
  for (;;) {
    const filter = { operation: 'tunnel', outcome: 'refused', since }
    const page = await record.exchanges(before === undefined ? filter : { ...filter, before }, PAGE)
    for (const exchange of page) add(found, exchange, advise)
    if (page.length < PAGE) break
    before = page.at(-1)!.intent.sequence
  }
  return [...found.values()].sort((a, b) => b.times - a.times || (a.host < b.host ? -1 : 1))
}

type Advise = (target: OtherHost) => Pick<RefusedHost, 'allowed' | 'add'>

const ALLOWED = { allowed: true, add: null }

function add(found: Map<string, RefusedHost>, { intent, personal }: RecordedExchange, advise: Advise): void {
  if (intent.decision.effect !== 'deny') return
  const client = personal.proxyUser ?? personal.clientAddress ?? 'unknown'
  const { method, target } = intent.request
  const asked = targetOf(method, target)
  const host = asked === null ? target : placeOf(asked)
  const key = JSON.stringify([client, host, asked?.form])
  const known = found.get(key)
  found.set(key, {
    client,
    host,
    times: (known?.times ?? 0) + 1,
    last: Math.max(known?.last ?? 0, intent.at),
    ...(asked === null ? { allowed: false, add: null } : advise(asked)),
  })
}

/** The target as it was asked for. `Host` is no help: with CONNECT some clients leave its port out. */
function targetOf(method: string, target: string): OtherHost | null {
  if (method === 'CONNECT') {
    const parts = splitHost(target.toLowerCase().replace(/\.(?=:\d+$)/, ''))
    return parts?.port == null ? null : { host: parts.name, port: parts.port, form: 'connect' }
  }
  const url = URL.canParse(target) ? new URL(target) : null
  if (url === null || url.hostname === '') return null
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '')
  return { host, port: url.port === '' ? 80 : Number(url.port), form: 'absolute' }
}

function placeOf({ host, port }: Pick<OtherHost, 'host' | 'port'>): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}

function adviceBy({ cas, intercept }: Pick<Config, 'cas' | 'intercept'>): Advise {
  const { refusal } = otherHosts(intercept.other_hosts)
  const byPlace = new Map<string, string>()
  for (const [name, { directory }] of Object.entries(cas)) {
    for (const url of directory) byPlace.set(caPlace(url), name)
  }
  return (target) => {
    const ca = target.form === 'connect' ? byPlace.get(placeOf(target)) : undefined
    if (ca !== undefined) {
      if (intercept.cas.includes(ca)) return ALLOWED
      return { allowed: false, add: { to: 'intercept.cas', line: `- ${JSON.stringify(ca)}` } }
    }
    if (refusal(target) === null) return ALLOWED
    return { allowed: false, add: { to: 'intercept.other_hosts', line: lineFor(target) } }
  }
}

function caPlace(directory: string): string {
  const { hostname, port } = new URL(directory)
  return placeOf({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) })
}

/** As an entry of `intercept.other_hosts`: the port only where it is not the usual one. */
function lineFor({ host, port, form }: OtherHost): string {
  const usual = port === (form === 'connect' ? 443 : 80)
  const place = placeOf({ host, port })
  return `- ${JSON.stringify(usual ? place.slice(0, place.lastIndexOf(':')) : place)}`
}
