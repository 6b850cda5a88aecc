import { setImmediate } from 'node:timers/promises'
import type { OrderDetail, Step } from '../../../../audit/inventory/order.ts'
import { exchangeComplaint, objectDiagnosis } from '../../../../audit/inventory/project/failure.ts'
import { identifiersOfExchange, operationOf } from '../../../../audit/inventory/project/seen.ts'
import { instantOf } from '../../../../audit/inventory/values.ts'
import type { RecordedExchange } from '../../../../audit/record-store.ts'
import { challengeOf } from './challenges.ts'
import type { Reading } from './common.ts'
import { ExchangeFacts } from './exchange-facts.ts'
import { instantOrNull, orderOf } from './orders.ts'
import type { AuthorizationRow, ChallengeRow, OrderRow } from './rows.ts'

type OrderAuthorization = OrderDetail['authorizations'][number]

const MOST_STEPS = 1_000
const MOST_AUTHORIZATIONS = 1_000
/** Other orders that share an authorization: those in which it may have been validated. */
const MOST_SHARING = 20
const STEPS_AT_ONCE = 50

const OBJECT_ID = /^[0-9a-f]{16}$/

/** An order by its id or its URL, with what it needed and every step that was taken; null when there is none. */
export async function orderDetail(reading: Reading, given: string): Promise<OrderDetail | null> {
  const column = OBJECT_ID.test(given) ? 'key' : 'url'
  const row = reading.inventory.get<OrderRow>(
    `select * from orders where ${column} = ? order by first_sequence desc limit 1`,
    given,
  )
  if (row === undefined) return null
  const rows = authorizationRows(reading, row.id)
  const authorizations = rows.map((authorization) => authorizationOf(reading, authorization))
  return {
    ...orderOf(reading, row),
    authorizations,
    timeline: await timeline(reading, row.id, rows, authorizations),
  }
}

type NamedAuthorization = AuthorizationRow & { readonly reused: number }

function authorizationRows({ inventory }: Reading, order: number): NamedAuthorization[] {
  return inventory.all(
    `select z.*, oa.reused from order_authorizations as oa join authorizations as z on z.id = oa.authorization
     where oa.order_id = ? order by oa.authorization limit ?`,
    order,
    MOST_AUTHORIZATIONS,
  )
}

function authorizationOf(reading: Reading, row: NamedAuthorization): OrderAuthorization {
  const { inventory, vocabulary } = reading
  const identifier =
    row.name === null
      ? undefined
      : inventory.get<{ type: number; value: string }>('select type, value from names where id = ?', row.name)
  const challenges = inventory.all<ChallengeRow>(
    'select * from challenges where authorization = ? order by id limit 100',
    row.id,
  )
  return {
    id: row.key,
    url: row.url,
    identifier: identifier ? { type: vocabulary.word(identifier.type), value: identifier.value } : null,
    wildcard: row.wildcard === 1,
    status: row.status,
    expires: instantOrNull(row.expires),
    reused: row.reused === 1,
    challenges: challenges.map((challenge) => challengeOf(reading, challenge)),
  }
}

interface Ended {
  readonly sequence: number
  readonly ended: number | null
}

/** The order's own exchanges, and those of its authorizations that count for another order. Oldest first. */
async function timeline(
  reading: Reading,
  order: number,
  rows: readonly AuthorizationRow[],
  authorizations: readonly OrderAuthorization[],
): Promise<Step[]> {
  const { inventory, record, personal } = reading
  const facts = new ExchangeFacts(record, personal)
  const urls = new Set(authorizations.map(({ url }) => url))
  const types = new Map(
    authorizations.flatMap(({ challenges }) => challenges.map(({ url, type }) => [url, type] as const)),
  )
  const own = inventory.all<Ended>(
    'select sequence, ended from exchanges where order_id = ? order by sequence limit ?',
    order,
    MOST_STEPS,
  )
  const steps: (Step & { readonly sequence: number })[] = []
  const candidates = [
    ...own.map((row) => ({ ...row, isOwn: true })),
    ...sharedWith(reading, order, rows).map((row) => ({ ...row, isOwn: false })),
  ]
  for (const [index, { sequence, ended, isOwn }] of candidates.entries()) {
    if (index > 0 && index % STEPS_AT_ONCE === 0) await setImmediate()
    const exchange = facts.exchange(sequence, ended)
    if (exchange === null || (!isOwn && !isAbout(exchange, urls, types))) continue
    steps.push({ sequence, ...stepOf(exchange, types) })
  }
  return steps
    .sort((a, b) => a.sequence - b.sequence)
    .slice(0, MOST_STEPS)
    .map(({ sequence: _, ...step }) => step)
}

function sharedWith(
  { inventory, vocabulary }: Reading,
  order: number,
  rows: readonly AuthorizationRow[],
): Ended[] {
  const orders = new Set<number>()
  for (const { id, valid_sequence } of rows) {
    const judged =
      valid_sequence === null
        ? undefined
        : inventory.get<{ order_id: number | null }>(
            'select order_id from exchanges where sequence = ?',
            valid_sequence,
          )
    if (judged?.order_id != null) orders.add(judged.order_id)
    for (const sharing of inventory.all<{ order_id: number }>(
      'select order_id from order_authorizations indexed by order_authorizations_authorization where authorization = ? order by order_id limit ?',
      id,
      MOST_SHARING,
    ))
      orders.add(sharing.order_id)
  }
  orders.delete(order)
  const operations = ['authorization', 'challenge'].map((word) => vocabulary.id(word) ?? 0)
  return [...orders]
    .slice(0, MOST_SHARING)
    .flatMap((other) =>
      inventory.all<Ended>(
        'select sequence, ended from exchanges where order_id = ? and operation in (?, ?) order by sequence limit ?',
        other,
        ...operations,
        MOST_STEPS / MOST_SHARING,
      ),
    )
}

function isAbout(
  { intent, outcome }: RecordedExchange,
  urls: ReadonlySet<string>,
  challenges: ReadonlyMap<string, unknown>,
): boolean {
  const authorization = outcome?.authorization ?? intent.authorization
  const challenge = outcome?.challenge ?? intent.challenge
  return (
    (authorization !== null && urls.has(authorization)) || (challenge !== null && challenges.has(challenge))
  )
}

function stepOf(exchange: RecordedExchange, types: ReadonlyMap<string, string | null>): Step {
  const { id, intent, outcome } = exchange
  const challenge = outcome?.challenge ?? intent.challenge
  const challengeType = (challenge === null ? null : types.get(challenge)) ?? null
  const whole = outcome && { intent, outcome }
  const names = (whole ? identifiersOfExchange(whole) : intent.identifiers).map(({ value }) => value)
  const problem = outcome?.problem ?? outcome?.objectError ?? null
  return {
    exchange: id,
    at: instantOf(intent.at),
    operation: whole ? operationOf(whole) : intent.operation,
    about: names,
    challengeType,
    outcome: outcome?.outcome ?? null,
    status: outcome?.status ?? null,
    objectStatus: outcome?.objectStatus ?? null,
    problem: problem && { type: problem.type, detail: problem.detail },
    diagnosis:
      whole &&
      (exchangeComplaint(whole)?.diagnosis ??
        (outcome.objectError
          ? objectDiagnosis(whole, outcome.objectError, challengeType, names[0] ?? null)
          : null)),
    duration: outcome?.durationTotal == null ? null : outcome.durationTotal / 1e6,
  }
}
