import type { CollectedText } from './collected-texts.ts'

/** Small and repeatable: the same seed gives the same numbers. */
export function numbers(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const NAMES = [
  'shop.example.org',
  'a.b.c.example.co.uk',
  'xn--mnchen-3ya.example',
  'mail-1.intern.example.net',
  'x.y',
  'status.long-label-with-many-hyphens-and-numbers-0123456789.example.com',
]
const ADDRESSES = ['198.51.100.23', '8.8.4.4', '203.0.113.255', '192.0.2.1']
const TIMES = [
  'retry after 2027-03-04 05:06:07 UTC',
  'retry after 2027-03-04T05:06:07Z',
  'Retry after 2027-03-04T05:06:07.123456Z',
  'retry after 2027-03-04 05:06:07 +0000 UTC',
]

type Change = (text: CollectedText, pick: (below: number) => number) => CollectedText

const detail =
  (change: (detail: string, pick: (below: number) => number) => string): Change =>
  (text, pick) => ({ ...text, detail: change(text.detail, pick) })

/** What differs between servers, versions and requests without a difference in meaning. */
const CHANGES: readonly Change[] = [
  detail((said, pick) => {
    const name = NAMES[pick(NAMES.length)]!
    return said.replace(
      /\b(?:www\.)?(?:example\.com|blocked-domain\.example)\b|\ba\.lab\.test\b(?!\.")/g,
      name,
    )
  }),
  detail((said, pick) => said.replace(/\b(?:203\.0\.113\.7)\b/g, ADDRESSES[pick(ADDRESSES.length)]!)),
  detail((said, pick) => said.replace(/retry after [\dTZ :-]{19,20}(?:UTC)?/i, TIMES[pick(TIMES.length)]!)),
  detail((said, pick) => said.replace(/"/g, ["'", '\\"', '\u201c', '\u00ab', '`', '\\\\"'][pick(6)]!)),
  detail((said) => said.replace(/"([^"]*)"/g, '\u201c$1\u201d')),
  detail((said, pick) => {
    const from = ['identifiers', 'domains', 'names', 'identifier', 'domain']
    const to = ['domains', 'identifiers', 'identifiers', 'domain', 'identifier']
    const at = pick(from.length)
    return /exact set/.test(said) ? said.replace(new RegExp(`\\b${from[at]}\\b`), to[at]!) : said
  }),
  (text, pick) => {
    const prefixes =
      text.status >= 400
        ? ['Error creating new order :: ', 'Error finalizing order :: ', 'Unable to meet request :: ', '']
        : ['198.51.100.9: ', 'While processing CAA for a.example.com: ', '', '']
    if (/^\d/.test(text.detail) && text.status < 400) return text
    return { ...text, detail: prefixes[pick(prefixes.length)]! + text.detail }
  },
  (text) => ({
    ...text,
    detail: `acme: error: ${text.status} :: POST :: https://ca.example/acme/x :: urn:ietf:params:acme:error:${text.type} :: ${text.detail}`,
  }),
  detail(
    (said, pick) =>
      said +
      ['', '.', ' (and 3 more problems. Refer to sub-problems for more information.)', '\n', ' , url: '][
        pick(5)
      ]!,
  ),
  detail((said, pick) => [said.toLowerCase(), said.toUpperCase(), said, said][pick(4)]!),
  detail((said) => said.replace(/ /g, '  ')),
  detail((said) => said.replace(/ (?=[a-z])/, '\n')),
  detail((said) =>
    said.replace(/https:\/\/letsencrypt\.org\/docs\/rate-limits\/[#\w-]*/, 'https://ca.example/limits'),
  ),
  detail((said) => said.replace(/^.*?(?=too many)/, '')),
  (text, pick) => ({
    ...text,
    type: text.type.includes(':')
      ? text.type
      : [
          `urn:acme:error:${text.type}`,
          `URN:IETF:PARAMS:ACME:ERROR:${text.type}`,
          `urn:ietf:params:acme:error:${text.type.toLowerCase()}`,
          ` urn:ietf:params:acme:error:${text.type}`,
        ][pick(4)]!,
  }),
  detail((said, pick) =>
    said.replace(
      /Timeout during read/,
      ['Timeout while reading', 'Timeout during write', 'Timeout after connect'][pick(3)]!,
    ),
  ),
  detail((said, pick) =>
    said.replace(/No TXT record found/, ['No TXT records found', 'No TXT record was found'][pick(2)]!),
  ),
  detail((said) => said.replace(/Network unreachable/, 'network is unreachable')),
  detail((said) => said.replace(/square\/go-jose|go-jose\/go-jose/, 'go-jose/v4')),
  detail((said) => said.replace(/not recognized|unrecognized/, (found) => found.replace('z', 's'))),
  detail((said) => said.replace(/has an invalid anti-replay nonce/, 'has an expired anti-replay nonce')),
  detail((said) => said.replace(/Tok3n[\w-]*/g, 'Zz9_-yQ').replace(/DNSnames/, 'DNS')),
]

/** `count` different texts that mean the same as `text`, each with one to four changes. */
export function variationsOf(text: CollectedText, count: number, seed: number): CollectedText[] {
  const pick = numbers(seed)
  const made = new Map<string, CollectedText>()
  for (let tries = 0; made.size < count && tries < 100 * count; tries += 1) {
    let varied = text
    const changes = new Set(Array.from({ length: 1 + pick(4) }, () => pick(CHANGES.length)))
    for (const change of [...changes].sort((a, b) => a - b)) varied = CHANGES[change]!(varied, pick)
    if (varied.detail !== text.detail || varied.type !== text.type)
      made.set(`${varied.type} ${varied.detail}`, varied)
  }
  return [...made.values()]
}
