/** Questions from a seed: names of few labels, so that patterns meet them, spelt in up to three odd ways at once. */

import type { Question, Scope } from './question.ts'
import { DNS_FAMILIES, ipv4Spellings, ipv6Spellings } from './spellings.ts'

const LABELS = [
  'com',
  'org',
  'example',
  'pay',
  'www',
  'a',
  'b',
  'xn--bcher-kva',
  'xn--fa-hia',
  'xn--ls8h',
  '10',
  'kiosk',
  'strasse',
]
const NETWORKS = [
  '10.0.0.0/8',
  '10.1.0.0/16',
  '10.1.2.3/32',
  '192.0.2.0/24',
  '0.0.0.0/0',
  '2001:db8::/32',
  '2001:db8::1/128',
  'fd00::/8',
  '::/0',
]
const SCOPES = 400
const WORDS = Object.entries(DNS_FAMILIES).filter(([family]) => family !== 'long')

export function generated(
  count: number,
  next: () => number,
): { readonly questions: readonly Question[]; readonly scopes: readonly Scope[] } {
  const below = (limit: number) => Math.floor(next() * limit)
  const one = <T>(values: readonly T[]): T => values[below(values.length)] as T
  const some = <T>(most: number, make: () => T) => Array.from({ length: below(most + 1) }, make)
  const name = () => {
    const last = one(['com', 'org', 'example', 'a'])
    return [...some(4, () => one(LABELS)), last].join('.')
  }
  const pattern = () => {
    const rest = name()
      .split('.')
      .map((label) => (below(5) === 0 ? '*' : label))
      .join('.')
    const start = one(['', '', '', '*.', '*.*.', '**.', '.', `**{${1 + below(3)}}.`])
    if (start === '' && rest === '*') return '**'
    return below(40) === 0 ? '**' : `${start}${rest === '*' ? 'com' : rest}`
  }
  const scope = (): Scope => ({
    denied: some(3, pattern),
    allowed: below(3) === 0 ? ['**'] : some(5, pattern),
    deniedNetworks: some(2, () => one(NETWORKS)),
    allowedNetworks: some(3, () => one(NETWORKS)),
  })
  const address = () =>
    one([
      `10.${below(3)}.2.${below(5)}`,
      `192.0.2.${below(256)}`,
      `2001:db8::${below(9)}`,
      `fd00::${below(9999)}:0:${below(9)}`,
    ])
  const spelt = (host: string, times: number): { family: string; value: string } => {
    let [family, value] = ['plain', host]
    for (let i = 0; i < times; i++) {
      const [kind, make] = one(WORDS)
      value = one([...make(value), value])
      family = times === 1 ? kind : 'several at once'
    }
    return { family, value }
  }
  const question = (): Question => {
    const scopeAt = below(SCOPES)
    if (below(8) === 0) {
      const text = address()
      const value =
        below(3) === 0
          ? text
          : one(text.includes(':') ? ipv6Spellings(text) : ipv4Spellings(text.split('.').map(Number)))
      return {
        family: 'addresses',
        type: below(3) === 0 ? 'dns' : 'ip',
        value,
        subtree: false,
        scope: scopeAt,
      }
    }
    const wildcard = below(4) === 0 ? '*.' : ''
    const { family, value } = spelt(`${wildcard}${name()}`, one([0, 0, 0, 1, 1, 2, 3]))
    return { family, type: below(50) === 0 ? 'ip' : 'dns', value, subtree: below(10) === 0, scope: scopeAt }
  }
  const scopes = Array.from({ length: SCOPES }, scope)
  return { questions: Array.from({ length: count }, question), scopes }
}
