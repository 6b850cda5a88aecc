/**
 * Ways to write an address of the inside where a host is expected: what a proxy must never be talked into calling.
 * As they stand before `:port` in a CONNECT or after `//` in a URL; IPv6 has its brackets.
 */
export interface InternalSpelling {
  readonly written: string
  /** The address some program would read it as. */
  readonly leadsTo: string
  readonly how: string
}

/** One of each kind of the inside. */
const IPV4 = [
  '127.0.0.1',
  '127.255.255.254',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '192.0.0.192',
  '198.18.0.1',
  '0.0.0.0',
] as const

const IPV6 = ['::1', '::', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1'] as const

const NAMES = [
  'localhost',
  'LOCALHOST',
  'LocalHost',
  'localhost.',
  'localhost..',
  '.localhost',
  'localhost.localdomain',
  'localhost6',
  'a.localhost',
  'a.b.localhost.',
  'ip6-localhost',
  'ip6-loopback',
  'loopback',
  'broadcasthost',
  'metadata',
  'metadata.google.internal',
  'metadata.google.internal.',
  'instance-data',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'router.local',
  'router.home.arpa',
  'l\u{24de}calhost',
  '\uff4c\uff4f\uff43\uff41\uff4c\uff48\uff4f\uff53\uff54',
  'loc\u00adalhost',
  'localhost\u3002',
  'localhost%2e',
  '%6cocalhost',
  'localhost%00.example.net',
  'localhost\0.example.net',
  'localhost\t',
  ' localhost',
  'localhost#example.net',
  'localhost?example.net',
  'localhost/example.net',
  'localhost\\example.net',
  'localhost@example.net@localhost',
  'example.net@localhost',
] as const

export const INTERNAL_SPELLINGS: readonly InternalSpelling[] = [
  ...IPV4.flatMap(spellingsOf),
  ...IPV6.flatMap(spellingsOfIpv6),
  ...NAMES.map((written) => ({ written, leadsTo: '127.0.0.1', how: 'a name of the inside' })),
]

function spellingsOf(leadsTo: string): InternalSpelling[] {
  const bytes = leadsTo.split('.').map(Number)
  const [a = 0, b = 0, c = 0, d = 0] = bytes
  const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0)
  const hex = number.toString(16).padStart(8, '0')
  const [high, low] = [hex.slice(0, 4), hex.slice(4)]
  const dotted = (spell: (byte: number) => string) => bytes.map(spell).join('.')
  const inverted = (number ^ 0xffffffff) >>> 0
  const ways: readonly (readonly [how: string, written: string])[] = [
    ['dotted', leadsTo],
    ['trailing dot', `${leadsTo}.`],
    ['two trailing dots', `${leadsTo}..`],
    ['decimal', `${number}`],
    ['decimal and a dot', `${number}.`],
    ['hex', `0x${hex}`],
    ['upper-case hex', `0X${hex.toUpperCase()}`],
    ['hex with zeros', `0x00000000${hex}`],
    ['octal', `0${number.toString(8)}`],
    ['dotted hex', dotted((byte) => `0x${byte.toString(16)}`)],
    ['dotted octal', dotted((byte) => `0${byte.toString(8)}`)],
    ['dotted octal with zeros', dotted((byte) => byte.toString(8).padStart(8, '0'))],
    ['dotted with zeros', dotted((byte) => byte.toString().padStart(3, '0'))],
    ['mixed', `0x${a.toString(16)}.0${b.toString(8)}.${c}.${d}`],
    ['two parts', `${a}.${number % 2 ** 24}`],
    ['two parts, hex', `0x${a.toString(16)}.0x${(number % 2 ** 24).toString(16)}`],
    ['three parts', `${a}.${b}.${number % 2 ** 16}`],
    ['over 32 bits', `${number + 2 ** 32}`],
    ['a byte over 255', `${a + 256}.${b}.${c}.${d}`],
    ['a sign', `+${leadsTo}`],
    ['fullwidth digits', leadsTo.replace(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit)))],
    ['fullwidth dots', leadsTo.replaceAll('.', '\uff0e')],
    ['ideographic dots', leadsTo.replaceAll('.', '\u3002')],
    ['percent-encoded', leadsTo.replace(/\d/g, (digit) => `%3${digit}`)],
    ['percent-encoded dots', leadsTo.replaceAll('.', '%2e')],
    ['userinfo before it', `example.net@${leadsTo}`],
    ['userinfo and password', `user:secret@${leadsTo}`],
    ['a NUL', `${leadsTo}\0.example.net`],
    ['a space', ` ${leadsTo}`],
    ['a fragment', `${leadsTo}#.example.net`],
    ['mapped', `[::ffff:${leadsTo}]`],
    ['mapped, hex', `[::ffff:${high}:${low}]`],
    ['mapped, in full', `[0000:0000:0000:0000:0000:FFFF:${high}:${low}]`],
    ['mapped without brackets', `::ffff:${leadsTo}`],
    ['mapped with a zone', `[::ffff:${leadsTo}%25lo]`],
    ['compatible', `[::${leadsTo}]`],
    ['compatible, hex', `[::${high}:${low}]`],
    ['translated', `[::ffff:0:${leadsTo}]`],
    ['NAT64', `[64:ff9b::${leadsTo}]`],
    ['NAT64, hex', `[64:ff9b::${high}:${low}]`],
    ['NAT64 of local use', `[64:ff9b:1::${leadsTo}]`],
    ['6to4', `[2002:${high}:${low}::1]`],
    ['Teredo server', `[2001:0:${high}:${low}::1]`],
    [
      'Teredo client',
      `[2001:0:808:808:0:0:${(inverted >>> 16).toString(16)}:${(inverted & 0xffff).toString(16)}]`,
    ],
  ]
  return ways.map(([how, written]) => ({ written, leadsTo, how }))
}

function spellingsOfIpv6(leadsTo: string): InternalSpelling[] {
  const full = expanded(leadsTo)
  return [
    ['as it is', `[${leadsTo}]`],
    ['without brackets', leadsTo],
    ['in full', `[${full}]`],
    ['upper case', `[${full.toUpperCase()}]`],
    ['with a zone', `[${leadsTo}%lo]`],
    ['with an encoded zone', `[${leadsTo}%25lo]`],
    ['with a prefix length', `[${leadsTo}/128]`],
    ['with userinfo', `example.net@[${leadsTo}]`],
  ].map(([how = '', written = '']) => ({ written, leadsTo, how }))
}

function expanded(address: string): string {
  const [before = '', after = ''] = address.split('::')
  const [left, right] = [before, after].map((half) => half.split(':').filter((group) => group !== ''))
  const zeros = Array(8 - (left?.length ?? 0) - (right?.length ?? 0)).fill('0')
  return [...(left ?? []), ...zeros, ...(right ?? [])].map((group) => group.padStart(4, '0')).join(':')
}
