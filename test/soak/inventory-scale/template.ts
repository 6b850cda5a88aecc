import { hash } from 'node:crypto'
import type { FactDraft } from '../../../src/audit/record.ts'
import type { ExchangeId } from '../../../src/exchange/exchange-id.ts'
import { patchDer } from './certificates.ts'
import type { TranscribedExchange, TranscribedFact, Transcript } from './transcript.ts'

/** What is different in each issuance, by the name of the gap it fills. */
export type Values = Readonly<Partial<Record<string, string>>>

/** A text with gaps: fixed parts at even places, tokens at odd ones. */
type Text = readonly string[]

interface FactTemplate {
  readonly after: number
  readonly content: Text
  readonly blobs: readonly {
    readonly text: Text | null
    readonly bytes: Buffer
    readonly repeats: boolean
    readonly digest: string
  }[]
  readonly personal: readonly { readonly name: string; readonly kind: string; readonly value: Buffer }[]
}

export interface Template {
  readonly client: string
  readonly name: string
  readonly issued: boolean
  readonly chain: string | null
  readonly request: Buffer | null
  readonly exchanges: readonly {
    readonly operation: string
    readonly isNewAccount: boolean
    readonly intent: FactTemplate
    readonly outcome: FactTemplate
  }[]
}

/** Finds in a transcript what must be different in each issuance made from it. */
export function templateOf(transcript: Transcript): Template {
  const tokens = new Map<string, string>()
  const all = JSON.stringify(transcript.exchanges.map(textsOf))
  const first = (pattern: RegExp) => [...new Set([...all.matchAll(pattern)].map(([, found]) => found!))]
  for (const [index, found] of first(/localhost:(\d+)/g).entries())
    if (index === 0) tokens.set(`localhost:${found}`, 'authority')
  const bare = transcript.name.replace(/^\*\./, '')
  tokens.set(bare, 'name')
  for (const found of first(/\/my-account\/([0-9a-f]+)/g)) tokens.set(found, 'account')
  for (const found of first(/\/my-order\/([\w-]+)/g)) tokens.set(found, 'order')
  for (const found of first(/\/authZ\/([\w-]+)/g)) tokens.set(found, 'authorization')
  for (const [index, found] of first(/\/chalZ\/([\w-]+)/g).entries()) tokens.set(found, `challenge${index}`)
  for (const found of first(/\/certZ\/([0-9a-f]+)/g)) tokens.set(found, 'certificate')
  for (const found of first(/"thumbprint":"([\w-]{43})"/g)) tokens.set(found, 'thumbprint')
  for (const found of first(/"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ)/g)) tokens.set(found, 'expires')
  for (const found of first(/\\?"csr\\?":\s*\\?"([\w-]+)/g)) tokens.set(found, 'csr')
  tokens.set('@leaf@', 'leaf')
  tokens.set('"mode":"relay"', 'mode')
  tokens.set('"ca":"letsencrypt"', 'ca')
  for (const [index, { id }] of transcript.exchanges.entries()) tokens.set(id, `id${index}`)
  for (const { outcome } of transcript.exchanges) {
    const { objectError } = outcome.content as { objectError?: { type: string; detail: string } | null }
    if (!objectError) continue
    tokens.set(objectError.type, 'errorType')
    tokens.set(objectError.detail, 'errorDetail')
  }
  const csr = [...tokens].find(([, token]) => token === 'csr')?.[0]
  const chain = transcript.exchanges
    .flatMap(({ outcome }) => outcome.blobs)
    .map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1'))
  return {
    client: transcript.client,
    name: bare,
    issued: transcript.issued,
    chain: chain.find((text) => text.includes('BEGIN CERTIFICATE')) ?? null,
    request: csr === undefined ? null : Buffer.from(csr, 'base64url'),
    exchanges: transcript.exchanges.map((exchange) => ({
      operation: (exchange.intent.content as { operation: string }).operation,
      isNewAccount: (exchange.intent.content as { operation: string }).operation === 'newAccount',
      intent: factTemplate(exchange.intent, tokens),
      outcome: factTemplate(exchange.outcome, tokens),
    })),
  }
}

function textsOf({ intent, outcome }: TranscribedExchange): unknown {
  const readable = ({ content, blobs }: TranscribedFact) => [
    content,
    blobs.map(({ bytes }) => Buffer.from(bytes, 'base64').toString('latin1')),
  ]
  return [readable(intent), readable(outcome)]
}

function factTemplate(
  { after, content, blobs, personal }: TranscribedFact,
  tokens: ReadonlyMap<string, string>,
): FactTemplate {
  const own = new Map(tokens)
  const drafts = blobs.map(({ bytes: encoded, repeats }, index) => {
    const bytes = Buffer.from(encoded, 'base64')
    const printable = /^[\x09\x0a\x0d\x20-\x7e]*$/.test(bytes.toString('latin1'))
    const text = printable ? split(bytes.toString('latin1'), tokens) : null
    const isChain = bytes.includes('BEGIN CERTIFICATE')
    const digest = hash('sha256', bytes)
    if (isChain || (text !== null && text.length > 1)) own.set(digest, `digest${index}`)
    return { text: isChain ? ['', 'pem', ''] : text, bytes, repeats, digest }
  })
  return {
    after,
    content: split(JSON.stringify(content), own),
    blobs: drafts,
    personal: personal.map(({ name, kind, value }) => ({ name, kind, value: Buffer.from(value, 'base64') })),
  }
}

function split(text: string, tokens: ReadonlyMap<string, string>): Text {
  const literals = [...tokens.keys()].toSorted((a, b) => b.length - a.length)
  const pattern = new RegExp(
    `(${literals.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`,
  )
  return text.split(pattern).map((part, index) => (index % 2 === 1 ? tokens.get(part)! : part))
}

export function fill(text: Text, values: Values): string {
  let filled = text[0]!
  for (let at = 1; at < text.length; at += 2) filled += values[text[at]!]! + text[at + 1]!
  return filled
}

/** A fact as the recorder would hand it to the store. */
export function factOf(
  kind: 'intent' | 'outcome',
  { content, blobs, personal }: FactTemplate,
  exchange: ExchangeId,
  at: number,
  values: Values,
  address: string,
): FactDraft {
  const own: Record<string, string | undefined> = { ...values }
  const drafts = blobs.map(({ text, bytes, repeats, digest }, index) => {
    if (text === null || text.length === 1) return { digest: Buffer.from(digest, 'hex'), bytes, repeats }
    const filled = Buffer.from(fill(text, values), 'latin1')
    const made = hash('sha256', filled, 'buffer')
    own[`digest${index}`] = made.toString('hex')
    return { digest: made, bytes: filled, repeats }
  })
  return {
    kind,
    exchange,
    at,
    monotonic: at % 1e12,
    content: JSON.parse(fill(content, own)) as FactDraft['content'],
    blobs: drafts,
    personal: personal.map(({ name, kind, value }) => ({
      name,
      kind: kind as 'address',
      value: name === 'clientAddress' ? Buffer.from(address) : value,
    })),
  }
}

export function requestFor(template: Template, name: string, key: Buffer): string {
  return template.request === null
    ? ''
    : patchDer(template.request, template.name, { name, key }).toString('base64url')
}
