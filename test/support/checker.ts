/**
 * Compares three accounts of one run: the CA's log, what clients were answered, and the record. It reads the
 * record's facts and checks the chain by itself, so that a fault in our own verification would show. The record may
 * be of several instances: each has a chain of its own, and every exchange is in one of them.
 */
import { createHash } from 'node:crypto'
import type { StoredFact, StoredIntent, StoredOutcome } from '../../src/audit/record-store.ts'
import type { RequestEntry } from './test-ca/ca-log.ts'

/** What a client got, whole. */
export interface ReceivedAnswer {
  readonly status: number
  readonly digest: string
  /** The value of `Acmetap-Exchange`; null where acmetap could not begin a record. */
  readonly exchange: string | null
}

export interface FactReader {
  facts(from: number, limit: number): Promise<readonly StoredFact[]>
}

export interface CheckReport {
  readonly facts: number
  readonly exchanges: number
  readonly caRequests: number
  readonly answers: number
  /** Outcomes by kind. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly spilled: number
  /** Exchanges still running: none after a stop. */
  readonly open: number
  /** What must not be, in words; at most 50 are kept. */
  readonly violations: readonly string[]
  readonly violationCount: number
}

interface Exchange {
  readonly intent: StoredIntent
  outcome: StoredOutcome | null
}

/** Wall clocks of two processes on one machine agree to this, µs. */
const CLOCK_TOLERANCE = 10_000
const KEPT = 50

/**
 * @param requests what the CA received, in order. @param answers what clients received, in any order.
 * @param readers of the record of each instance.
 */
export async function checkRecord(
  requests: readonly RequestEntry[],
  answers: readonly ReceivedAnswer[],
  ...readers: readonly FactReader[]
): Promise<CheckReport> {
  const violations: string[] = []
  let violationCount = 0
  const violated = (text: string) => {
    violationCount++
    if (violations.length < KEPT) violations.push(text)
  }
  const { exchanges, facts } = await readRecords(readers, violated)
  checkRequests(requests, exchanges, violated)
  checkAnswers(answers, exchanges, violated)

  const outcomes: Record<string, number> = {}
  let open = 0
  let spilled = 0
  for (const { outcome } of exchanges.values()) {
    if (!outcome) {
      open++
      continue
    }
    outcomes[outcome.outcome] = (outcomes[outcome.outcome] ?? 0) + 1
    if (outcome.spilled) spilled++
  }
  return {
    facts,
    exchanges: exchanges.size,
    caRequests: requests.length,
    answers: answers.length,
    outcomes,
    spilled,
    open,
    violations,
    violationCount,
  }
}

/** The exchanges of all records, those of several in the order in which they were received. */
async function readRecords(readers: readonly FactReader[], violated: (text: string) => void) {
  const merged = new Map<string, Exchange>()
  let facts = 0
  for (const reader of readers) {
    const record = await readExchanges(reader, violated)
    facts += record.facts
    for (const [id, exchange] of record.exchanges) {
      if (merged.has(id)) violated(`${id}: in two records`)
      else merged.set(id, exchange)
    }
  }
  if (readers.length < 2) return { exchanges: merged, facts }
  const byTime = [...merged].sort(([, a], [, b]) => a.intent.at - b.intent.at)
  return { exchanges: new Map(byTime), facts }
}

/** Sequence contiguous from 1, every digest right, every fact naming the one before, one intent and one outcome each. */
async function readExchanges(reader: FactReader, violated: (text: string) => void) {
  const exchanges = new Map<string, Exchange>()
  let previous = '0'.repeat(64)
  let facts = 0
  for (;;) {
    const page = await reader.facts(facts + 1, 2000)
    if (page.length === 0) return { exchanges, facts }
    for (const { sequence, text, digest } of page) {
      facts++
      const fact = JSON.parse(text) as StoredIntent | StoredOutcome
      if (sequence !== facts || fact.sequence !== facts) violated(`sequence ${sequence} at place ${facts}`)
      if (createHash('sha256').update(text).digest('hex') !== digest) violated(`fact ${sequence}: digest`)
      if (fact.previous !== previous) violated(`fact ${sequence}: does not name the fact before it`)
      previous = digest
      if (fact.kind === 'event') continue
      if (fact.kind === 'intent') {
        if (exchanges.has(fact.exchange)) violated(`${fact.exchange}: two intents`)
        exchanges.set(fact.exchange, { intent: fact as StoredIntent, outcome: null })
        continue
      }
      const exchange = exchanges.get(fact.exchange)
      if (!exchange) violated(`${fact.exchange}: an outcome without an intent before it`)
      else if (exchange.outcome) violated(`${fact.exchange}: two outcomes`)
      else exchange.outcome = fact as StoredOutcome
    }
  }
}

/** Each request the CA got has an intent of its own: same method, target, Host and bytes, and earlier. */
function checkRequests(
  requests: readonly RequestEntry[],
  exchanges: ReadonlyMap<string, Exchange>,
  violated: (text: string) => void,
): void {
  const intents = new Map<string, StoredIntent[]>()
  const neverSent = new Set<string>()
  const taken = new Map<string, number>()
  for (const { intent, outcome } of exchanges.values()) {
    const { method, target, authority, digest } = intent.request
    const key = `${method} ${target} ${authority} ${digest}`
    // A second attempt with the same bytes may have been refused while the first was sent.
    if (outcome && wasNotSent(outcome)) neverSent.add(key)
    else {
      const alike = intents.get(key)
      if (alike) alike.push(intent)
      else intents.set(key, [intent])
    }
  }
  for (const { order, method, target, host, digest, at } of requests) {
    if (digest === null) {
      const prefix = `${method} ${target} ${host} `
      if (![...intents.keys()].some((key) => key.startsWith(prefix)))
        violated(`CA request ${order}: no intent`)
      continue
    }
    const key = `${method} ${target} ${host} ${digest}`
    const alike = intents.get(key)
    const place = taken.get(key) ?? 0
    taken.set(key, place + 1)
    const intent = alike?.[place]
    if (intent === undefined) {
      const why = neverSent.has(key) ? 'the record says it was never sent' : 'no intent'
      violated(`CA request ${order} ${method} ${target}: ${why}`)
    } else if (intent.at > at + CLOCK_TOLERANCE) {
      violated(`CA request ${order} ${method} ${target}: its intent is later`)
    }
  }
}

/** Refused, given up, or answered with what another request had brought. */
function wasNotSent({ outcome, source }: StoredOutcome): boolean {
  return outcome === 'refused' || outcome === 'notSent' || source === 'cache' || source === 'shared'
}

/** Each answer a client got is an outcome, with the same status and bytes. Only a 503 may lack an exchange. */
function checkAnswers(
  answers: readonly ReceivedAnswer[],
  exchanges: ReadonlyMap<string, Exchange>,
  violated: (text: string) => void,
): void {
  for (const { exchange, status, digest } of answers) {
    const recorded = exchange === null ? undefined : exchanges.get(exchange)
    if (!recorded) {
      if (status !== 503) violated(`answer ${status} of exchange ${exchange}: not in the record`)
      continue
    }
    const { outcome } = recorded
    if (!outcome) violated(`answer ${status} of ${exchange}: no outcome`)
    else if (outcome.outcome === 'unknown')
      violated(`answer ${status} of ${exchange}: the record says unknown`)
    else if (outcome.outcome === 'notSent') {
      if (status !== 503) violated(`answer ${status} of ${exchange}: the record says it was not sent`)
    } else if (outcome.status !== status)
      violated(`answer ${status} of ${exchange}: recorded as ${outcome.status}`)
    else if (outcome.body?.digest && outcome.body.digest !== digest)
      violated(`answer of ${exchange}: other bytes`)
  }
}
