import type { ConditionDocument, PolicyDocument } from './document.ts'
import { type HistoryQuestion, questionText } from './history.ts'
import type { Needs } from './policy.ts'

/** What has to be looked up for the conditions of these rules. An expression may read anything. */
export function needsOf({ rules }: PolicyDocument): Needs {
  const conditions = rules.flatMap(({ when }) => everyCondition(when))
  const some = (test: (condition: ConditionDocument) => boolean) => conditions.some(test)
  const reads = (text: RegExp) => some(({ cel }) => cel !== undefined && text.test(cel))
  const questions = conditions.flatMap(questionsOf)
  return {
    account:
      some(({ client }) => client?.contact !== undefined || client?.external_account !== undefined) ||
      reads(/\b(?:contacts?|external_account)\b/),
    order:
      some(({ profile, validity, replaces }) => (profile ?? validity ?? replaces) !== undefined) ||
      reads(/\b(?:profile|validity|replaces)\b/),
    history: [...new Map(questions.map((question) => [questionText(question), question])).values()],
    keyUses: some(({ key }) => key?.reused !== undefined) || reads(/\breused\b/),
    accountKey: some(({ key }) => key?.account_key !== undefined) || reads(/\baccount_key\b/),
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
