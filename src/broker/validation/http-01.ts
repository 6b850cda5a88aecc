import { isIP } from 'node:net'
import { AcmeProblem } from '../../acme/problem.ts'
import { whyNotPublic } from '../../ca/address-class.ts'
import { isHostName } from '../../ca/resolve.ts'
import {
  type Asking,
  fetchOnce,
  type HttpAnswer,
  type HttpFailure,
  type Target,
} from '../../engine/preflight/http-fetch.ts'
import { type Redirect, readRedirect, type Stopped } from '../../engine/preflight/redirect.ts'
import { hostOf } from '../../engine/solvers/http-host.ts'
import { isListedSuffix } from '../../policy/names/domains.ts'
import type { ValidationRequest } from '../validate.ts'
import { addressesOf } from './addresses.ts'
import type { Perspective } from './perspective.ts'
import { tlsFault } from './tls-fault.ts'
import { prefixed, quoted, shownUrl } from './words.ts'

/** No key authorization is as long; what is as long or longer is not read on. */
const ASKING: Asking = { userAgent: 'acmetap (validates http-01)', mostBody: 128 }

/**
 * RFC 8555 §8.3, RFC 8738 §7: the key authorization lies there, redirects followed as far as Boulder does. IPv6 first, then
 * IPv4, from the start, where the network failed. Rejects with AcmeProblem, or CannotTell.
 */
export async function validateHttp01(request: ValidationRequest, perspective: Perspective): Promise<void> {
  const { httpPort } = perspective.settings
  const name = hostOf(request.identifier)
  const [first, second] = await addressesOf(perspective, name, httpPort)
  try {
    // Half the time is left for the other family.
    await look(request, perspective, first, second === undefined ? 1 : 0.5)
  } catch (error) {
    if (second === undefined || !(error instanceof NetworkProblem)) throw error
    await look(request, perspective, second, 1)
  }
}

/** The network's doing: another address may do better. */
class NetworkProblem extends AcmeProblem {}

interface Hop {
  readonly address: string
  readonly url: string
  /** A redirect has led to another host, inside: what that answers is not for whoever wrote the redirect. */
  readonly isPrivate: boolean
}

async function look(
  { identifier, token, keyAuthorization }: ValidationRequest,
  perspective: Perspective,
  address: string,
  share: number,
): Promise<void> {
  const { settings, from, left } = perspective
  const name = hostOf(identifier)
  const end = performance.now() + left() * share
  const shown = isIP(name) === 6 ? `[${name}]` : name
  const port = settings.httpPort
  const path = `/.well-known/acme-challenge/${token}`
  const urls = [`http://${shown}${port === 80 ? '' : `:${port}`}${path}`]
  let target: Target = {
    secure: false,
    host: name,
    port,
    shownPort: port === 80 ? null : port,
    address,
    from,
    path,
  }
  for (;;) {
    const hop = {
      address: target.address,
      url: urls.at(-1)!,
      isPrivate: target.host !== name && whyNotPublic(target.address) !== null,
    }
    const answer = await fetchOnce(target, Math.max(1, end - performance.now()), perspective.signal, ASKING)
    if (answer.kind === 'failure') throw failed(hop, answer)
    if (answer.status < 300 || answer.status > 399) return judge(hop, answer, keyAuthorization)
    const next = readRedirect(answer, urls, { name, ports: { http: port, https: settings.tlsPort } })
    if ('kind' in next) throw refused(hop, answer, next, settings)
    target = await targetOf(hop, next, name, perspective)
    urls.push(next.url)
  }
}

function judge(hop: Hop, { status, body, cut }: HttpAnswer, keyAuthorization: string): void {
  if (status !== 200) throw unauthorized(hop, String(status))
  if (cut)
    throw new AcmeProblem(
      'unauthorized',
      `${hop.address}: Error reading HTTP response body: unexpected EOF from ${shownUrl(hop.url)}`,
    )
  const shown = (text: string) => (hop.isPrivate ? '"(not shown: a redirect led inside)"' : quoted(text))
  if (Buffer.byteLength(body) >= ASKING.mostBody) throw unauthorized(hop, shown(body))
  if (body.trimEnd() === keyAuthorization) return
  throw new AcmeProblem(
    'unauthorized',
    `The key authorization file from the server did not match this challenge. Expected ${quoted(keyAuthorization)} (got ${shown(body.trimEnd())})`,
  )
}

function unauthorized({ address, url }: Hop, what: string): AcmeProblem {
  return new AcmeProblem('unauthorized', `${address}: Invalid response from ${shownUrl(url)}: ${what}`)
}

/** Where a redirect that may be followed leads: judged afresh, whatever the name led to before. */
async function targetOf(
  hop: Hop,
  redirect: Redirect,
  name: string,
  perspective: Perspective,
): Promise<Target> {
  const { url, port } = redirect
  const host = redirect.host.replace(/\.$/, '')
  const invalid = (says: string) =>
    new AcmeProblem('connection', `${hop.address}: Fetching ${shownUrl(url)}: ${says}`)
  if (isIP(host) !== 0 && host !== name)
    throw invalid(
      `Invalid host in redirect target ${quoted(host)}. Only domain names are supported, not IP addresses`,
    )
  if (isIP(host) === 0 && host !== name) {
    if (!isHostName(host) || !host.includes('.'))
      throw invalid(`Invalid host in redirect target ${quoted(host)}. Only domain names are supported`)
    // Names of the inside lead nowhere else than inside.
    if (perspective.settings.internal.length === 0 && !isListedSuffix(host))
      throw invalid('Invalid hostname in redirect target, must end in IANA registered TLD')
  }
  try {
    const [address] = await addressesOf(perspective, host, port)
    return { ...redirect, host, address, from: perspective.from }
  } catch (error) {
    if (!(error instanceof AcmeProblem)) throw error
    throw prefixed(`${hop.address}: Fetching ${shownUrl(url)}: `, error)
  }
}

function refused(
  hop: Hop,
  { status }: HttpAnswer,
  { reason, url }: Stopped,
  { httpPort, tlsPort }: { readonly httpPort: number; readonly tlsPort: number },
): AcmeProblem {
  if (reason === 'location' || (reason === 'status' && status !== 303))
    return unauthorized(hop, String(status))
  const host = quoted(url?.hostname ?? '')
  const says = {
    loop: 'Redirect loop detected',
    'too-many': 'Too many redirects',
    port: `Invalid port in redirect target. Only ports ${httpPort} and ${tlsPort} are supported, not ${url?.port}`,
    scheme: `Invalid protocol scheme in redirect target. Only "http" and "https" protocol schemes are supported, not ${quoted(url?.protocol.slice(0, -1) ?? '', 40)}`,
    host: hostFault(url?.hostname ?? ''),
    status: `received disallowed redirect status code ${quoted(String(status))}`,
    address: `Invalid host in redirect target ${host}`,
    unresolved: `Invalid host in redirect target ${host}`,
  }[reason]
  return new AcmeProblem('connection', `${hop.address}: Fetching ${shownUrl(url?.href ?? hop.url)}: ${says}`)
}

function hostFault(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (host === '') return 'Invalid empty hostname in redirect target'
  const advice =
    isIP(host) === 0
      ? "Check webserver config for missing '/' in redirect target."
      : 'Only domain names are supported, not IP addresses'
  return `Invalid host in redirect target ${quoted(host)}. ${advice}`
}

function failed({ address, url }: Hop, failure: HttpFailure): AcmeProblem {
  const [type, says] = told(failure)
  const detail = `${address}: Fetching ${shownUrl(url)}: ${says}`
  const hasAnswered = failure.reason === 'not-http' || failure.reason === 'tls-there'
  return hasAnswered ? new AcmeProblem(type, detail) : new NetworkProblem(type, detail)
}

function told({ reason, cause }: HttpFailure): readonly ['connection' | 'malformed' | 'tls', string] {
  switch (reason) {
    case 'connect-timeout':
      return ['connection', 'Timeout during connect (likely firewall problem)']
    case 'answer-timeout':
      return ['connection', 'Timeout after connect (your server may be slow or overloaded)']
    case 'refused':
      return ['connection', 'Connection refused']
    case 'unreachable':
      return ['connection', 'Network unreachable']
    case 'reset':
      return ['connection', 'Connection reset by peer']
    case 'no-tls':
      return tlsFault(cause)
    case 'tls-there':
    case 'not-http':
      return [
        'connection',
        isHttp2(cause?.rawPacket) ? 'Server is speaking HTTP/2 over HTTP' : 'Error getting validation data',
      ]
  }
}

/** The first frame of an HTTP/2 server: SETTINGS (RFC 9113 §3.4, §6.5). */
function isHttp2(bytes: Buffer | undefined): boolean {
  return bytes !== undefined && bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[3] === 4
}
