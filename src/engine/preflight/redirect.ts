/** Where an answer to a validation over HTTP leads, as far as CAs follow: RFC 8555 §8.3 with Boulder's limits. Pure. */
import { isIP } from 'node:net'
import { firstOf, type HttpAnswer } from './http-fetch.ts'

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
  /** The URL it leads to; null where it is none. */
  readonly url: URL | null
}

export interface Redirect {
  readonly url: string
  readonly secure: boolean
  /** Without brackets. */
  readonly host: string
  readonly port: number
  /** Null where the URL names none. */
  readonly shownPort: number | null
  /** Path and query. */
  readonly path: string
}

interface RedirectRules {
  /** What is validated: an address may lead to itself. */
  readonly name: string
  readonly ports: { readonly http: number; readonly https: number }
}

/** As Let's Encrypt does. */
const MOST_REDIRECTS = 10
const LONGEST_URL = 2000
/** 303 is none of them (Baseline Requirements §3.2.2.4.19). */
const FOLLOWED = new Set([301, 302, 307, 308])

/** `urls`: all that were asked so far, the first one included. What a URL says of users and passwords is dropped. */
export function readRedirect(
  answer: HttpAnswer,
  urls: readonly string[],
  { name, ports }: RedirectRules,
): Stopped | Redirect {
  const location = firstOf(answer.headers.location)
  if (!FOLLOWED.has(answer.status))
    return stopped('status', `answers ${answer.status}, which is no redirect that CAs follow`)
  if (location === null || location.length > LONGEST_URL || !URL.canParse(location, urls.at(-1)))
    return stopped('location', `redirects with ${answer.status}, but to no URL`)
  const url = new URL(location, urls.at(-1))
  url.hash = ''
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return stopped('scheme', `redirects to ${url.protocol}, neither http nor https`, url)
  url.username = ''
  url.password = ''
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'https:'
  const usual = secure ? ports.https : ports.http
  // A port that is the scheme's own is dropped by URL, but is not the one that is looked at where that is another.
  const port = url.port === '' ? usual : Number(url.port)
  if (port !== ports.http && port !== ports.https)
    return stopped(
      'port',
      `redirects to port ${port}: only ${ports.http} and ${ports.https} are followed`,
      url,
    )
  if (/\.well-known$/i.test(host))
    return stopped('host', `redirects to the host ${host}: a / is missing before .well-known`, url)
  if (isIP(host) !== 0 ? isIP(name) === 0 : !host.includes('.') && host !== name)
    return stopped('host', `redirects to ${host}, which is no full domain name`, url)
  if (urls.includes(url.href)) return stopped('loop', `redirects in a circle: back to ${url.href}`, url)
  if (urls.length > MOST_REDIRECTS)
    return stopped('too-many', `redirects more than ${MOST_REDIRECTS} times`, url)
  const shownPort = url.port === '' ? null : port
  return { url: url.href, secure, host, port, shownPort, path: `${url.pathname}${url.search}` }
}

export function stopped(reason: Stopped['reason'], says: string, url: URL | null = null): Stopped {
  return { kind: 'stopped', reason, says, url }
}
