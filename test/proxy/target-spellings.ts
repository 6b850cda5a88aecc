/** Spellings of internal hosts that some reader on the way would understand and a strict one must not. */

const INTERNAL = [
  [127, 0, 0, 1],
  [10, 0, 0, 5],
  [169, 254, 169, 254],
  [192, 168, 1, 1],
  [172, 16, 0, 1],
  [100, 64, 0, 1],
  [0, 0, 0, 0],
  [127, 255, 255, 254],
] as const

type Quad = readonly [number, number, number, number]

const hex = (n: number, width = 2) => n.toString(16).padStart(width, '0')
const octal = (n: number) => `0${n.toString(8)}`
const fullwidth = (text: string) =>
  text.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)))

function spellings([a, b, c, d]: Quad): string[] {
  const plain = `${a}.${b}.${c}.${d}`
  const whole = ((a * 256 + b) * 256 + c) * 256 + d
  const high = hex(a * 256 + b, 4)
  const low = hex(c * 256 + d, 4)
  return [
    // inet_aton's shorter and other bases
    `${whole}`,
    `0x${whole.toString(16)}`,
    `0X${hex(whole, 8)}`,
    `0${whole.toString(8)}`,
    `${a}.${b * 65536 + c * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `0x${hex(a)}.0x${hex(b)}.0x${hex(c)}.0x${hex(d)}`,
    `${octal(a)}.${octal(b)}.${octal(c)}.${octal(d)}`,
    `00${a}.${b}.${c}.${d}`,
    `${a}.${b}.${c}.0x${hex(d)}`,
    `${a}.${b}.${c}.${octal(d)}`,
    `0x${hex(a)}.${b}.${c}.${d}`,
    `${a + 256}.${b}.${c}.${d}`,
    `0000000000000000000${a}.${b}.${c}.${d}`,
    // trailing and double dots
    `${plain}.`,
    `${plain}..`,
    `.${plain}`,
    `${a}..${b}.${c}.${d}`,
    `${plain}.0`,
    // other digits and dots
    fullwidth(plain),
    plain.replaceAll('.', '\u3002'),
    plain.replaceAll('.', '\uff0e'),
    plain.replaceAll('.', '\uff61'),
    `\u2460${plain.slice(1)}`,
    // percent signs
    plain.replaceAll('.', '%2e'),
    `%3${String(a)[0]}${plain.slice(1)}`,
    `${plain}%00`,
    `${plain}%0d%0a`,
    `${plain}%20`,
    `${plain}%eth0`,
    // userinfo and other delimiters
    `user@${plain}`,
    `user:pass@${plain}`,
    `a.example@${plain}`,
    `${plain}@a.example`,
    `a.example#@${plain}`,
    `a.example\\@${plain}`,
    `${plain}\\`,
    `${plain};`,
    `${plain},`,
    // IPv6 clothes
    `[::ffff:${plain}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::${plain}]`,
    `[64:ff9b::${plain}]`,
    `[::ffff:${high}:${low}%1]`,
    `[${plain}]`,
    `::ffff:${plain}`,
    `[::ffff:${plain}`,
    `::ffff:${plain}]`,
    `[[::ffff:${high}:${low}]]`,
    `[v1.${plain}]`,
  ]
}

const ALONE = [
  '0x7f.1',
  '127.1',
  '127.0.1',
  '0',
  '0x0',
  '00',
  '1',
  '[::1%lo]',
  '[::1%25lo]',
  '[fe80::1%eth0]',
  '::1',
  '[::1',
  '::1]',
  '[:::1]',
  '[1::2::3]',
  '[0:0:0:0:0:0:0:0:1]',
  '[g::1]',
  '[]',
  'localhost..',
  '.localhost',
  'loc\u0430lhost..',
  'ⓛocalhost',
  'ｌocalhost',
  'local%68ost',
  'localhost%00',
  'localhost%2e',
  'lo cal',
  'local_host',
  '-localhost',
  'localhost-',
  'a.-b.example',
  'a.b-.example',
  'xn--\u00fc.example',
  '*.example',
  'a..b',
  '.',
  '..',
  '',
  `${'a'.repeat(64)}.example`,
  `${'abcdefg.'.repeat(32)}example`,
]

export const INTERNAL_SPELLINGS: readonly string[] = [...INTERNAL.flatMap(spellings), ...ALONE]

export const BAD_PORTS = [
  '',
  ':',
  ':0',
  ':00',
  ':0443',
  ':65536',
  ':99999',
  ':100000',
  ':-1',
  ':+443',
  ':4 43',
  ':443 ',
  ':443/',
  ':443:443',
  ':0x1bb',
  ':4e2',
  ':４４３',
  ':https',
]

export const ODD_TARGETS = [
  'http://a.example:443',
  'https://a.example:443/',
  'a.example:443/',
  'a.example:443?x',
  'a.example:443#x',
  '//a.example:443',
  '/a.example:443',
  'a.example/:443',
  'u:p@a.example:443',
  ':443',
  '*',
  'a.example:443\t',
  'a.example\u0000:443',
  'a.example\u00ad:443',
  'a\u200d.example:443',
]
