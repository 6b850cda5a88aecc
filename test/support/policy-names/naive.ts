/**
 * The first oracle: names as lists of labels, written from the grammar's text, with nothing from src. A set of hosts is
 * judged by its hosts: enough of them that no pattern can tell the others apart.
 */
import { isIP } from 'node:net'
import type { Opinion, Question, Scope } from './question.ts'

/** Labels that no pattern in the tests has. */
const FRESH = ['fresh-one', 'fresh-two']

export function naiveOpinion(question: Question, scope: Scope): Opinion {
  const readings = readingsOf(question)
  const touches = (reading: string) => isTouched(reading, question.subtree, scope)
  return {
    readings,
    plain: isPlain(question),
    reaches: readings.some(touches),
    touched: touches(readings[0] ?? ''),
    covered: isCovered(readings[0] ?? '', question.subtree, scope),
  }
}

function isTouched(reading: string, subtree: boolean, { denied, deniedNetworks }: Scope): boolean {
  if (reading.startsWith('ip:')) return deniedNetworks.some((network) => isWithin(reading.slice(3), network))
  return denied.some((pattern) =>
    hostsOf(reading.slice(4), subtree, [pattern]).some((host) => hostMatches(pattern, host)),
  )
}

function isCovered(reading: string, subtree: boolean, { allowed, allowedNetworks }: Scope): boolean {
  if (reading.startsWith('ip:')) return allowedNetworks.some((network) => isWithin(reading.slice(3), network))
  return hostsOf(reading.slice(4), subtree, allowed).every((host) =>
    allowed.some((pattern) => hostMatches(pattern, host)),
  )
}

/** The grammar, word for word, for one host. */
export function hostMatches(pattern: string, host: string): boolean {
  const hostLabels = host.split('.')
  const match = /^(\*\*)(?:\{(\d+)\})?(?:\.(.*))?$/.exec(pattern)
  if (match) {
    const rest = match[3] === undefined ? [] : match[3].split('.')
    const more = hostLabels.length - rest.length
    if (more < 1 || (match[2] !== undefined && more > Number(match[2]))) return false
    return sameLabels(rest, hostLabels.slice(more))
  }
  if (pattern.startsWith('.')) {
    const rest = pattern.slice(1).split('.')
    const more = hostLabels.length - rest.length
    return more >= 0 && sameLabels(rest, hostLabels.slice(more))
  }
  return sameLabels(pattern.split('.'), hostLabels)
}

function sameLabels(pattern: readonly string[], host: readonly string[]): boolean {
  if (pattern.length !== host.length) return false
  for (let i = 0; i < host.length; i++) if (pattern[i] !== '*' && pattern[i] !== host[i]) return false
  return true
}

/** Hosts that stand for all that the name stands for, as far as these patterns go. */
function hostsOf(name: string, subtree: boolean, patterns: readonly string[]): readonly string[] {
  const wildcard = name.startsWith('*.')
  const base = wildcard ? name.slice(2) : name
  if (!wildcard && !subtree) return [base]
  const hosts = subtree ? [base] : []
  const deepest = Math.max(...patterns.map(longest), 1) + 2
  const depths = wildcard ? 1 : Math.max(1, deepest - base.split('.').length)
  for (const fresh of FRESH) {
    for (let depth = 1, host = base; depth <= depths; depth++) {
      host = `${fresh}.${host}`
      hosts.push(host)
    }
  }
  // A pattern's own labels, where it says any: those that it might protect alone.
  for (const pattern of patterns) {
    const labels = pattern.replace(/^(?:\*\*(?:\{\d+\})?\.?|\.)/, '').split('.')
    const theirs = base.split('.')
    for (let more = 0; more <= deepest; more++) {
      const all = [...Array<string>(more).fill('*'), ...labels]
      const below = all.length - theirs.length
      if (below < 1 || (wildcard && below !== 1)) continue
      hosts.push(
        [
          ...all.slice(0, below).map((label) => (label === '*' || label === '' ? 'fresh-one' : label)),
          ...theirs,
        ].join('.'),
      )
    }
  }
  return hosts
}

function longest(pattern: string): number {
  const limit = /\{(\d+)\}/.exec(pattern)?.[1]
  return pattern.split('.').length + Number(limit ?? 1)
}

/** Bits as text: what begins with the network's is within. */
function isWithin(address: string, network: string): boolean {
  const [base = '', length] = network.split('/')
  const [bits, first] = [bitsOf(address), bitsOf(base)]
  return bits.length === first.length && bits.startsWith(first.slice(0, Number(length ?? first.length)))
}

function bitsOf(address: string): string {
  if (address.includes('.')) {
    return address
      .split('.')
      .map((part) => Number(part).toString(2).padStart(8, '0'))
      .join('')
  }
  const [left = '', right] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const [before, after] = [groups(left), groups(right ?? '')]
  const between = right === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...between, ...after]
    .map((group) => Number.parseInt(group, 16).toString(2).padStart(16, '0'))
    .join('')
}

/** Who takes a spelling for what: each of these is some program's habit. Twice over, since habits meet. */
const HABITS: readonly ((text: string) => string)[] = [
  (text) => text.toLowerCase(),
  (text) => text.trim(),
  (text) => text.split('\0')[0] ?? '',
  (text) => text.split(/[\r\n]/)[0] ?? '',
  (text) => text.normalize('NFKC').toLowerCase(),
  (text) => text.replace(/[\u3002\uff0e\uff61]/g, '.'),
  (text) => text.replace(/[\u00ad\u200b-\u200f\u2060\ufeff]/g, ''),
  (text) => text.replace(/^\.+|\.+$/g, '').replace(/\.{2,}/g, '.'),
  (text) => text.replace(/^(?:\*\.){2,}/, '*.'),
  (text) => decoded(text),
  (text) => text.replace(/^[a-z]+:\/\//i, '').replace(/[/?#].*$/s, ''),
  (text) => text.replace(/^.*@/s, ''),
  (text) => text.replace(/^([^:]*|\[.*\]):\d+$/s, '$1'),
  asBrowsersDo,
]

function readingsOf({ type, value }: Question): readonly string[] {
  const first = type === 'dns' ? value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : value
  const seen = new Set([value, first])
  for (let round = 0; round < 2; round++) {
    for (const text of [...seen]) for (const habit of HABITS) seen.add(habit(text))
  }
  const readings = new Set([readingOf(type, first)])
  for (const text of seen) if (text !== value) readings.add(readingOf(type, text))
  return [...readings]
}

function readingOf(type: string, text: string): string {
  const bare = text.replace(/^\[(.*)\]$/s, '$1').replace(/%.*$/s, '')
  if (isIP(bare) === 4) return `ip:${bare}`
  if (isIP(bare) === 6) return `ip:${addressText(bare)}`
  return `${type}:${text}`
}

/** As URLs have it; an IPv4 address in IPv6's clothes is that address. */
function addressText(address: string): string {
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(text)
  if (!mapped) return text
  const number = (Number.parseInt(mapped[1] ?? '', 16) * 65_536 + Number.parseInt(mapped[2] ?? '', 16)) >>> 0
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')
}

function asBrowsersDo(text: string): string {
  const wildcard = text.startsWith('*.') ? '*.' : ''
  const rest = text.slice(wildcard.length)
  const url = URL.parse(`http://${rest}/`) ?? URL.parse(`http://[${rest}]/`)
  if (url === null) return text
  return `${wildcard}${url.hostname.replace(/\.$/, '')}`
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Letters, digits and hyphens, and no doubt about them. */
function isPlain({ type, value, subtree }: Question): boolean | null {
  if (type === 'ip') {
    if (subtree) return false
    if (isIP(value) === 4) return value.split('.').every((part) => String(Number(part)) === part)
    if (isIP(value) !== 6 || value.includes('%') || addressText(value).includes('.')) return false
    // Some libraries read ::192.0.2.1 as the IPv4 address.
    return value.includes('.') ? null : true
  }
  const wildcard = value.startsWith('*.')
  if (value.length > 253 || (wildcard && subtree)) return false
  const labels = (wildcard ? value.slice(2) : value).split('.')
  const sound = labels.every((label) => {
    if (label.length < 1 || label.length > 63) return false
    for (const character of label) if (!LETTERS.includes(character)) return false
    return !label.startsWith('-') && !label.endsWith('-')
  })
  const last = (labels.at(-1) ?? '').toLowerCase()
  if (!sound || [...last].every((character) => '0123456789'.includes(character)) || last.startsWith('0x')) {
    // Letters after 0x that no number has: a name to some, so no opinion.
    return sound && last.startsWith('0x') ? null : false
  }
  const hyphened = labels.filter((label) => label.slice(2, 4) === '--')
  if (hyphened.some((label) => !label.toLowerCase().startsWith('xn--'))) return false
  // Which A-labels are good is the other oracle's matter.
  return hyphened.length > 0 ? null : true
}

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-'
