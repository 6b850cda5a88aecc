/** The table: families of spellings of some names and addresses, and what is protected about each of them. */
import { domainToUnicode } from 'node:url'
import type { Question, Scope, Spelling } from './question.ts'

const LONG = 'a'.repeat(63)

export const HOSTS = [
  'pay.example.com',
  'example.com',
  'www.pay.example.com',
  'a.b.c.d.example.co.uk',
  'one.two.three.four.five.six.seven.eight.nine.ten.eleven',
  'localhost',
  'intranet.local',
  'db-1.corp.internal',
  'com',
  'co.uk',
  'me.github.io',
  'duskgytldkxiuqc6.onion',
  '1.0.0.10.in-addr.arpa',
  '8.b.d.0.1.0.0.2.ip6.arpa',
  '10.example.com',
  '0x7f.example.com',
  '127.0.0.1.example.com',
  'kiosk.example.com',
  'office.example.com',
  'strasse.example.de',
  'fass.de',
  'xn--fa-hia.de',
  'xn--strae-oqa.de',
  'xn--bcher-kva.example.com',
  'pay.xn--bcher-kva.example',
  'xn--80ak6aa92e.com',
  'xn--55qx5d.cn',
  'pay.xn--fiqs8s',
  'xn--nxasmm1c.gr',
  'xn--mgba3gch31f060k.ir',
  'xn--ls8h.la',
  `${LONG}.example.com`,
  `${LONG}.${LONG}.${LONG}.${'b'.repeat(53)}`,
  'a--b.example.com',
  'x1-y2.example.com',
  '3com.com',
  'api.v1.example.com',
  's.example.com',
  'i.example.com',
  'admin.example.org',
]

export const ADDRESSES = [
  '10.0.0.1',
  '127.0.0.1',
  '192.0.2.8',
  '169.254.169.254',
  '0.0.0.0',
  '255.255.255.255',
  '198.51.100.77',
  '::1',
  '2001:db8::1',
  'fe80::1',
  'fd00::10:0:0:1',
  '2001:db8:0:1:1:1:1:1',
  '64:ff9b::c000:201',
]

type Family = (host: string) => readonly string[]

const labelsOf = (host: string) => host.split('.')
const upFirst = (host: string) => host.charAt(0).toUpperCase() + host.slice(1)
const anywhere = (host: string, mark: string) =>
  [...new Set([0, 1, Math.floor(host.length / 2), host.length - 1, host.length])].map(
    (at) => host.slice(0, at) + mark + host.slice(at),
  )
const unicode = (host: string) => domainToUnicode(host)
/** Every `a` as its Cyrillic twin and so on: another name that looks the same. */
const TWINS: Readonly<Record<string, string>> = {
  a: 'а',
  e: 'е',
  o: 'о',
  p: 'р',
  c: 'с',
  x: 'х',
  y: 'у',
  i: 'і',
}
const fullWidth = (host: string) =>
  host.replace(/[a-z0-9]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) + 0xfee0))
const mathBold = (host: string) =>
  host.replace(/[a-z]/g, (letter) => String.fromCodePoint((letter.codePointAt(0) ?? 0) - 97 + 0x1d41a))
/** RFC 3492 of what is ASCII: nothing but the text and a hyphen. */
const punycoded = (label: string) => `xn--${label}-`

export const DNS_FAMILIES: Readonly<Record<string, Family>> = {
  plain: (h) => [h],
  case: (h) => [
    h.toUpperCase(),
    upFirst(h),
    h.slice(0, -1) + h.slice(-1).toUpperCase(),
    h.replace(/[aeiou]/g, (l) => l.toUpperCase()),
  ],
  'trailing dots': (h) => [`${h}.`, `${h}..`, `${h.toUpperCase()}.`, `*.${h}.`],
  'leading dots': (h) => [`.${h}`, `..${h}`, `.*.${h}`],
  'empty labels': (h) => [`www..${h}`, h.replace('.', '..'), `*..${h}`],
  'dots of other scripts': (h) =>
    ['\u3002', '\uff0e', '\uff61', '\u2024', '\u00b7', '\u0701'].flatMap((dot) => [
      h.replaceAll('.', dot),
      h.replace('.', dot),
      `www${dot}${h}`,
      `${h}${dot}`,
      `*${dot}${h}`,
    ]),
  wildcards: (h) => [`*.${h}`, `*.${h.toUpperCase()}`, ...parents(h).map((parent) => `*.${parent}`)],
  'odd wildcards': (h) => [
    `*.*.${h}`,
    `**.${h}`,
    `*${h}`,
    `w*.${h}`,
    `*w.${h}`,
    `www.*.${h}`,
    `${h}.*`,
    `*`,
    `*.`,
    `${h}*`,
    `.*${h}`,
    h.replace('.', '.*.'),
    `\u2217.${h}`,
    `\uff0a.${h}`,
    `%2a.${h}`,
    `?.${h}`,
  ],
  parents: (h) => parents(h),
  children: (h) => [`www.${h}`, `a.b.${h}`, `x.y.z.${h}`, `*.www.${h}`, `*.a.b.${h}`, `xn--bcher-kva.${h}`],
  siblings: (h) => [
    `sibling.${parents(h)[0] ?? h}`,
    `x${h}`,
    `${h}x`,
    `x-${h}`,
    `${h}-x`,
    `${h}.x`,
    `${h}.com`,
    `not${h}.com`,
  ],
  'white space': (h) =>
    [' ', '\t', '\n', '\r', '\r\n', '\v', '\f', '\u00a0', '\u2003', '\u3000', '\u0085', '\u2028'].flatMap(
      (space) => [`${space}${h}`, `${h}${space}`, h.replace('.', `${space}.`)],
    ),
  nul: (h) => [
    ...anywhere(h, '\0'),
    `${h}\0.evil.test`,
    `evil.test\0.${h}`,
    `${h}\\0`,
    `${h}%00`,
    `${h}%00.evil.test`,
  ],
  percent: (h) => [
    h.replaceAll('.', '%2e'),
    h.replaceAll('.', '%2E'),
    `%${h.charCodeAt(0).toString(16)}${h.slice(1)}`,
    `${h}%2e`,
    `${h}%20`,
    h.replace('.', '%E3%80%82'),
    `${h}%`,
    `%25${h}`,
  ],
  controls: (h) =>
    ['\u0001', '\u0008', '\u001b', '\u007f', '\u0080', '\u009f'].flatMap((mark) => anywhere(h, mark)),
  invisible: (h) =>
    [
      '\u00ad',
      '\u200b',
      '\u200c',
      '\u200d',
      '\u2060',
      '\ufeff',
      '\u180e',
      '\u034f',
      '\ufe0f',
      '\u202e',
      '\u2066',
      '\u061c',
    ].flatMap((mark) => anywhere(h, mark)),
  compatibility: (h) => [
    fullWidth(h),
    mathBold(h),
    fullWidth(h).replaceAll('.', '\uff0e'),
    h.replaceAll('k', '\u212a'),
    h.replaceAll('s', '\u017f'),
    h.replaceAll('i', '\u0130'),
    h.replaceAll('i', '\u0131'),
    h.replaceAll('ff', '\ufb00'),
    h.replaceAll('ss', 'ß'),
    h.replaceAll('ss', '\u1e9e'),
    h.replaceAll('com', '\u33c4om'),
    h.replaceAll('1', '\u00b9'),
    h.replaceAll('1', '\u2460'),
    h.replaceAll('a', '\u00aa'),
  ],
  homographs: (h) => [
    h.replace(/[aeopcxyi]/g, (letter) => TWINS[letter] ?? letter),
    ...[...h].flatMap((letter, at) =>
      TWINS[letter] !== undefined && at < 9 ? [h.slice(0, at) + TWINS[letter] + h.slice(at + 1)] : [],
    ),
  ],
  combining: (h) => [
    h.replace(/[aeou]/, '$&\u0308'),
    h.replace(/[aeou]/, '$&\u0301'),
    h.replace(/[a-z]/, '$&\u0338'),
    unicode(h).normalize('NFD'),
  ],
  'U-labels': (h) => [
    unicode(h),
    unicode(h).toUpperCase(),
    `bücher.${h}`,
    `Bücher.${h}`,
    `faß.${h}`,
    `βόλος.${h}`,
    `💩.${h}`,
    `*.bücher.${h}`,
    `δ.${h}`,
    `نامه‌ای.${h}`,
  ],
  'A-labels': (h) => [
    `xn--bcher-kva.${h}`,
    `XN--BCHER-KVA.${h}`,
    `Xn--Bcher-Kva.${h}`,
    `xn--fa-hia.${h}`,
    `xn--ls8h.${h}`,
    `xn--zca.${h}`,
    `xn--3xa.${h}`,
    `*.xn--bcher-kva.${h}`,
    `xn--nxasmm1c.${h}`,
    `xn--mgba3gch31f060k.${h}`,
  ],
  'A-labels of nothing': (h) =>
    [
      'xn--',
      'xn---',
      'xn--a',
      'xn--0',
      'xn--a-',
      'xn--pay-',
      'xn--ab-',
      'xn--99999999',
      'xn--a-ecp',
      'xn--xn--a-ecp',
      'xn--bcher-kva-',
      'xn--bcher--kva',
      'xn--tda0',
      'xn--1',
      'xn--bcher-kv',
      'xn--u-ccb',
      'xn--www-',
      'xn--80ak6aa92',
      'xn--0ca',
      'xn--b1abfaaepdrnnbgefbadotcwatmq2g4l1',
      'xn--8a0a',
      'xn--7ba',
      'xn--yda',
      'xn--a-yoc',
      'xn--eckwd4c7c\u007f',
      'xn--zzzzzzzz',
      'xn--\u00fc',
      'xn--iba',
      'xn--sna',
    ].map((label) => `${label}.${h}`),
  'ASCII as A-labels': (h) => [
    labelsOf(h).map(punycoded).join('.'),
    [punycoded(labelsOf(h)[0] ?? ''), ...labelsOf(h).slice(1)].join('.'),
    [...labelsOf(h).slice(0, -1), punycoded(labelsOf(h).at(-1) ?? '')].join('.'),
    `xn--${h}`,
  ],
  hyphens: (h) => [
    `-${h}`,
    `${h}-`,
    `a-.${h}`,
    `-a.${h}`,
    `-.${h}`,
    `--.${h}`,
    `ab--c.${h}`,
    `xm--bcher-kva.${h}`,
    `xn-bcher.${h}`,
    `a---b.${h}`,
    `ab---.${h}`,
    `r3--sn.${h}`,
    `a--b.${h}`,
    h.replaceAll('-', '\u2010'),
    h.replaceAll('-', '\u2212'),
    h.replaceAll('.', '-'),
  ],
  'other characters': (h) =>
    [...'_!"#$&\'()+,/:;<=>?@[\\]^`{|}~'].flatMap((mark) => [`a${mark}b.${h}`, `${mark}${h}`, `${h}${mark}`]),
  urls: (h) => [
    `https://${h}`,
    `https://${h}/`,
    `${h}/`,
    `${h}/path`,
    `//${h}`,
    `${h}:443`,
    `user@${h}`,
    `${h}@evil.test`,
    `evil.test/@${h}`,
    `evil.test#${h}`,
    `evil.test?${h}`,
    `evil.test\\@${h}`,
    `mailto:a@${h}`,
    `[${h}]`,
    `"${h}"`,
    `<${h}>`,
  ],
  lists: (h) => [
    `${h},evil.test`,
    `evil.test,${h}`,
    `${h};evil.test`,
    `${h} evil.test`,
    `evil.test ${h}`,
    `${h}\nevil.test`,
    `DNS:${h}`,
    `dns:${h}`,
    `CN=${h}`,
  ],
  long: (h) => [
    `${LONG}.${h}`,
    `${LONG}a.${h}`,
    `${'a'.repeat(64)}.${h}`,
    `${`${LONG}.`.repeat(4)}${h}`,
    `*.${LONG}.${h}`,
    `${'a.'.repeat(10)}${h}`,
    `${'a.'.repeat(100)}${h}`,
    `${'a.'.repeat(126)}${h}`,
    `${'a.'.repeat(200)}${h}`,
    `${'a'.repeat(5000)}.${h}`,
  ],
  numeric: (h) => [
    `${h}.1`,
    `${h}.10`,
    `${h}.0x7f`,
    `${h}.0x`,
    `${h}.0xfg`,
    `${h}.00`,
    `${h}.1a`,
    `1.${h}`,
    `0x1.${h}`,
    `${h}.0X7F`,
    `*.${h}.1`,
  ],
  'lone surrogates': (h) => anywhere(h, '\ud800').slice(0, 2),
}

function parents(host: string): readonly string[] {
  const labels = labelsOf(host)
  return labels.slice(1).map((_, at) => labels.slice(at + 1).join('.'))
}

const ipv4 = (address: string) => (address.includes(':') ? null : address.split('.').map(Number))
const number = (parts: readonly number[]) => parts.reduce((sum, part) => sum * 256 + part, 0)
const radix = (part: number, base: 8 | 16) => (base === 8 ? `0${part.toString(8)}` : `0x${part.toString(16)}`)

/** Of IPv4 parts. */
function ipv4Spellings(parts: readonly number[]): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0] = parts
  const dotted = parts.join('.')
  const hex = number(parts).toString(16).padStart(8, '0')
  const mapped = `${hex.slice(0, 4)}:${hex.slice(4)}`
  return [
    String(number(parts)),
    `0x${hex}`,
    `0X${hex.toUpperCase()}`,
    `0${number(parts).toString(8)}`,
    parts.map((part) => radix(part, 8)).join('.'),
    parts.map((part) => radix(part, 16)).join('.'),
    parts.map((part) => `0${part}`).join('.'),
    parts.map((part) => String(part).padStart(3, '0')).join('.'),
    `${a}.${number([b, c, d])}`,
    `${a}.${b}.${number([c, d])}`,
    `${radix(a, 16)}.${b}.${radix(c, 8)}.${d}`,
    `0${a}.${b}.${c}.${d}`,
    `${a}.${b}.${c}.0${d}`,
    `${a + 256}.${b}.${c}.${d}`,
    `${dotted}.`,
    `.${dotted}`,
    ` ${dotted}`,
    `${dotted} `,
    `${dotted}\n`,
    `${dotted}\0`,
    `${dotted}/32`,
    `${dotted}/24`,
    `${dotted}:443`,
    `[${dotted}]`,
    `*.${dotted}`,
    `+${dotted}`,
    `${a}.${b}.${c}`,
    `${a}.${b}.${c}.${d}.0`,
    `${a}..${c}.${d}`,
    dotted.replaceAll('.', '\u3002'),
    dotted.replaceAll('.', '%2e'),
    fullWidth(dotted),
    dotted.replaceAll('1', '\u0661'),
    `::ffff:${dotted}`,
    `::FFFF:${dotted}`,
    `::ffff:${mapped}`,
    `0:0:0:0:0:ffff:${mapped}`,
    `::${dotted}`,
    `64:ff9b::${dotted}`,
    `2002:${mapped}::`,
    `${dotted}%eth0`,
    `\\0${dotted}`,
    `${dotted}e0`,
    `-${dotted}`,
  ]
}

/** Of IPv6 groups. */
function ipv6Spellings(address: string): readonly string[] {
  const bits = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const [left = '', right] = bits.split('::')
  const groups = (text: string | undefined) => (text ? text.split(':') : [])
  const between = right === undefined ? 0 : 8 - groups(left).length - groups(right).length
  const all = [...groups(left), ...Array<string>(between).fill('0'), ...groups(right)]
  const full = all.map((group) => group.padStart(4, '0')).join(':')
  const last = [Number.parseInt(all[6] ?? '0', 16), Number.parseInt(all[7] ?? '0', 16)]
  const tail = last.flatMap((part) => [part >> 8, part & 255]).join('.')
  return [
    all.join(':'),
    full,
    full.toUpperCase(),
    address.toUpperCase(),
    `${all.slice(0, 6).join(':')}:${tail}`,
    `[${address}]`,
    `[${address}`,
    `${address}]`,
    `${address}%eth0`,
    `${address}%25eth0`,
    `${address}%`,
    `${address}/128`,
    `${address}/64`,
    ` ${address}`,
    `${address} `,
    `${address}\n`,
    `${address}\0`,
    `${address}:`,
    `:${address}`,
    `${address}::`,
    `::${address}`,
    full.replaceAll(':', ''),
    `0x${full.replaceAll(':', '')}`,
    address.replaceAll(':', '\uff1a'),
    `[${address}]:443`,
    `${full}:0`,
    full.slice(0, -5),
    `0${full}`,
    full.replaceAll(':', '-'),
    `${full.replaceAll(':', '-').toLowerCase()}.ipv6-literal.net`,
    `${[...full.replaceAll(':', '')].reverse().join('.')}.ip6.arpa`,
    address.replace('::', ':::'),
    `*.${address}`,
  ]
}

const spellingsOfHost = (host: string): readonly Spelling[] =>
  Object.entries(DNS_FAMILIES).flatMap(([family, make]) =>
    make(host).flatMap((value) => [
      { family, type: 'dns' as const, value, subtree: false },
      ...(family === 'parents' || family === 'children' || family === 'plain' || family === 'wildcards'
        ? [{ family: `${family}, subtree`, type: 'dns' as const, value, subtree: true }]
        : []),
      ...(family === 'plain' || family === 'urls' || family === 'numeric'
        ? [{ family: 'DNS names as addresses', type: 'ip' as const, value, subtree: false }]
        : []),
    ]),
  )

function spellingsOfAddress(address: string): readonly Spelling[] {
  const parts = ipv4(address)
  const family = parts ? 'spellings of IPv4' : 'spellings of IPv6'
  return [address, ...(parts ? ipv4Spellings(parts) : ipv6Spellings(address))].flatMap((value) => [
    { family, type: 'ip' as const, value, subtree: false },
    { family: 'addresses as DNS names', type: 'dns' as const, value, subtree: false },
  ])
}

/** Ways to protect a host and to grant the rest: every form of the grammar is among them. */
function scopesOf(host: string): readonly Scope[] {
  const parent = parents(host)[0]
  const networks = { deniedNetworks: ['0.0.0.0/0', '::/0'], allowedNetworks: ['0.0.0.0/0', '::/0'] }
  const starred = labelsOf(host)
    .map((label, at) => (at === 0 && labelsOf(host).length > 1 ? '*' : label))
    .join('.')
  return [
    { denied: [host], allowed: ['**'], ...networks },
    { denied: [`.${host}`], allowed: ['**'], ...networks },
    { denied: [`**.${host}`], allowed: [host, `**.${host}`], ...networks },
    { denied: [`*.${host}`], allowed: [`.${parent ?? host}`], ...networks },
    { denied: [`**{2}.${host}`], allowed: ['**'], ...networks },
    {
      denied: [labelsOf(host).length > 8 ? `*.*.${host}` : `www.*.${host}`, starred],
      allowed: [`*.${host}`, `*.*.${host}`, host],
      ...networks,
    },
    { denied: parent === undefined ? [host] : [`*.${parent}`], allowed: ['**'], ...networks },
    { denied: [], allowed: [`**{3}.${parent ?? host}`], ...networks },
  ]
}

function scopesOfAddress(address: string): readonly Scope[] {
  const whole = address.includes(':') ? 128 : 32
  const everything = { allowed: ['**'], allowedNetworks: ['0.0.0.0/0', '::/0'] }
  return [
    { denied: [], deniedNetworks: [`${address}/${whole}`], ...everything },
    { denied: ['**.arpa'], deniedNetworks: ['0.0.0.0/0'], ...everything },
    { denied: [], deniedNetworks: ['::/0'], ...everything },
  ]
}

/** Each spelling once, each with one of the ways to protect what it was made from. */
export function bypassTable(): {
  readonly questions: readonly Question[]
  readonly scopes: readonly Scope[]
} {
  const scopes: Scope[] = []
  const questions = new Map<string, Question>()
  const ask = (spellings: readonly Spelling[], own: readonly Scope[]) => {
    const first = scopes.length
    scopes.push(...own)
    for (const [at, spelling] of spellings.entries()) {
      const key = JSON.stringify([spelling.type, spelling.value, spelling.subtree])
      if (!questions.has(key)) questions.set(key, { ...spelling, scope: first + (at % own.length) })
    }
  }
  for (const host of HOSTS) ask(spellingsOfHost(host), scopesOf(host))
  for (const address of ADDRESSES) ask(spellingsOfAddress(address), scopesOfAddress(address))
  return { questions: [...questions.values()], scopes }
}

export { ipv4Spellings, ipv6Spellings }
