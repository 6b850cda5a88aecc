import type { Identifier } from '../../acme/identifier.ts'
import { problemUrn } from '../../acme/problem-types.ts'
import type { ExchangeId } from '../../exchange/exchange-id.ts'
import type { Endpoint } from '../endpoint.ts'
import { IssuerError, type PlacedAt, type WantedOrder } from '../issuer.ts'
import type { Upstream } from '../objects.ts'
import type { Outlook } from '../routing/ca-health.ts'
import { profileAt } from '../routing/routes.ts'
import type { OpenOrders } from './open-orders.ts'

export interface ToPlace {
  /** The broker's. */
  readonly order: string
  readonly endpoint: Endpoint
  readonly label: string | null
  readonly tenant: string | null
  readonly identifiers: readonly Identifier[]
  /** As the client asked. */
  readonly profile: string | null
  readonly replaces: string | null
  readonly parent: ExchangeId
  /** In the order in which they are preferred. */
  readonly cas: readonly string[]
}

export interface Placement extends PlacedAt {
  readonly ca: string
  /** CAs that were preferred, and why it is not one of them. */
  readonly left: Upstream['left']
}

/** No CA took it. `errors`: at least one, in the order in which they came. */
export class NowherePlaced extends Error {
  readonly errors: readonly IssuerError[]

  constructor(errors: readonly IssuerError[]) {
    super('no CA took the order')
    this.name = 'NowherePlaced'
    this.errors = errors
  }

  get left(): Upstream['left'] {
    return this.errors.map(({ ca, message }) => ({ ca, why: message }))
  }
}

/**
 * Places it at the first CA that takes it: those that are well first, one that may be back once, those that are down where
 * nothing else is left. A CA that keeps it waiting is left, and what it gives later abandoned. Rejects with NowherePlaced, or
 * IssuerError (`aborted`).
 */
export async function placeOrder(open: OpenOrders, wanted: ToPlace, signal: AbortSignal): Promise<Placement> {
  const until = open.now().monotonic + open.patience.begin * 1000
  const errors: IssuerError[] = []
  const rest = [...wanted.cas]
  while (rest.length > 0) {
    const { ca, outlook } = takeBest(open, rest, wanted)
    const remaining = Math.max(0, (until - open.now().monotonic) / 1000)
    try {
      if (outlook.kind === 'limited') throw outlook.error
      if (remaining === 0) throw late(ca, open.patience.begin)
      const patience = patienceFor(open, outlook.kind, rest.length === 0)
      const placed = await placeAt(open, ca, wanted, Math.min(patience, remaining), signal)
      return { ...placed, ca, left: leftFor(open, wanted, ca, errors) }
    } catch (error) {
      if (!(error instanceof IssuerError)) throw error
      if (signal.aborted) throw error
      errors.push(error)
      open.tell({
        kind: 'left',
        order: wanted.order,
        endpoint: wanted.endpoint.name,
        ca,
        fault: error.fault,
        why: error.message,
      })
    }
  }
  throw new NowherePlaced(errors)
}

const RANKS = { good: 0, probe: 0, suspect: 1, down: 2, limited: 3 } as const

/** What is taken for down is not waited for long, though it be the last. */
function patienceFor({ patience }: OpenOrders, kind: Outlook['kind'], isLast: boolean): number {
  if (kind === 'down') return patience.probe
  if (isLast) return patience.begin
  return kind === 'probe' ? patience.probe : patience.place
}

/** Takes it out of `rest`. */
function takeBest(open: OpenOrders, rest: string[], wanted: ToPlace) {
  const all = rest.map((ca) => ({ ca, outlook: open.health.outlook(ca, wanted) }))
  const best = all.reduce((a, b) => (RANKS[b.outlook.kind] < RANKS[a.outlook.kind] ? b : a))
  rest.splice(rest.indexOf(best.ca), 1)
  return best
}

/** Those that said no, and those that were not even asked. */
function leftFor(
  { health }: OpenOrders,
  { cas }: ToPlace,
  taken: string,
  errors: readonly IssuerError[],
): Upstream['left'] {
  return cas.slice(0, cas.indexOf(taken)).map((ca) => {
    const error = errors.find((each) => each.ca === ca)
    if (error !== undefined) return { ca, why: error.message }
    const { why } = health.standing(ca)
    return { ca, why: why === null ? `CA "${ca}" keeps others waiting` : `not asked, it was down: ${why}` }
  })
}

async function placeAt(
  open: OpenOrders,
  ca: string,
  to: ToPlace,
  patience: number,
  signal: AbortSignal,
): Promise<PlacedAt> {
  open.drill.check(ca, to.label)
  const issuer = open.issuer(ca)
  const replaces = await replacedAt(open, to, ca)
  const wanted: WantedOrder = {
    order: to.order,
    tenant: to.tenant,
    identifiers: to.identifiers,
    profile: profileAt(to.endpoint, to.profile, ca),
    replaces,
    parent: to.parent,
  }
  const attempt = open.health.begin(ca, 'place', to)
  const place = (what: WantedOrder) =>
    inTime(
      (limit) => issuer.place(what, limit),
      ca,
      patience,
      signal,
      ({ reference }) => abandonUnwanted(open, to.order, ca, reference),
    )
  try {
    const placed = await place(wanted).catch((error: unknown) => {
      if (replaces === null || !isAlreadyReplaced(error)) throw error
      return place({ ...wanted, replaces: null })
    })
    attempt.succeeded()
    return placed
  } catch (error) {
    const said = open.saidBy(ca, to.order, error)
    attempt.failed(said)
    throw said
  }
}

/** By an order at that CA which came to nothing: what is replaced is known here. */
function isAlreadyReplaced(error: unknown): boolean {
  return error instanceof IssuerError && error.type === problemUrn('alreadyReplaced')
}

/** RFC 9773 §5: a CA knows its own certificates only. */
async function replacedAt(
  { store }: OpenOrders,
  { replaces, endpoint }: ToPlace,
  ca: string,
): Promise<string | null> {
  if (replaces === null) return null
  const certificate = await store.certificateByAriId(endpoint.name, replaces)
  return certificate?.ca === ca ? replaces : null
}

/** Resolves or rejects in time, whatever `act` does with its signal. What comes too late goes to `unwanted`. */
async function inTime<T>(
  act: (signal: AbortSignal) => Promise<T>,
  ca: string,
  patience: number,
  signal: AbortSignal,
  unwanted: (result: T) => Promise<void>,
): Promise<T> {
  const limit = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  const stop = (error: IssuerError) => {
    limit.abort(error)
    reject(error)
  }
  const abort = () => stop(new IssuerError(ca, 'aborted', `CA "${ca}" is not waited for any more`))
  const timer = setTimeout(() => stop(late(ca, patience)), patience)
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  const acting = act(limit.signal)
  try {
    return await Promise.race([acting, over])
  } catch (error) {
    if (limit.signal.aborted) {
      acting.then(unwanted, () => undefined)
      throw limit.signal.reason
    }
    throw error
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

function late(ca: string, patience: number): IssuerError {
  const seconds = Math.ceil(patience / 1000)
  return new IssuerError(ca, 'unavailable', `CA "${ca}" did not take the order within ${seconds} s`, {
    timedOut: true,
  })
}

/** What came too late, unless the order has come back to it meanwhile. */
async function abandonUnwanted(open: OpenOrders, id: string, ca: string, reference: string): Promise<void> {
  try {
    const order = await open.store.anyOrder(id)
    if (order?.upstream.ca === ca && order.upstream.reference === reference) return
    open.abandon(id, ca, reference)
  } catch (error) {
    open.tell({ kind: 'fault', order: id, error })
  }
}

/**
 * What a client is told where several CAs said no: the first that spoke, in its own words, else the first; beside it, one
 * line for each other.
 */
export function firstOf(errors: readonly IssuerError[]): IssuerError {
  const first = errors.find(({ fault }) => fault === 'refused' || fault === 'limited') ?? errors[0]
  if (first === undefined) throw new Error('nobody said no')
  const others = errors.filter((each) => each !== first).map(({ message }) => message)
  if (others.length === 0) return first
  const { ca, fault, message, type, detail, status, subproblems, retryAfter, links, exchange } = first
  return new IssuerError(ca, fault, message, {
    type,
    detail,
    status,
    subproblems,
    retryAfter,
    links,
    exchange,
    others,
  })
}
