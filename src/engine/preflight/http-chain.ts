import { isIP } from 'node:net'
import { refuseLiteral } from '../../ca/address-guard.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import { recordsAt } from '../../ca/dns/reply.ts'
import type { DomainProbe, Examination } from './examination.ts'
import { fetchOnce, firstOf, type HttpAnswer, type HttpFailure, type Target } from './http-fetch.ts'

/** As much of an examination as a walk needs. */
export interface Walking extends Pick<Examination, 'resolver' | 'signal'> {
  readonly probe: Pick<DomainProbe, 'name' | 'ports' | 'notPublic'> & {
    readonly patience: Pick<DomainProbe['patience'], 'answer'>
  }
}

/** What one address of the name came to, redirects followed. */
export interface Walk {
  readonly address: string
  /** Every URL asked, the first one included. */
  readonly urls: readonly string[]
  readonly end: HttpAnswer | HttpFailure | Stopped
}

/** A redirect that a CA does not follow. */
export interface Stopped {
  readonly kind: 'stopped'
  readonly reason:
    | 'loop'
    | 'too-many'
    | 'port'
    | 'scheme'
    | 'host'
    | 'address'
    | 'status'
    | 'location'
    | 'unresolved'
  readonly says: string
}

/** As Let's Encrypt does. */
const MOST_REDIRECTS = 10
const LONGEST_URL = 2000
/** 303 is none of them (Baseline Requirements §3.2.2.4.19). */
const FOLLOWED = new Set([301, 302, 307, 308])

/** Asks one address for a path as a CA would, and goes where it is sent. The name itself stays at this address. */
export async function walk(examination: Walking, address: string, path: string): Promise<Walk> {
  const { probe, signal } = examination
  const shown = isIP(probe.name) === 6 ? `[${probe.name}]` : probe.name
  const port = probe.ports.http
  let target: Target = {
    secure: false,
    host: probe.name,
    port,
    shownPort: port === 80 ? null : port,
    address,
    path,
  }
  const urls = [`http://${shown}${target.shownPort === null ? '' : `:${port}`}${path}`]
  for (;;) {
    const answer = await fetchOnce(target, probe.patience.answer, signal)
    if (answer.kind === 'failure' || answer.status < 300 || answer.status > 399)
      return { address, urls, end: answer }
    const next = await follow(examination, answer, urls, address)
    if ('kind' in next) return { address, urls, end: next }
    urls.push(next.url)
    target = next.target
  }
}

async function follow(
  examination: Walking,
  answer: HttpAnswer,
  urls: readonly string[],
  address: string,
): Promise<Stopped | { readonly url: string; readonly target: Target }> {
  const { probe } = examination
  const location = firstOf(answer.headers.location)
  if (!FOLLOWED.has(answer.status))
    return stopped('status', `answers ${answer.status}, which is no redirect that CAs follow`)
  if (location === null || location.length > LONGEST_URL || !URL.canParse(location, urls.at(-1)))
    return stopped('location', `redirects with ${answer.status}, but to no URL`)
  const url = new URL(location, urls.at(-1))
  url.hash = ''
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return stopped('scheme', `redirects to ${url.protocol}, neither http nor https`)
  const secure = url.protocol === 'https:'
  const usual = secure ? probe.ports.https : probe.ports.http
  const port = url.port === '' ? usual : Number(url.port)
  if (port !== probe.ports.http && port !== probe.ports.https) {
    return stopped(
      'port',
      `redirects to port ${port}: only ${probe.ports.http} and ${probe.ports.https} are followed`,
    )
  }
  if (/\.well-known$/i.test(host))
    return stopped('host', `redirects to the host ${host}: a / is missing before .well-known`)
  if (isIP(host) !== 0 ? isIP(probe.name) === 0 : !host.includes('.') && host !== probe.name)
    return stopped('host', `redirects to ${host}, which is no full domain name`)
  if (urls.includes(url.href)) return stopped('loop', `redirects in a circle: back to ${url.href}`)
  if (urls.length > MOST_REDIRECTS) return stopped('too-many', `redirects more than ${MOST_REDIRECTS} times`)
  const to = host === probe.name ? address : await resolve(examination, host)
  if (to === null) return stopped('unresolved', `redirects to ${host}, which has no address`)
  const guarded = refusal(to)
  if (guarded !== null) return stopped('address', `redirects to ${host}: ${guarded}`)
  const why = probe.notPublic(to)
  if (why !== null && probe.notPublic(address) === null)
    return stopped(
      'address',
      `redirects to ${host} at ${to}, which ${why}: no CA on the Internet can reach it`,
    )
  const shownPort = url.port === '' ? null : port
  return {
    url: url.href,
    target: { secure, host, port, shownPort, address: to, path: `${url.pathname}${url.search}` },
  }
}

/** IPv6 first, as Let's Encrypt prefers. */
async function resolve({ resolver }: Walking, host: string): Promise<string | null> {
  if (isIP(host) !== 0) return host
  for (const type of ['AAAA', 'A'] as const) {
    try {
      const found = recordsAt(await resolver.ask(host, type), host, type).records.map(({ data }) => data)
      if (found[0] !== undefined) return found[0]
    } catch (error) {
      if (!(error instanceof DnsFailure)) throw error
    }
  }
  return null
}

/** No site is sent on to a metadata service, also not one on the inside. */
function refusal(address: string): string | null {
  try {
    refuseLiteral(address)
    return null
  } catch (error) {
    return (error as Error).message
  }
}

function stopped(reason: Stopped['reason'], says: string): Stopped {
  return { kind: 'stopped', reason, says }
}
