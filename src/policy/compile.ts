import { setImmediate as nextTurn } from 'node:timers/promises'
import { compileCondition, Workshop } from './compile-condition.ts'
import { COST } from './conditions/condition.ts'
import { messageTemplate } from './document/message-template.ts'
import type { PolicyDocument, RuleDocument } from './document.ts'
import { Rooms } from './judging.ts'
import { needsOf, webhooksOf } from './needs.ts'
import { PatternSets } from './pattern-sets.ts'
import type { Policy, Rule } from './policy.ts'
import { RuleFinder } from './rule-finder.ts'
import { messageFor, usualWords } from './usual-words.ts'

/**
 * Makes a document decide. `digest`: SHA-256 (hex) of what it was made from. Rejects with a TypeError for what the
 * reader of documents refuses.
 */
export async function compilePolicy(document: PolicyDocument, digest: string): Promise<Policy> {
  const sets = await PatternSets.of(document)
  const workshop = new Workshop(sets)
  const rules: Rule[] = []
  for (const [index, rule] of document.rules.entries()) {
    if (index % AT_ONCE === AT_ONCE - 1) await nextTurn()
    rules.push(compileRule(rule, index, document, workshop))
  }
  return {
    document,
    digest,
    rules,
    needs: needsOf(document, workshop.cel),
    slots: workshop.slots.count,
    rooms: new Rooms(workshop.slots.count),
    finder: await RuleFinder.of(document, rules, sets),
  }
}

/** Rules compiled before others get their turn. */
const AT_ONCE = 20

function compileRule(rule: RuleDocument, index: number, policy: PolicyDocument, workshop: Workshop): Rule {
  const { name, effect, mode, link, owner, expires, unknown, problem } = rule
  const when = compileCondition(rule.when, effect === 'allow' ? 'cover' : 'touch', workshop)
  const message = messageFor(rule, policy)
  const itsMode = mode ?? policy.mode
  return {
    index,
    name,
    effect,
    mode: itsMode,
    acts: effect === 'warn' || itsMode !== 'observe',
    when,
    first: when.perName ? when.first : when.cost === COST.request ? when : null,
    message: message === null ? usualWords(rule) : messageTemplate(message),
    link,
    owner,
    expires,
    unknown: unknown ?? (effect === 'allow' ? 'skip' : 'match'),
    problem,
    webhooks: webhooksOf(rule.when, workshop.cel),
  }
}
