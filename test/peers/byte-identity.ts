import type { Fields, TappedExchange } from '../support/tap.ts'

/** RFC 9110 §7.6.1 and what belongs to one connection. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The two fields that acmetap takes away and adds. */
const OURS = new Set(['expect', 'acmetap-exchange'])

export interface Comparison {
  /** Pairs that were compared. */
  readonly pairs: number
  readonly differences: readonly string[]
}

/**
 * Compare whole issuances as clients sent them, on their side of acmetap, with what the CA got on its own. Each signed
 * request and its answer must be there once on both; a directory may have been answered from an equal answer.
 */
export function compareSides(clients: readonly TappedExchange[], ca: readonly TappedExchange[]): Comparison {
  const waiting = [...ca]
  const differences: string[] = []
  for (const asked of clients) {
    const at = waiting.findIndex((got) => keyOf(got) === keyOf(asked))
    const got = at === -1 ? sharedAnswer(asked, ca) : waiting.splice(at, 1)[0]
    if (got === undefined) differences.push(`${asked.method} ${asked.target}: the CA got no such request`)
    else differences.push(...differencesOf(asked, got))
  }
  return { pairs: clients.length, differences }
}

/** Signed requests differ by their nonce, and answers too. Of equal unsigned ones the answers of one moment are a pair. */
function keyOf({ method, target, fields, body, answerFields }: TappedExchange): string {
  const nonce = fieldOf(answerFields, 'replay-nonce')
  const moment = nonce === '' ? [fieldOf(fields, 'user-agent'), dateOf(answerFields)] : []
  return [method, target, body.toString('latin1'), nonce, ...moment].join('\n')
}

function dateOf(fields: Fields): string {
  return fieldOf(fields, 'date')
}

function fieldOf(fields: Fields, wanted: string): string {
  return fields.find(([name]) => name === wanted)?.[1] ?? ''
}

function sharedAnswer(asked: TappedExchange, ca: readonly TappedExchange[]): TappedExchange | undefined {
  if (asked.method !== 'GET') return undefined
  const date = dateOf(asked.answerFields)
  const equal = ca.find(
    (got) =>
      got.target === asked.target && got.answer.equals(asked.answer) && dateOf(got.answerFields) === date,
  )
  // What the CA was asked then is another client's: only the answer can be compared.
  return equal && { ...equal, fields: asked.fields, method: asked.method, host: asked.host }
}

function differencesOf(asked: TappedExchange, got: TappedExchange): string[] {
  const what = `${asked.method} ${asked.target}`
  const differences: string[] = []
  const same = (part: string, one: string, other: string): void => {
    if (one !== other)
      differences.push(`${what}: ${part}: ${JSON.stringify(one)}, at the CA ${JSON.stringify(other)}`)
  }
  same('method', asked.method, got.method)
  same('target', asked.target, got.target)
  same('fields of the request', ...texts(asked.fields, got.fields))
  same('body of the request', asked.body.toString('latin1'), got.body.toString('latin1'))
  same('status', String(asked.status), String(got.status))
  same('fields of the answer', ...texts(asked.answerFields, got.answerFields))
  same('body of the answer', asked.answer.toString('latin1'), got.answer.toString('latin1'))
  return differences
}

/** A side that sends in chunks says no length (RFC 9112 §6.2); the bodies are compared all the same. */
function texts(one: Fields, other: Fields): [string, string] {
  const chunked = [...one, ...other].some(([name]) => name === 'transfer-encoding')
  return [textOf(one, chunked), textOf(other, chunked)]
}

/** End-to-end fields with every byte of their values; the order of different names means nothing (RFC 9110 §5.3). */
function textOf(fields: Fields, chunked: boolean): string {
  return fields
    .filter(([name]) => !HOP_BY_HOP.has(name) && !OURS.has(name))
    .filter(([name]) => !(chunked && name === 'content-length'))
    .toSorted(([one], [other]) => (one < other ? -1 : one > other ? 1 : 0))
    .map(([name, value]) => `${name}: ${value}`)
    .join('\n')
}
