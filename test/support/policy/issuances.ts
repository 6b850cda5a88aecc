import { hash } from 'node:crypto'
import type { CertificateRequest } from '../../../src/acme/certificate-request.ts'
import type { Identifier } from '../../../src/acme/identifier.ts'
import type { Operation } from '../../../src/acme/operation.ts'
import type { Asked } from '../../../src/exchange/asked.ts'
import type { Inspected } from '../../../src/exchange/exchange.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { random } from '../../soak/soak.ts'
import { classified, inspection, ORIGIN, received, resource } from '../exchanges.ts'

/** µs. */
export const BEGAN = 1_780_000_000_000_000
const DAY = 86_400_000_000

/** What happens at one moment: a request comes, or its answer. */
export type Step =
  | { readonly kind: 'request'; readonly exchange: Inspected; readonly asked: Asked | null }
  | {
      readonly kind: 'end'
      readonly exchange: Inspected
      readonly asked: Asked | null
      /** µs. */
      readonly at: number
      /** Null: the CA was not reached. */
      readonly status: number | null
      readonly account: string | null
    }

export interface IssuancesOptions {
  readonly orders: number
  readonly seed: number
  readonly days: number
}

/**
 * What a fleet asks for, several hosts at a time, so that requests and answers of many orders mix: accounts with contacts
 * and bindings, orders, polls, finalizations with keys that sometimes come again; some fail. The same seed gives the same
 * but for the ids.
 */
export function* issuances({ orders, seed, days }: IssuancesOptions): Generator<Step> {
  const draw = random(seed)
  const below = (n: number) => Math.floor(draw() * n)
  const step = (days * DAY) / (orders * 14)
  let at = BEGAN
  let begun = 0
  const accounts = new Set<number>()
  const running: Iterator<Step>[] = []
  const now = () => {
    at += 1 + Math.floor(step * 2 * draw())
    return at
  }
  while (begun < orders || running.length > 0) {
    if (running.length < 8 && begun < orders) running.push(order(begun++))
    const slot = below(running.length)
    const next = running[slot]!.next()
    if (next.done) running.splice(slot, 1)
    else yield next.value
  }

  function* exchanged(exchange: Inspected, asked: Asked | null, status: number | null): Generator<Step> {
    yield { kind: 'request', exchange, asked }
    const account =
      exchange.operation === 'newAccount' && status !== null ? accountUrl(hostOf(exchange)) : null
    yield { kind: 'end', exchange, asked, at: now(), status, account }
  }

  function hostOf(exchange: Inspected): number {
    return Number(exchange.inspection!.thumbprint!.slice(3))
  }

  function* order(n: number): Generator<Step> {
    const host = below(Math.max(20, Math.floor(orders / 12)))
    const account = host % 40
    if (!accounts.has(account)) {
      accounts.add(account)
      const contact = [`mailto:team${account % 7}@${account % 3 === 0 ? 'other' : 'example'}.example`]
      const asked: Asked = {
        kind: 'account',
        externalAccount: account % 4 === 0 ? null : `team-${account % 4}`,
        onlyReturnExisting: false,
        status: null,
      }
      yield* exchanged(made('newAccount', account, host, { contact }, []), asked, 201)
    }
    if (draw() < 0.02) {
      const asked: Asked = {
        kind: 'account',
        externalAccount: null,
        onlyReturnExisting: false,
        status: null,
        contacts: 1,
      }
      const payload = { contact: [`mailto:new${below(5)}@example.example`] }
      yield* exchanged(made('account', account, host, payload, []), asked, 200)
    }
    const names = namesOf(host)
    const isLong = draw() < 0.05
    const asked: Asked = {
      kind: 'order',
      profile: draw() < 0.2 ? 'shortlived' : null,
      notBefore: null,
      notAfter: isLong ? new Date(at / 1000 + 400 * 86_400_000).toISOString() : null,
      replaces: draw() < 0.3 ? 'aki.serial' : null,
    }
    const newOrder = made('newOrder', account, host, { identifiers: names }, names)
    const lot = draw()
    const status = lot < 0.05 ? 429 : lot < 0.07 ? null : 201
    yield* exchanged(newOrder, asked, status)
    if (status !== 201) return
    const later = (operation: Operation, payload: unknown, asked: Asked | null, status = 200) =>
      exchanged(
        made(operation, account, host, payload, names, { issuance: newOrder.id, order: n }),
        asked,
        status,
      )
    yield* later('authorization', undefined, null)
    yield* later('challenge', {}, null)
    yield* later('order', undefined, null)
    const isTaken = draw() > 0.03
    yield* later(
      'finalize',
      { csr: 'AA' },
      { kind: 'finalize', csr: requestOf(names, host) },
      isTaken ? 200 : 403,
    )
    if (!isTaken) return
    yield* later('order', undefined, null)
    yield* later('certificate', undefined, null)
    if (draw() < 0.01)
      yield* exchanged(
        made('revokeCert', account, host, { certificate: 'AA' }, []),
        { kind: 'revocation', reason: 1, serial: '0a', names },
        200,
      )
    if (draw() < 0.01) yield* exchanged(made('unrecognised', account, host, {}, []), null, 404)
  }

  function namesOf(host: number): Identifier[] {
    const domain = `team${host % 40}.example.com`
    const values = [`h${host}.${domain}`]
    if (host % 10 === 0) values.push(`*.h${host}.${domain}`)
    if (host % 33 === 0) values.push(`pay.h${host}.secret.example.com`)
    return values.map((value) => ({ type: 'dns', value }))
  }

  function requestOf(names: readonly Identifier[], host: number): CertificateRequest {
    // Some hosts keep one key for all they ask for, and three share one.
    const key = host % 9 === 0 ? `kept ${host % 27}` : `${host} ${draw()}`
    const isRsa = draw() < 0.3
    return {
      names,
      commonNames: [],
      otherNames: [],
      key: {
        type: isRsa ? 'RSA' : 'ECDSA',
        size: isRsa ? (draw() < 0.2 ? 1024 : 2048) : 256,
        curve: isRsa ? null : 'P-256',
        spki: hash('sha256', key),
        thumbprint: host % 50 === 0 ? thumbprintOf(host % 40) : null,
      },
      signature: { algorithm: isRsa ? 'sha256WithRSA' : 'ecdsaWithSHA256', verified: true },
      extensions: ['2.5.29.17'],
      mustStaple: draw() < 0.02,
      faults: [],
    }
  }

  function made(
    operation: Operation,
    account: number,
    host: number,
    payload: unknown,
    identifiers: readonly Identifier[],
    of: { issuance?: string; order?: number } = {},
  ): Inspected {
    const isOfOrder = of.issuance !== undefined
    const url = `${ORIGIN}/${operation}/${of.order ?? account}`
    const base = received(
      {
        target: `/${operation}/${of.order ?? ''}`,
        fields: [['User-Agent', `client${account % 3}/1.${host % 4}`]],
      },
      { id: newExchangeId(), receivedAt: { wall: now(), monotonic: 1 } },
    )
    const connection = { ...base.connection, clientAddress: `192.0.${host % 2}.${host % 200}` }
    const known = isOfOrder
      ? resource({ url, operation, account: accountUrl(account), issuance: of.issuance!, identifiers })
      : null
    return {
      ...classified(operation, { ...base, connection, resource: known }),
      inspection: {
        ...inspection(payload, operation === 'newAccount' ? {} : { kid: accountUrl(account) }),
        thumbprint: thumbprintOf(account),
      },
    }
  }
}

function accountUrl(account: number): string {
  return `${ORIGIN}/acct/${account}`
}

function thumbprintOf(account: number): string {
  return `key${account}`
}
