/** What a text tells beside its class, in the same words at every CA: address, URL, name, time, limit. */
import { BlockList, isIP } from 'node:net'
import type { NormalText } from './normalise.ts'

export type Details = Record<string, string | undefined>

const DIALLED =
  /(?:dial|read|write) tcp (?:[0-9a-f.:[\]]{3,50}->)?\[?(?<dialled>[0-9a-f.:]{3,45}?)\]?:\d{1,5}\b|https?:\/\/[^ "]{1,600}"? \[(?<shown>[0-9a-f.:]{3,45})\]|\bfrom \[?(?<from>[0-9a-f.:]{3,45}?)\]?:\d{1,5}\b/i
const URL_IN = /(https?:\/\/[^\s"<>,)]{1,600})/i
const HOST_OF = /^https?:\/\/(?:\[([0-9a-f.:]{2,45})\]|([\w.*-]{1,255}))/i

/** The address the CA connected to, where the text names one. */
export function addressIn({ text, address }: NormalText): string | null {
  if (address !== null) return address
  const { dialled, shown, from } = DIALLED.exec(text)?.groups ?? {}
  const found = dialled ?? shown ?? from
  return found !== undefined && isIP(found) !== 0 ? found : null
}

/** The resolver or name server that was asked, where the text names one. */
export function resolverIn(text: string): string | null {
  const found = RESOLVER.exec(text)?.[1]
  return found !== undefined && isIP(found) !== 0 ? found : null
}

const RESOLVER = /\b(?:on|from|at|via|server) \[?([0-9a-f.:]{3,45}?)\]?(?::53\b|(?=[\s,;)]|$))/i

export function urlIn(text: string): string | null {
  return URL_IN.exec(text)?.[1]?.replace(/[:.;]+$/, '') ?? null
}

export function hostOf(url: string): string | null {
  const match = HOST_OF.exec(url)
  return match?.[1] ?? match?.[2]?.toLowerCase() ?? null
}

const INTERNAL = new BlockList()
for (const [network, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
] as const)
  INTERNAL.addSubnet(network, bits, 'ipv4')
INTERNAL.addSubnet('fc00::', 7, 'ipv6')
INTERNAL.addSubnet('fe80::', 10, 'ipv6')
INTERNAL.addAddress('::1', 'ipv6')

/** An address that means another host, or none, outside its own network. */
export function isInternal(address: string): boolean {
  return INTERNAL.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

const UNTIL =
  /(?:retry[ -]after|try again (?:after|at)|until|retry at):? "?(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})? ?(Z|UTC|GMT|[+-]\d\d:?\d\d)?/i

/** RFC 3339 in UTC; null where the text tells no time, or none that is one. */
export function untilIn(text: string): string | null {
  const match = UNTIL.exec(text)
  if (!match) return null
  const [, day, time, zone = 'Z'] = match
  const offset = /^[+-]/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : 'Z'
  const at = Date.parse(`${day}T${time}${offset}`)
  return Number.isNaN(at) ? null : new Date(at).toISOString()
}

/** Whose page it is, by marks that do not change with the site. Null for what is no page. */
export function pageIn(body: string): string | null {
  const title = /<title[^>]{0,100}>\s{0,20}([^<]{1,80})/i.exec(body)?.[1]?.trim()
  const known = PAGES.find(([mark]) => mark.test(body))?.[1]
  if (known !== undefined) return known
  if (title !== undefined) return `a page titled ${title}`
  return MARKUP.test(body) ? 'a web page' : null
}

const MARKUP =
  /^\s{0,20}(?:!doctype|(?:<|u003c)(?:!|\?xml|html|head|body|title|script|meta|div|h1|center))|<(?:html|head|body|title|!doctype)\b/i

const PAGES: readonly (readonly [RegExp, string])[] = [
  [/cloudflare|cf-ray|cf-error/i, 'Cloudflare'],
  [/cloudfront/i, 'Amazon CloudFront'],
  [/akamai/i, 'Akamai'],
  [/fastly/i, 'Fastly'],
  [/incapsula|imperva/i, 'Imperva'],
  [/sucuri/i, 'Sucuri'],
  [/github pages/i, 'GitHub Pages'],
  [/herokucdn|heroku/i, 'Heroku'],
  [/netlify/i, 'Netlify'],
  [/vercel/i, 'Vercel'],
  [/welcome to nginx|nginx default/i, "nginx's default site"],
  [/apache2? (?:ubuntu |debian )?default page|it works!/i, "Apache's default site"],
  [/iis windows|internet information services/i, "IIS's default site"],
  [/plesk/i, "Plesk's default site"],
  [/cpanel|cgi-sys\/defaultwebpage/i, "cPanel's default site"],
  [/parked|parking|sedoparking|domain (?:is )?for sale|hugedomains|dan\.com/i, 'a parking page'],
]

/**
 * A text with what changes from one failure to the next replaced, so that texts of one wording are counted together:
 * quoted strings, URLs, names, addresses, times, numbers, tokens.
 */
export function shapeOf(text: string): string {
  return text
    .replace(/https?:\/\/[^\s"<>]{1,2000}/gi, '<url>')
    .replace(/"[^"]{0,4096}"?/g, '<text>')
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]{0,10} ?(?:Z\b|UTC\b|[+-]\d\d:?\d\d)?/g, '<time>')
    .replace(/[0-9a-f:]{2,40}:[0-9a-f:.]{1,45}/gi, (found) => (isIP(found) === 0 ? found : '<address>'))
    .replace(/\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b/g, '<address>')
    .replace(/(?:\*\.)?\b[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}\b/g, '<name>')
    .replace(/\b[\w-]{20,4096}\b/g, '<token>')
    .replace(/\b(?:0x)?\d[\da-f]{0,40}\b/gi, '<number>')
    .replace(/ {2,}/g, ' ')
    .trim()
    .slice(0, 300)
}
