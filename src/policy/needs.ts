import type { CelCondition } from './cel.ts'
import type { ConditionDocument, PolicyDocument } from './document.ts'
import { type HistoryQuestion, questionText } from './history.ts'
import type { Needs } from './policy.ts'

/** What has to be looked up for the conditions of these rules. `cel`: gives an expression of theirs, compiled. */
export function needsOf({ rules }: PolicyDocument, cel: (text: string) => CelCondition): Needs {
  const conditions = rules.flatMap(({ when }) => everyCondition(when))
  const some = (test: (condition: ConditionDocument) => boolean) => conditions.some(test)
  const expressions = conditions.flatMap((one) => (one.cel === undefined ? [] : [cel(one.cel).needs]))
  const questions = conditions.flatMap(questionsOf)
  return {
    account:
      some(({ client }) => (client?.contact ?? client?.external_account) !== undefined) ||
      expressions.some(({ account }) => account),
    order:
      some(({ profile, validity, replaces }) => (profile ?? validity ?? replaces) !== undefined) ||
      expressions.some(({ order }) => order),
    history: [...new Map(questions.map((question) => [questionText(question), question])).values()],
    keyUses: some(({ key }) => key?.reused !== undefined),
    accountKey: some(({ key }) => key?.account_key !== undefined),
  }
}

function questionsOf({ orders, duplicates }: ConditionDocument): readonly HistoryQuestion[] {
  return [
    ...(orders === undefined ? [] : [{ kind: 'orders' as const, per: orders.per, within: orders.within }]),
    ...(duplicates === undefined ? [] : [{ kind: 'duplicates' as const, within: duplicates.within }]),
  ]
}

/** It and all that it is made of. */
export function everyCondition(condition: ConditionDocument): readonly ConditionDocument[] {
  const { all = [], any = [], not } = condition
  return [condition, ...[...all, ...any, ...(not === undefined ? [] : [not])].flatMap(everyCondition)]
}

/** Names of the webhooks that a condition reads, its expressions among it; each once. */
export function webhooksOf(
  condition: ConditionDocument,
  cel: (text: string) => CelCondition,
): readonly string[] {
  const named = everyCondition(condition).flatMap((one) => [
    ...(one.webhook === undefined ? [] : [one.webhook]),
    ...(one.cel === undefined ? [] : cel(one.cel).webhooks),
  ])
  return [...new Set(named)]
}
