import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import type { Answer } from '../test-ca/answer.ts'
import type { Order } from '../test-ca/ca-state.ts'
import { issueLeaf } from '../test-ca/certificates.ts'
import { startTestCa, type TestCa } from '../test-ca/test-ca.ts'
import { Gate } from './gate.ts'

/** What may be wrong with a CA for a while. */
export const TROUBLES = [
  'dead',
  'hanging',
  'slow',
  'limited',
  'unavailable',
  'broken',
  'lost',
  'names',
  'key',
  'garbage',
  'processing',
  'invalid',
] as const
export type Trouble = (typeof TROUBLES)[number]

/** ms by which each answer of a slow CA is late. */
const SLOW = 20_000
/** Seconds after which one that limits may be asked again. */
const RETRY_AFTER = 5
/** Share of the answers that a broken CA, or the way to it, spoils. */
const SPOILT = 0.1

/** A test CA behind a gate. What it has issued, and was asked, is by its own state and log. */
export class TroubledCa {
  readonly name: string
  readonly directory: string
  readonly trust: string
  readonly ca: TestCa
  readonly #gate: Gate
  /** Of the orders that it does not say the truth of: by path, whether they come to nothing. */
  readonly #held = new Map<string, boolean>()
  #isHolding = false

  private constructor(name: string, ca: TestCa, gate: Gate) {
    this.name = name
    this.ca = ca
    this.#gate = gate
    this.directory = ca.directory.replace(ca.authority, `localhost:${gate.port}`)
    this.trust = ca.trust
  }

  static async start(name: string): Promise<TroubledCa> {
    const ca = await startTestCa()
    const gate = await Gate.before(ca.port)
    await gate.set('open')
    return new TroubledCa(name, ca, gate)
  }

  async close(): Promise<void> {
    await this.#gate.close()
    await this.ca.close()
  }

  /** `next`: what chance says, 0 ≤ n < 1. */
  async begin(trouble: Trouble, next: () => number): Promise<void> {
    const { ca } = this
    switch (trouble) {
      case 'dead':
        return this.#gate.set('refusing')
      case 'hanging':
        return this.#gate.set('hanging')
      case 'slow':
        ca.script({}, { kind: 'slow', ms: SLOW })
        return
      case 'limited':
        ca.script(
          { operation: 'newOrder' },
          {
            kind: 'problem',
            type: 'rateLimited',
            status: 429,
            detail: 'too many new orders from this account in the last 3h0m0s',
            retryAfter: RETRY_AFTER,
          },
        )
        return
      case 'unavailable':
        ca.script({ operation: 'newOrder' }, { kind: 'answer', status: 503, body: 'no upstream' })
        return
      case 'broken': {
        const nth = () => next() < SPOILT / 2
        ca.script(
          { method: 'POST', nth },
          { kind: 'problem', type: 'serverInternal', status: 500, detail: 'Error processing the request' },
        )
        ca.script({ method: 'POST', nth }, { kind: 'rewrite', change: toInternalError })
        return
      }
      case 'lost': {
        const nth = () => next() < SPOILT / 2
        ca.script({ method: 'POST', nth }, { kind: 'reset', when: 'after-processing' })
        ca.script({ method: 'POST', nth }, { kind: 'reset', when: 'mid-body' })
        return
      }
      case 'names':
      case 'key':
      case 'garbage':
        ca.script(
          { operation: 'finalize' },
          { kind: 'rewrite', change: (answer) => this.#lie(answer, trouble) },
        )
        return
      case 'processing':
        return this.#hold((nth) => nth % 2 === 0, true)
      case 'invalid':
        return this.#hold(() => true, false)
    }
  }

  /** It is well again; what it holds back comes to its end. */
  async end(): Promise<void> {
    this.ca.clearScript()
    this.#isHolding = false
    this.ca.script({ operation: 'order' }, { kind: 'rewrite', change: (answer) => this.#heldBack(answer) })
    await this.#gate.set('open')
  }

  /** Certificates of its orders, each as `names key`: what {@link certificateText} makes of it. */
  issued(): readonly string[] {
    return [...this.ca.state.orders.values()].flatMap(({ certificate }) => {
      const text = certificate === null ? null : certificateText(certificate.pem)
      return text === null ? [] : [text]
    })
  }

  /** Orders that were sent a finalize which it took more than once: one line each. */
  finalizedTwice(): readonly string[] {
    const times = new Map<string, number>()
    for (const { operation, target, behaviour } of this.ca.log.requests)
      if (operation === 'finalize' && behaviour !== 'problem') times.set(target, (times.get(target) ?? 0) + 1)
    return [...times].flatMap(([target, count]) =>
      count === 1 ? [] : [`${this.name}: ${count} times finalize at ${target}`],
    )
  }

  asked(operation: string): number {
    return this.ca.log.requests.filter((request) => request.operation === operation).length
  }

  #orderOf(answer: Answer): Order | undefined {
    const location = answer.fields.find(([name]) => name === 'Location')?.[1]
    return location === undefined ? undefined : this.ca.state.orders.get(new URL(location).pathname)
  }

  /** What it says it has issued, it has issued. */
  #lie(answer: Answer, lie: 'names' | 'key' | 'garbage'): Answer {
    const order = this.#orderOf(answer)
    if (order?.certificate == null) return answer
    const pem = lie === 'garbage' ? garbage : this.#leaf(order, lie)
    order.certificate = { ...order.certificate, pem }
    this.ca.state.certificates.set(order.certificate.path, order.certificate)
    return answer
  }

  #leaf({ certificate, identifiers }: Order, lie: 'names' | 'key'): string {
    const { root } = this.ca.state
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
    const spki = lie === 'key' ? other.export({ type: 'spki', format: 'der' }) : certificate!.spki
    const names = lie === 'names' ? [{ type: 'dns', value: 'elsewhere.example' }] : identifiers
    return `${issueLeaf({ spki, issuer: root, names })}${root.pem}`
  }

  #hold(comesToNothing: (nth: number) => boolean, untilEnd: boolean): void {
    this.#isHolding = untilEnd
    const finalized = (answer: Answer) => {
      const order = this.#orderOf(answer)
      if (order?.certificate == null) return answer
      const isNothing = comesToNothing(this.#held.size)
      this.#held.set(order.path, isNothing)
      if (isNothing) {
        this.ca.state.certificates.delete(order.certificate.path)
        order.certificate = null
      }
      return withOrder(answer, { status: 'processing', certificate: undefined })
    }
    this.ca.script({ operation: 'finalize' }, { kind: 'rewrite', change: finalized })
    this.ca.script({ operation: 'order' }, { kind: 'rewrite', change: (answer) => this.#heldBack(answer) })
  }

  #heldBack(answer: Answer): Answer {
    const isNothing = this.#held.get(this.#orderOf(answer)?.path ?? '')
    if (isNothing === undefined) return answer
    if (this.#isHolding) return withOrder(answer, { status: 'processing', certificate: undefined })
    const error = {
      type: 'urn:ietf:params:acme:error:serverInternal',
      detail: 'Error finalizing order',
      status: 500,
    }
    return isNothing ? withOrder(answer, { status: 'invalid', error }) : answer
  }
}

const garbage = '-----BEGIN CERTIFICATE-----\nAAAAAAAA\n-----END CERTIFICATE-----\n'

/** The names and the key of its leaf; null for what is no certificate. */
export function certificateText(pem: string): string | null {
  try {
    const { subjectAltName, publicKey } = new X509Certificate(pem)
    return `${subjectAltName} ${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`
  } catch {
    return null
  }
}

function toInternalError(answer: Answer): Answer {
  const detail = { type: 'urn:ietf:params:acme:error:serverInternal', detail: 'Error finalizing order' }
  const fields = answer.fields.filter(([name]) => name !== 'Content-Type' && name !== 'Location')
  return {
    status: 500,
    fields: [...fields, ['Content-Type', 'application/problem+json']],
    body: Buffer.from(JSON.stringify(detail)),
  }
}

function withOrder(answer: Answer, members: Readonly<Record<string, unknown>>): Answer {
  if (answer.status > 299) return answer
  return {
    ...answer,
    body: Buffer.from(JSON.stringify({ ...JSON.parse(answer.body.toString()), ...members })),
  }
}
