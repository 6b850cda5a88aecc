import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { FactDraft, IntentContent, OutcomeContent } from '../../../src/audit/record.ts'
import type { ExchangeId } from '../../../src/exchange/exchange-id.ts'
import { random } from '../soak.ts'
import { patchChain } from './certificates.ts'
import { factOf, requestFor, type Template, templateOf, type Values } from './template.ts'
import type { Transcript } from './transcript.ts'
import { type Variant, variantsOf } from './variants.ts'

const DAY = 86_400_000_000
const DAYS = 400
/** Each host renews after so long. */
const CADENCE = 60
const LIFETIME = 90 * DAY
const GROUPS = 400
/** Exchanges of the transcripts, on average. */
const EXCHANGES_EACH = 13.5
/** Between two issuances other hosts ask whether to renew (RFC 9773 §4.1). */
const POLLS = 4

export interface Issuance {
  readonly facts: readonly FactDraft[]
  /** What became of it. */
  readonly variant: string
  readonly host: number
}

const ERRORS = [
  [
    'connection',
    '192.0.2.7: Fetching http://@/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)',
  ],
  ['connection', '192.0.2.7: Fetching http://@/.well-known/acme-challenge/x: Connection refused'],
  ['dns', 'DNS problem: NXDOMAIN looking up A for @ - check that a DNS record exists for this domain'],
  ['dns', "DNS problem: SERVFAIL looking up CAA for @ - the domain's nameservers may be malfunctioning"],
  ['unauthorized', '192.0.2.7: Invalid response from http://@/.well-known/acme-challenge/x: 404'],
  ['unauthorized', 'No TXT record found at _acme-challenge.@'],
  ['caa', 'CAA record for @ prevents issuance'],
  ['tls', '192.0.2.7: Fetching https://@/: remote error: tls: handshake failure'],
  ['unauthorized', 'The moon was in the wrong phase for @'],
] as const

export function transcripts(): Transcript[] {
  return JSON.parse(readFileSync(new URL('./transcripts.json', import.meta.url), 'utf8')) as Transcript[]
}

/**
 * A fleet's 400 days (or so many) up to `until` (µs), of about so many exchanges: hosts renew every 60 days, each with its own client
 * and account; some fail, give up, are refused or revoked. The same seed gives the same facts, byte by byte.
 */
export function* generate(exchanges: number, seed: number, until: number, days = DAYS): Generator<Issuance> {
  const variants = variantsOf(transcripts())
  const templates = new Map(variants.map((variant) => [variant, templateOf(variant.transcript)]))
  const issuances = Math.max(1, Math.round(exchanges / EXCHANGES_EACH))
  const hosts = Math.max(1, Math.round((issuances * CADENCE) / DAYS))
  const accounts = Math.max(4, Math.round(hosts / 60))
  const step = (days * DAY) / issuances
  const draw = random(seed)
  const known = new Set<string>()
  const clients = [...new Set(variants.map(({ transcript }) => transcript.client))]
  const asked = new Map<number, Asked>()
  for (let n = 0; n < issuances; n++) {
    const host = n % hosts
    const lot = random(seed * 7919 + host)
    // A few accounts have most of the hosts.
    const account = Math.floor(accounts * lot() ** 3)
    const client = clients[account % clients.length]!
    const mine = variants.filter(({ transcript }) => transcript.client === client)
    const variant = drawn(mine, draw())
    const began = Math.round(until - days * DAY + n * step)
    const isFirst = !known.has(`${account}`)
    known.add(`${account}`)
    const template = templates.get(variant)!
    const { facts, certificate } = factsOf(template, {
      draw,
      host,
      account,
      began,
      until,
      withAccount: isFirst || draw() < 0.05,
    })
    if (certificate !== null) asked.set(host, certificate)
    yield { facts, variant: variant.name, host }
    for (let poll = 1; poll <= POLLS; poll++) {
      const other = (host + poll * Math.ceil(hosts / 7)) % hosts
      const certificate = asked.get(other)
      if (certificate === undefined) continue
      const at = Math.min(until, Math.round(began + (step * poll) / (POLLS + 1)))
      yield { facts: pollOf(certificate, at, draw), variant: 'poll', host: other }
    }
  }
}

/** By weight; 0 ≤ lot < 1. */
function drawn(variants: readonly Variant[], lot: number): Variant {
  let rest = lot * variants.reduce((sum, { weight }) => sum + weight, 0)
  for (const variant of variants) {
    rest -= variant.weight
    if (rest < 0) return variant
  }
  return variants.at(-1)!
}

/** What is needed to ask for renewal information. */
interface Asked {
  readonly ariId: string
  readonly directory: Template['exchanges'][number]
  readonly values: Values
  readonly address: string
  readonly began: number
}

interface Chance {
  readonly draw: () => number
  readonly host: number
  readonly account: number
  readonly began: number
  readonly until: number
  readonly withAccount: boolean
}

function factsOf(
  template: Template,
  { draw, host, account, began, until, withAccount }: Chance,
): {
  facts: FactDraft[]
  certificate: Asked | null
} {
  const isPublic = account % 5 !== 0
  const digest = hash('sha256', `account ${account}`, 'buffer')
  const name = `h${pad(host, 5)}.g${pad(host % GROUPS, 3)}.scale.test`
  const key = bytes(draw, 64)
  const [type, detail] = ERRORS[Math.floor(draw() * ERRORS.length)]!
  const values: Record<string, string> = {
    authority: isPublic ? 'acme-v02.api.letsencrypt.example' : 'pebble.example:14000',
    name,
    ca: isPublic ? '"ca":"letsencrypt"' : '"ca":"pebble"',
    mode: account % 3 === 0 ? '"mode":"relay"' : '"mode":"intercept"',
    account: digest.toString('hex', 0, 8),
    thumbprint: digest.toString('base64url'),
    order: bytes(draw, 32).toString('base64url'),
    authorization: bytes(draw, 32).toString('base64url'),
    challenge0: bytes(draw, 32).toString('base64url'),
    challenge1: bytes(draw, 32).toString('base64url'),
    challenge2: bytes(draw, 32).toString('base64url'),
    certificate: bytes(draw, 8).toString('hex'),
    expires: `${new Date((began + DAY) / 1000).toISOString().slice(0, 19)}Z`,
    errorType: `urn:ietf:params:acme:error:${type}`,
    errorDetail: detail.replace('@', name),
    csr: requestFor(template, name, key),
  }
  if (template.chain !== null) {
    const { pem, der } = patchChain(template.chain, template.name, {
      name,
      key,
      serial: bytes(draw, 20),
      notBefore: began,
      notAfter: began + LIFETIME,
    })
    values.pem = pem
    values.leaf = der.toString('base64url')
  }
  const ids = template.exchanges.map(({ intent }) => exchangeId(began + intent.after, draw))
  for (const [index, id] of ids.entries()) values[`id${index}`] = id
  const address = `10.${account % 250}.${host % 3}.7`
  const facts: FactDraft[] = []
  for (const [index, { isNewAccount, intent, outcome }] of template.exchanges.entries()) {
    if (isNewAccount && !withAccount) continue
    const time = (after: number) => Math.min(began + after, until)
    facts.push(
      factOf('intent', intent, ids[index]!, time(intent.after), values, address),
      factOf('outcome', outcome, ids[index]!, time(outcome.after), values, address),
    )
  }
  const directory = template.exchanges.find(({ operation }) => operation === 'directory')!
  return {
    facts,
    certificate:
      template.issued && template.chain !== null && values.pem !== undefined
        ? { ariId: ariIdOf(values.pem), directory, values, address, began }
        : null,
  }
}

function ariIdOf(pem: string): string {
  return readCertificateChain(Buffer.from(pem))?.leaf.ariId ?? 'none.none'
}

/** Made of a request for the directory: a GET that anybody may send. */
function pollOf(
  { ariId, directory, values, address, began }: Asked,
  at: number,
  draw: () => number,
): FactDraft[] {
  const id = exchangeId(at, draw)
  const intent = factOf('intent', directory.intent, id, at, values, address)
  const outcome = factOf('outcome', directory.outcome, id, at + 20_000, values, address)
  const asked = intent.content as IntentContent
  const told = outcome.content as OutcomeContent
  const time = (after: number) => new Date((began + after) / 1000).toISOString()
  const body = Buffer.from(
    JSON.stringify({ suggestedWindow: { start: time(59 * DAY), end: time(61 * DAY) } }),
  )
  const digest = hash('sha256', body, 'buffer')
  const target = `/renewal-info/${ariId}`
  return [
    { ...intent, content: { ...asked, operation: 'renewalInfo', request: { ...asked.request, target } } },
    {
      ...outcome,
      content: {
        ...told,
        retryAfter: 21_600,
        body: { bytes: body.length, digest: digest.toString('hex'), stored: digest.toString('hex') },
      },
      blobs: [{ digest, bytes: body, repeats: true }],
    },
  ]
}

/** A UUIDv7 of that time. */
function exchangeId(at: number, draw: () => number): ExchangeId {
  const time = Math.floor(at / 1000)
    .toString(16)
    .padStart(12, '0')
  const rest = bytes(draw, 10).toString('hex')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${rest.slice(0, 3)}-8${rest.slice(3, 6)}-${rest.slice(6, 18)}`
}

function bytes(draw: () => number, length: number): Buffer {
  const made = Buffer.allocUnsafe(length)
  for (let at = 0; at < length; at += 4) {
    const word = Math.floor(draw() * 4_294_967_296)
    for (let shift = 0; shift < 4 && at + shift < length; shift++)
      made[at + shift] = (word >>> (shift * 8)) & 0xff
  }
  return made
}

function pad(n: number, digits: number): string {
  return String(n).padStart(digits, '0')
}
