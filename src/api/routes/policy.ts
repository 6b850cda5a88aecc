import { z } from 'zod'
import { StoreUnavailable } from '../../audit/record-store.ts'
import { ConfigError } from '../../config/config-error.ts'
import type { ReplayEvent } from '../../policy/replay-report.ts'
import { exchangeExample } from '../examples.ts'
import { OperationRefused } from '../operations.ts'
import {
  bundleExample,
  casesExample,
  checkExample,
  explanationExample,
  policyExample,
  recordedExplanationExample,
  replayTextExample,
  testReportExample,
} from '../policy-examples.ts'
import { Content, type Route, route } from '../route.ts'
import {
  checkWanted,
  explainRecordedWanted,
  explainWanted,
  explanation,
  POLICY_BODY_LIMIT,
  policyCheck,
  policyInForce,
  replayWanted,
  testReport,
  testWanted,
} from '../schemas/policy.ts'
import { found } from './found.ts'

const id = z.string().min(1).max(64).meta({ description: 'Of the exchange.', example: exchangeExample.id })
const NO_EXCHANGE = 'there is no exchange with this id'

/**
 * Whoever brings a policy costs the server its reading: that is for operators, and a few at once, as exports are. The
 * policy in force and what it made of a recorded request are part of what viewers see.
 */
export const policyRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/policy',
    id: 'getPolicy',
    tag: 'policy',
    summary: 'The policy in force: its rules in their order, as they decide',
    role: 'viewer',
    answer: policyInForce,
    example: policyExample,
    refuses: [404],
    handle: async ({ policies }) => found(await policies.inForce(), 'no policy is configured'),
  }),
  route({
    method: 'POST',
    path: '/policy/check',
    id: 'checkPolicy',
    tag: 'policy',
    summary: 'What a start or a reload would say of a policy, and what is odd about it',
    role: 'operator',
    bodyLimit: POLICY_BODY_LIMIT,
    body: checkWanted,
    bodyExample: { policy: bundleExample },
    answer: policyCheck,
    example: checkExample,
    refuses: [429],
    async handle({ policies }, { body, takePlace }) {
      takePlace('exports')
      return policies.check(body.policy)
    },
  }),
  route({
    method: 'POST',
    path: '/policy/explain',
    id: 'explainPolicy',
    tag: 'policy',
    summary: 'How a request would be decided that nobody made: every rule, every condition, per name',
    description:
      'By the policy in force, or by a candidate. Nothing is sent to a CA, and no webhook is asked: what a webhook decides is unknown here.',
    role: 'operator',
    bodyLimit: POLICY_BODY_LIMIT,
    body: explainWanted,
    bodyExample: {
      request: { names: ['pay.example.com'], ca: 'letsencrypt', client: { address: '192.0.2.7' } },
      policy: bundleExample,
    },
    answer: explanation,
    example: explanationExample,
    refuses: [409, 429],
    async handle({ policies }, { body, takePlace }) {
      takePlace('exports')
      return policies.explain(body.request, body.policy ?? null).catch(refusedPolicy)
    },
  }),
  route({
    method: 'GET',
    path: '/exchanges/{id}/explanation',
    id: 'explainExchange',
    tag: 'policy',
    summary: 'How a recorded request was decided, by the policy and the facts of that time',
    role: 'viewer',
    noted: 'explanation',
    params: z.strictObject({ id }),
    answer: explanation,
    example: recordedExplanationExample,
    refuses: [404, 409, 429],
    // The policy of that time may have to be read again, with all its lists.
    async handle({ policies }, { params, takePlace }) {
      takePlace('exports')
      return found(await policies.explainRecorded(params.id, null), NO_EXCHANGE)
    },
  }),
  route({
    method: 'POST',
    path: '/exchanges/{id}/explanation',
    id: 'explainExchangeBy',
    tag: 'policy',
    summary: 'How a candidate would have decided a recorded request, by the facts of that time',
    role: 'operator',
    noted: 'explanation',
    bodyLimit: POLICY_BODY_LIMIT,
    params: z.strictObject({ id }),
    body: explainRecordedWanted,
    bodyExample: { policy: bundleExample },
    answer: explanation,
    example: recordedExplanationExample,
    refuses: [404, 409, 429],
    async handle({ policies }, { params, body, takePlace }) {
      takePlace('exports')
      return found(await policies.explainRecorded(params.id, body.policy).catch(refusedPolicy), NO_EXCHANGE)
    },
  }),
  route({
    method: 'POST',
    path: '/policy/test',
    id: 'testPolicy',
    tag: 'policy',
    summary: 'Run the test cases of a policy',
    role: 'operator',
    bodyLimit: POLICY_BODY_LIMIT,
    body: testWanted,
    bodyExample: { policy: bundleExample, cases: [casesExample] },
    answer: testReport,
    example: testReportExample,
    refuses: [429],
    async handle({ policies }, { body, takePlace }) {
      takePlace('exports')
      return policies.test(body.policy, body.cases).catch(refusedPolicy)
    },
  }),
  route({
    method: 'POST',
    path: '/policy/replay',
    id: 'replayPolicy',
    tag: 'policy',
    summary: 'The recorded history decided again by a candidate: what would change, for whom, by which rule',
    description:
      'One JSON object a line: `progress` now and then, at the end `report`, or `failed` with a detail. Hang up to end it early.',
    role: 'operator',
    noted: 'replay',
    bodyLimit: POLICY_BODY_LIMIT,
    body: replayWanted,
    bodyExample: { policy: bundleExample, since: '30d' },
    answer: { 'application/x-ndjson': { schema: z.string(), example: replayTextExample } },
    refuses: [429],
    async handle({ policies }, { body, ended, takePlace }) {
      takePlace('exports')
      const { policy, since, until } = body
      const range = { since: since / 1000, until: until === undefined ? null : until / 1000 }
      if (range.until !== null && range.until <= range.since)
        throw new OperationRefused('until: must be later than since')
      const events = policies.replay(policy, range, ended)[Symbol.asyncIterator]()
      // What is wrong with the candidate is known with the first event, and still has a status.
      const first = await events.next().catch(refusedPolicy)
      return new Content('application/x-ndjson; charset=utf-8', lines(events, first))
    },
  }),
]

async function* lines(
  events: AsyncIterator<ReplayEvent>,
  first: IteratorResult<ReplayEvent>,
): AsyncGenerator<string> {
  try {
    for (let next = first; next.done !== true; next = await events.next()) {
      yield `${JSON.stringify(next.value)}\n`
    }
  } catch (error) {
    if (!(error instanceof OperationRefused || error instanceof StoreUnavailable)) throw error
    yield `${JSON.stringify({ kind: 'failed', detail: error.message })}\n`
  } finally {
    await events.return?.()
  }
}

/** Problems of a policy are the caller's to mend: the first of them tell where to look, the check tells all. */
const TOLD = 5
function refusedPolicy(error: unknown): never {
  if (!(error instanceof ConfigError)) throw error
  const { problems } = error
  const told = problems.slice(0, TOLD).map(({ file, line, column, path, message, instead }) => {
    const place = `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}`
    return `${place}${message}${instead === null ? '' : `. ${instead}`}`
  })
  const more = problems.length > TOLD ? ` (and ${problems.length - TOLD} more)` : ''
  throw new OperationRefused(`${told.join('; ')}${more}`)
}
