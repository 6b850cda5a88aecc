import type { Clock } from '../../exchange/clock.ts'
import type { BrokerStore } from '../broker-store.ts'
import type { Endpoint } from '../endpoint.ts'
import { type Issuer, IssuerError, type IssuerFault } from '../issuer.ts'
import type { BrokerOrder } from '../objects.ts'
import { CaHealth } from '../routing/ca-health.ts'
import { Drill } from '../routing/drill.ts'
import type { BrokerFailPoint } from './broker-step.ts'
import { type IssuanceEvent, type IssuanceParts, PATIENCE, type Patience } from './issuance-parts.ts'

/** What this process knows of one open order beside what is stored. A restart begins without. */
export interface OrderMemory {
  /** Of its account. */
  label: string | null
  /** Reference that the CA has authorized everything of. */
  authorized: string | null
  /** Finalize was asked for where it is now, by this process or perhaps the one before. */
  maybeSent: boolean
  /** What became of that is not known: nobody else may be asked. */
  isUnknown: boolean
  /** What each CA said last, in the order in which they first said it. */
  readonly said: Map<string, IssuerError>
  /** CAs that failed since the last wait. */
  readonly round: Set<string>
  /** CAs that would say the same again. */
  readonly final: Set<string>
  /** Waits since something last went well. */
  waits: number
  /** Since when nothing has gone well, monotonic µs; null: nothing is wrong. */
  wrongSince: number | null
  /** Since when nobody knows what became of its finalize, monotonic µs. */
  uncertainSince: number | null
}

/** What the files of this folder share: the ports, what is known of CAs, and of orders that are on their way. */
export class OpenOrders {
  readonly store: BrokerStore
  readonly clock: Clock
  readonly health: CaHealth
  readonly drill: Drill
  readonly patience: Patience
  readonly failPoint: BrokerFailPoint
  /** Ids of orders that are placed and not yet stored. */
  readonly beginning = new Set<string>()
  /** CA and reference of what CAs said at the start finalize was not sent for. */
  readonly unsent = new Set<string>()
  readonly #parts: IssuanceParts
  readonly #memories = new Map<string, OrderMemory>()

  constructor(parts: IssuanceParts) {
    this.#parts = parts
    this.store = parts.store
    this.clock = parts.clock
    this.health = new CaHealth(parts.clock, (standing) => parts.onEvent({ kind: 'circuit', standing }))
    this.drill = new Drill(parts.clock)
    this.patience = { ...PATIENCE, ...parts.patience }
    this.failPoint = parts.failPoint ?? (async () => {})
  }

  /** Throws IssuerError (`unfit`) where there is none. */
  issuer(ca: string): Issuer {
    const issuer = this.#parts.issuer(ca)
    if (issuer === null) throw new IssuerError(ca, 'unfit', `CA "${ca}" is not configured here`)
    return issuer
  }

  endpoints(): readonly Endpoint[] {
    return this.#parts.endpoints()
  }

  /** Null: it is not configured any more. */
  endpoint(name: string): Endpoint | null {
    return this.endpoints().find((each) => each.name === name) ?? null
  }

  tell(event: IssuanceEvent): void {
    this.#parts.onEvent(event)
  }

  /** A fault of our own at one CA is told, and no reason to keep the others from an order. */
  saidBy(ca: string, order: string, error: unknown, fault: IssuerFault = 'unavailable'): IssuerError {
    if (error instanceof IssuerError) return error
    this.tell({ kind: 'fault', order, error })
    return new IssuerError(ca, fault, `acmetap failed at CA "${ca}" for a reason of its own`)
  }

  /** Of a new order. */
  remember(order: string, label: string | null): OrderMemory {
    const memory: OrderMemory = {
      label,
      authorized: null,
      maybeSent: false,
      isUnknown: false,
      said: new Map(),
      round: new Set(),
      final: new Set(),
      waits: 0,
      wrongSince: null,
      uncertainSince: null,
    }
    this.#memories.set(order, memory)
    return memory
  }

  async memory(order: BrokerOrder): Promise<OrderMemory> {
    const known = this.#memories.get(order.id)
    if (known !== undefined) return known
    const account = await this.store.account(order.endpoint, order.account)
    const memory = this.remember(order.id, account?.label ?? null)
    const { ca, reference } = order.upstream
    memory.maybeSent = order.status === 'processing' && !this.unsent.has(`${ca} ${reference}`)
    memory.isUnknown = memory.maybeSent
    return memory
  }

  forget(order: string): void {
    this.#memories.delete(order)
  }

  tenantOf(order: Pick<BrokerOrder, 'endpoint'>, label: string | null): string | null {
    return this.endpoint(order.endpoint)?.accounts === 'per_tenant' ? label : null
  }

  /** Nobody wants it there any more. What goes wrong is found at the next start. */
  abandon(order: string, ca: string, reference: string): void {
    const told = (error: unknown) => this.tell({ kind: 'fault', order, error })
    try {
      this.issuer(ca).abandon(reference).catch(told)
    } catch {
      // There is no such CA any more.
    }
  }

  now(): { readonly wall: number; readonly monotonic: number } {
    return this.clock.now()
  }
}
