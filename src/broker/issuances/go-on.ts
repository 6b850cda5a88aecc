import { setTimeout as sleep } from 'node:timers/promises'
import { AcmeProblem } from '../../acme/problem.ts'
import { IssuerError } from '../issuer.ts'
import type { BrokerOrder } from '../objects.ts'
import { problemOfIssuer } from '../problem-answer.ts'
import type { IssuingStep } from '../routing/circuit.ts'
import { endOrder, hasEnded } from './change-order.ts'
import { keepCertificate, rightLeaf } from './keep-certificate.ts'
import { moveOrder, note } from './move-order.ts'
import type { OpenOrders, OrderMemory } from './open-orders.ts'
import { firstOf } from './place-order.ts'

/**
 * An order from where it stands to where nothing more can be done without its client: authorized at a CA, valid or invalid.
 * What one CA refuses goes to the next, but never after a finalize whose fate is not known. Rejects only for faults of our
 * own that may pass: then it is to be gone on with later.
 */
export async function goOn(open: OpenOrders, order: BrokerOrder, signal: AbortSignal): Promise<BrokerOrder> {
  if (hasEnded(order)) return order
  const memory = await open.memory(order)
  for (let at = order; ; ) {
    if (hasEnded(at) || at.status === 'pending' || signal.aborted) return at
    if (at.status === 'ready' && at.expiresAt <= open.now().wall) return endOrder(open, at, expired())
    try {
      return await advance(open, at, memory, signal)
    } catch (error) {
      if (signal.aborted) return at
      if (!(error instanceof IssuerError)) throw error
      at = await cope(open, at, memory, error, signal)
    }
  }
}

async function advance(
  open: OpenOrders,
  order: BrokerOrder,
  memory: OrderMemory,
  signal: AbortSignal,
): Promise<BrokerOrder> {
  const { ca, reference } = order.upstream
  // Where finalize may have been sent, a drill must not send the order elsewhere.
  if (!memory.maybeSent) open.drill.check(ca, memory.label)
  if (memory.authorized !== reference) {
    await open.failPoint('order.authorized', 'before')
    await asked(open, order, memory, 'authorize', () => open.issuer(ca).authorize(reference, signal))
    await open.failPoint('order.authorized', 'after')
    memory.authorized = reference
  }
  if (order.status === 'ready') {
    isWell(memory)
    return order
  }
  memory.maybeSent = true
  const issued = await asked(open, order, memory, 'finalize', async () => {
    await open.failPoint('certificate.obtained', 'before')
    const found = await open.issuer(ca).finalize(reference, order.csr!, signal)
    await open.failPoint('certificate.obtained', 'after')
    return { found, leaf: rightLeaf(open, order, found) }
  })
  const valid = await keepCertificate(open, order, issued.found, issued.leaf)
  const took = valid.changedAt - order.changedAt
  open.tell({ kind: 'issued', order: order.id, endpoint: order.endpoint, ca, took })
  return valid
}

/** Tells how it ended to those who choose CAs. */
async function asked<T>(
  open: OpenOrders,
  order: BrokerOrder,
  memory: OrderMemory,
  step: IssuingStep,
  act: () => Promise<T>,
): Promise<T> {
  const { identifiers, upstream } = order
  const tenant = open.tenantOf(order, memory.label)
  const attempt = open.health.begin(upstream.ca, step, { identifiers, tenant })
  try {
    const result = await act()
    attempt.succeeded()
    return result
  } catch (error) {
    const said = open.saidBy(upstream.ca, order.id, error, step === 'finalize' ? 'uncertain' : 'unavailable')
    attempt.failed(said)
    throw said
  }
}

/** Another CA, a wait, or the end. Resolves with the order as it then stands. */
async function cope(
  open: OpenOrders,
  order: BrokerOrder,
  memory: OrderMemory,
  error: IssuerError,
  signal: AbortSignal,
): Promise<BrokerOrder> {
  const { ca } = order.upstream
  const { id, endpoint } = order
  open.tell({ kind: 'left', order: id, endpoint, ca, fault: error.fault, why: error.message })
  memory.isUnknown = isUnknown(error, memory)
  if (memory.isUnknown) {
    memory.said.set(ca, error)
    memory.uncertainSince ??= open.now().monotonic
    if (spent(open, memory.uncertainSince) > open.patience.uncertain) return end(open, order, memory)
    await wait(open, memory, error.retryAfter ?? 0, signal)
    return order
  }
  memory.uncertainSince = null
  memory.wrongSince ??= open.now().monotonic
  note(memory, error)
  for (;;) {
    const usable = order.upstream.candidates.filter((each) => !memory.final.has(each))
    const unasked = usable.filter((each) => each !== ca && !memory.round.has(each))
    const moved = await moveOrder(open, order, memory, error, unasked, signal)
    if (moved !== null) return moved
    const mayPass = usable.filter((each) => !memory.final.has(each))
    const pause = waitFor(memory, mayPass)
    if (mayPass.length === 0 || spent(open, memory.wrongSince) + pause * 1000 > open.patience.perseverance)
      return end(open, order, memory)
    await wait(open, memory, pause, signal)
    memory.round.clear()
    if (signal.aborted || !memory.final.has(ca)) return order
  }
}

/**
 * Whether nobody knows what became of its finalize. Once that is so, only what a CA says of the order itself ends it: it may
 * be out of reach, or not configured any more.
 */
function isUnknown({ fault }: IssuerError, { isUnknown: before, maybeSent }: OrderMemory): boolean {
  if (fault === 'refused' || fault === 'wrong') return false
  return before || fault === 'uncertain' || (maybeSent && fault === 'aborted')
}

/** ms. `since`: monotonic µs. */
function spent({ clock }: OpenOrders, since: number): number {
  return (clock.now().monotonic - since) / 1000
}

/** Seconds, as the CA that asks for the shortest wait has it; 0: no CA asks for one. */
function waitFor({ said }: OrderMemory, cas: readonly string[]): number {
  const asked = cas.map((ca) => said.get(ca)?.retryAfter ?? 0)
  return asked.length === 0 ? 0 : Math.min(...asked)
}

function isWell(memory: OrderMemory): void {
  memory.round.clear()
  memory.wrongSince = null
  memory.waits = 0
}

/** At least so many seconds, and longer each time. */
async function wait(
  { patience }: OpenOrders,
  memory: OrderMemory,
  least: number,
  signal: AbortSignal,
): Promise<void> {
  const step = Math.min(patience.again * 2 ** memory.waits++, patience.longest)
  await sleep(Math.max(step, Math.min(least * 1000, patience.longest)), undefined, { signal }).catch(
    () => undefined,
  )
}

/** The first CA's problem, whole. */
async function end(open: OpenOrders, order: BrokerOrder, { said }: OrderMemory): Promise<BrokerOrder> {
  const first = firstOf([...said.values()])
  return endOrder(open, order, problemOfIssuer(first, order.issuance).document)
}

export function expired() {
  return new AcmeProblem('malformed', 'the order expired before it was finalized').document()
}
