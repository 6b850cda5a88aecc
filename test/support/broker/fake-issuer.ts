import { generateKeyPairSync } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { readCertificateChain } from '../../../src/acme/certificate.ts'
import type { Identifier } from '../../../src/acme/identifier.ts'
import {
  type IssuedCertificate,
  type Issuer,
  IssuerError,
  type IssuerErrorDetails,
  type IssuerFault,
  type IssuerRenewalInfo,
  type PlacedAt,
  type WantedOrder,
} from '../../../src/broker/issuer.ts'
import { issueLeaf, makeRoot, readCsr } from '../test-ca/certificates.ts'

/** What happens first in a step: it may wait, or throw IssuerError. `order`: the broker's. */
export type FakeStep = (about: FakeOrder, signal: AbortSignal) => Promise<void> | void

export interface FakeOrder {
  readonly order: string
  readonly reference: string
  readonly tenant: string | null
  readonly identifiers: readonly Identifier[]
  readonly profile: string | null
  readonly replaces: string | null
}

/** One line of what a CA has done: its truth, which survives its caller where there is a journal. */
export type FakeEvent =
  | ({ readonly what: 'placed' } & FakeOrder)
  /** finalizing: it was sent; unfinalized: that came to nothing. */
  | {
      readonly what: 'authorized' | 'abandoned' | 'finalizing' | 'unfinalized'
      readonly reference: string
    }
  | { readonly what: 'issued'; readonly reference: string; readonly order: string; readonly chain: string }
  | { readonly what: 'revoked'; readonly serial: string; readonly reason: number }

const root = makeRoot('Fake CA')
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
  type: 'spki',
  format: 'der',
})

/**
 * An issuer without a CA: certificates are real, and each step does first what `steps` says. Asked again, it goes on where
 * it stands. `journal`: a file that another process may read and go on with.
 */
export class FakeIssuer implements Issuer {
  readonly ca: string
  readonly events: FakeEvent[] = []
  /** Every call, before it does anything: `place <order>`, `finalize <reference>`. */
  readonly calls: string[] = []
  steps: { place?: FakeStep; authorize?: FakeStep; finalize?: FakeStep; revoke?: () => void } = {}
  /** What it issues instead of what was asked for. */
  lie: 'names' | 'key' | 'garbage' | null = null
  unfitFor: (wanted: Pick<WantedOrder, 'tenant' | 'identifiers' | 'profile'>) => string | null = () => null
  /** Null: it has no renewal information. */
  renewal: IssuerRenewalInfo | null = null
  /** How many days its certificates are valid. */
  days = 90
  readonly #journal: string | null
  readonly #orders = new Map<string, FakeOrder>()
  readonly #issued = new Map<string, string>()
  readonly #ended = new Set<string>()
  readonly #finalizing = new Set<string>()
  #count = 0

  constructor(ca: string, options: { readonly journal?: string } = {}) {
    this.ca = ca
    this.#journal = options.journal ?? null
    if (this.#journal === null || !existsSync(this.#journal)) return
    for (const line of readFileSync(this.#journal, 'utf8').split('\n'))
      if (line !== '') this.#apply(JSON.parse(line) as FakeEvent)
  }

  async place(wanted: WantedOrder, signal: AbortSignal): Promise<PlacedAt> {
    this.calls.push(`place ${wanted.order}`)
    const { order, tenant, identifiers, profile, replaces } = wanted
    const there = [...this.#orders.values()].find(
      (each) => each.order === order && !this.#ended.has(each.reference),
    )
    const reference = there?.reference ?? `${this.ca}-${++this.#count}`
    const about = { order, reference, tenant, identifiers, profile, replaces }
    await this.steps.place?.(about, signal)
    signal.throwIfAborted()
    if (there === undefined) this.#happens({ what: 'placed', ...about })
    return { reference, expiresAt: null }
  }

  async authorize(reference: string, signal: AbortSignal): Promise<void> {
    this.calls.push(`authorize ${reference}`)
    if (this.#issued.has(reference)) return
    await this.steps.authorize?.(this.#order(reference), signal)
    signal.throwIfAborted()
    this.#happens({ what: 'authorized', reference })
  }

  async finalize(reference: string, csr: string, signal: AbortSignal): Promise<IssuedCertificate> {
    this.calls.push(`finalize ${reference}`)
    const about = this.#order(reference)
    const issued = this.#issued.get(reference)
    if (issued !== undefined) return { chains: [issued], upstreamAccount: `${this.ca}/account` }
    this.#happens({ what: 'finalizing', reference })
    try {
      await this.steps.finalize?.(about, signal)
    } catch (error) {
      const isKnown = error instanceof IssuerError && !['uncertain', 'aborted'].includes(error.fault)
      if (isKnown) this.#happens({ what: 'unfinalized', reference })
      throw error
    }
    signal.throwIfAborted()
    const chain = this.#issue(about, csr)
    this.#happens({ what: 'issued', reference, order: about.order, chain })
    return { chains: [chain], upstreamAccount: `${this.ca}/account` }
  }

  async abandon(reference: string): Promise<void> {
    this.calls.push(`abandon ${reference}`)
    if (this.#issued.has(reference)) throw new Error(`${reference} was finalized`)
    if (this.#orders.has(reference)) this.#happens({ what: 'abandoned', reference })
  }

  async placed(): Promise<readonly { readonly order: string; readonly reference: string }[]> {
    return [...this.#orders.values()].filter(
      ({ reference }) =>
        !this.#ended.has(reference) && !this.#issued.has(reference) && !this.#finalizing.has(reference),
    )
  }

  async revoke(
    certificate: Buffer,
    _account: string | null,
    reason: number,
  ): Promise<'revoked' | 'alreadyRevoked'> {
    const pem = `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`
    const serial = readCertificateChain(Buffer.from(pem))?.leaf.serial ?? ''
    this.calls.push(`revoke ${serial}`)
    this.steps.revoke?.()
    if (this.events.some((each) => each.what === 'revoked' && each.serial === serial)) return 'alreadyRevoked'
    this.#happens({ what: 'revoked', serial, reason })
    return 'revoked'
  }

  async renewalInfo(ariId: string): Promise<IssuerRenewalInfo | null> {
    this.calls.push(`renewalInfo ${ariId}`)
    return this.renewal
  }

  async unfit(wanted: Pick<WantedOrder, 'tenant' | 'identifiers' | 'profile'>): Promise<string | null> {
    return this.unfitFor(wanted)
  }

  /** Where it is asked for an order of this id. */
  issuedFor(order: string): number {
    return this.events.filter((each) => each.what === 'issued' && each.order === order).length
  }

  #order(reference: string): FakeOrder {
    const order = this.#orders.get(reference)
    if (order === undefined || this.#ended.has(reference))
      throw new IssuerError(this.ca, 'refused', `CA "${this.ca}" knows no order ${reference}`)
    return order
  }

  #issue({ identifiers }: FakeOrder, csr: string): string {
    if (this.lie === 'garbage') return '-----BEGIN CERTIFICATE-----\nbm9uZQ==\n-----END CERTIFICATE-----\n'
    const names = this.lie === 'names' ? [{ type: 'dns', value: 'other.example' }] : identifiers
    const spki = this.lie === 'key' ? stranger : readCsr(Buffer.from(csr, 'base64url')).spki
    const notAfter = new Date(Date.now() + this.days * 86_400_000)
    return `${issueLeaf({ spki, issuer: root, names, notAfter })}${root.pem}`
  }

  #happens(event: FakeEvent): void {
    if (this.#journal !== null) appendFileSync(this.#journal, `${JSON.stringify(event)}\n`)
    this.#apply(event)
  }

  #apply(event: FakeEvent): void {
    this.events.push(event)
    if (event.what === 'placed') {
      this.#orders.set(event.reference, event)
      this.#count = Math.max(this.#count, Number(event.reference.split('-').at(-1)))
    }
    if (event.what === 'issued') this.#issued.set(event.reference, event.chain)
    if (event.what === 'finalizing') this.#finalizing.add(event.reference)
    if (event.what === 'unfinalized') this.#finalizing.delete(event.reference)
    if (event.what === 'abandoned') this.#ended.add(event.reference)
  }
}

/** A step that ends so. */
export function failing(
  ca: string,
  fault: IssuerFault,
  detail: string,
  details: IssuerErrorDetails = {},
): FakeStep {
  return () => {
    throw issuerError(ca, fault, detail, details)
  }
}

/** With the CA's words in its message, as those of the real ones have them. */
export function issuerError(
  ca: string,
  fault: IssuerFault,
  detail: string,
  details: IssuerErrorDetails = {},
): IssuerError {
  return new IssuerError(ca, fault, `CA "${ca}": ${detail}`, { detail, ...details })
}

/** As Boulder's 429s are. `retryAfter`: seconds. */
export function limitedBy(ca: string, detail: string, retryAfter: number): FakeStep {
  const type = 'urn:ietf:params:acme:error:rateLimited'
  return failing(ca, 'limited', detail, { type, status: 429, retryAfter })
}

export function after(ms: number): FakeStep {
  return (_about, signal) => sleep(ms, undefined, { signal })
}

/** Until it is aborted. */
export const hanging: FakeStep = (_about, signal) =>
  new Promise((_resolve, reject) => {
    const stop = () => reject(new IssuerError('fake', 'aborted', 'it was stopped'))
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { once: true })
  })

/** So many times the first, then the second (or nothing). */
export function times(count: number, first: FakeStep, then?: FakeStep): FakeStep {
  let left = count
  return (about, signal) => (left-- > 0 ? first(about, signal) : then?.(about, signal))
}
