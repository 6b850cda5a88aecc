import type { PolicyRead, WebhookAnswer } from '../exchange/decision.ts'
import { askedWhere } from './asked-where.ts'
import type { PolicyFacts } from './facts.ts'
import { questionText } from './history.ts'
import type { Policy } from './policy.ts'

const MOST_KEY_USES = 20
const MOST_NAMES = 100
/** UTF-16 code units of an answer's data as JSON. */
const LONGEST_DATA = 4000
const LONGEST_REASON = 500

/** What the conditions of this policy read of the world, at the operations where they ask. */
export function readOf({ needs, document }: Policy, facts: PolicyFacts): PolicyRead {
  const { operation, order, history, keyUses, accountKey, client } = facts
  const questions = askedWhere('budget', operation) === 'here' ? needs.history.map(questionText) : []
  const counts = questions.filter((question) => Object.hasOwn(history, question))
  const isFinalize = askedWhere('csr', operation) === 'here'
  const isLater = operation !== 'newOrder' && askedWhere('order', operation) === 'here'
  const answers = Object.entries(facts.webhooks).filter(([name]) => Object.hasOwn(document.webhooks, name))
  return {
    ...(counts.length > 0 && {
      history: Object.fromEntries(counts.map((question) => [question, history[question]!])),
    }),
    ...(needs.account && client.externalAccount !== undefined && { externalAccount: client.externalAccount }),
    ...(needs.keyUses && isFinalize && keyUses !== undefined && { keyUses: boundedUses(keyUses) }),
    ...(needs.accountKey && isFinalize && accountKey !== undefined && { accountKey }),
    ...(needs.order && isLater && order && { order: orderOf(order) }),
    ...(answers.length > 0 && {
      webhooks: Object.fromEntries(answers.map(([name, answer]) => [name, boundedAnswer(answer)])),
    }),
  }
}

function orderOf({ profile, validity, replaces }: NonNullable<PolicyFacts['order']>) {
  return { profile, validity, replaces }
}

function boundedUses(uses: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return uses.slice(0, MOST_KEY_USES).map((names) => names.slice(0, MOST_NAMES))
}

function boundedAnswer({ allow, reason, data }: WebhookAnswer): WebhookAnswer {
  const isSmall = (JSON.stringify(data) ?? '').length <= LONGEST_DATA
  return { allow, reason: reason?.slice(0, LONGEST_REASON) ?? null, data: isSmall ? data : null }
}
