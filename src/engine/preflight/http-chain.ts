import { isIP } from 'node:net'
import { refuseLiteral } from '../../ca/address-guard.ts'
import { DnsFailure } from '../../ca/dns/ask.ts'
import { recordsAt } from '../../ca/dns/reply.ts'
import type { DomainProbe, Examination } from './examination.ts'
import { fetchOnce, type HttpAnswer, type HttpFailure, type Target } from './http-fetch.ts'
import { readRedirect, type Stopped, stopped } from './redirect.ts'

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
  const redirect = readRedirect(answer, urls, probe)
  if ('kind' in redirect) return redirect
  const { host } = redirect
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
  return { url: redirect.url, target: { ...redirect, address: to } }
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
