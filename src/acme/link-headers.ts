import { MAX_URL_LENGTH } from './members.ts'

/** One link of an answer. `uri` is what stood between the angle brackets: relative ones are the caller's to resolve. */
export interface Link {
  readonly uri: string
  /** Relation types in lower case (they compare without case, RFC 8288 §2.1.1); empty when none was given. */
  readonly rel: readonly string[]
}

const MAX_LINKS = 1000
const MAX_RELATIONS = 20

/**
 * Reads `Link` field values (RFC 8288 §3), each holding one link or several joined by commas. Never throws: what
 * is malformed is skipped up to the next comma outside quotes. Links with an `anchor` are about another
 * resource and are left out, as RFC 8288 §3.2 permits.
 */
export function parseLinks(values: readonly string[]): Link[] {
  const links: Link[] = []
  for (const value of values) {
    let at = 0
    while (at < value.length && links.length < MAX_LINKS) {
      const read = readLink(value, at)
      if (read.link) links.push(read.link)
      at = read.next
    }
  }
  return links
}

function readLink(text: string, start: number): { link: Link | null; next: number } {
  const open = skipBlanks(text, start)
  if (text[open] === ',') return { link: null, next: open + 1 }
  const close = text[open] === '<' ? text.indexOf('>', open) : -1
  if (close === -1) return { link: null, next: nextLink(text, open) }
  const uri = text.slice(open + 1, close).trim()
  let at = close + 1
  let relation: string | null = null
  let anchored = false
  for (;;) {
    at = skipBlanks(text, at)
    if (text[at] !== ';') break
    const parameter = readParameter(text, at + 1)
    // RFC 8288 §3.3: only the first rel counts.
    if (parameter.name === 'rel') relation ??= parameter.value
    if (parameter.name === 'anchor') anchored = true
    at = parameter.next
  }
  const ended = at >= text.length || text[at] === ','
  const usable = ended && !anchored && uri !== '' && uri.length <= MAX_URL_LENGTH
  return {
    link: usable ? { uri, rel: relationTypes(relation ?? '') } : null,
    next: nextLink(text, at),
  }
}

function readParameter(text: string, start: number): { name: string; value: string; next: number } {
  let at = skipBlanks(text, start)
  const nameStart = at
  while (at < text.length && !'=;, \t'.includes(text[at]!)) at++
  const name = text.slice(nameStart, at).toLowerCase()
  at = skipBlanks(text, at)
  if (text[at] !== '=') return { name, value: '', next: at }
  at = skipBlanks(text, at + 1)
  if (text[at] === '"') return { name, ...readQuoted(text, at) }
  const valueStart = at
  while (at < text.length && !';,'.includes(text[at]!)) at++
  return { name, value: text.slice(valueStart, at).trim(), next: at }
}

function readQuoted(text: string, start: number): { value: string; next: number } {
  let value = ''
  let at = start + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] === '\\') at++
    value += text[at] ?? ''
    at++
  }
  return { value, next: at + 1 }
}

function relationTypes(relation: string): readonly string[] {
  return relation
    .toLowerCase()
    .split(/[ \t]+/)
    .filter((type) => type !== '')
    .slice(0, MAX_RELATIONS)
}

function skipBlanks(text: string, start: number): number {
  let at = start
  while (text[at] === ' ' || text[at] === '\t') at++
  return at
}

/** Just after the next comma that is outside quotes. */
function nextLink(text: string, start: number): number {
  let at = start
  while (at < text.length && text[at] !== ',') at = text[at] === '"' ? readQuoted(text, at).next : at + 1
  return at + 1
}
