import { compileCondition, Workshop } from './compile-condition.ts'
import { COST } from './conditions/condition.ts'
import { messageTemplate } from './document/message-template.ts'
import type { PolicyDocument, RuleDocument } from './document.ts'
import { needsOf, webhooksOf } from './needs.ts'
import { PatternSets } from './pattern-sets.ts'
import type { Policy, Rule } from './policy.ts'
import { requiredNames } from './required-names.ts'
import { RulesByName } from './rules-by-name.ts'
import { usualWords } from './usual-words.ts'

/**
 * Makes a document decide. `digest`: SHA-256 (hex) of what it was made from. Rejects with a TypeError for what the
 * reader of documents refuses.
 */
export async function compilePolicy(document: PolicyDocument, digest: string): Promise<Policy> {
  const sets = await PatternSets.of(document)
  const workshop = new Workshop(sets)
  const rules = document.rules.map((rule, index) => compileRule(rule, index, document, workshop))
  const required = document.rules.map(({ when }) => requiredNames(when, sets))
  const byName = new RulesByName(required, (patterns) => sets.setOf(patterns))
  return {
    document,
    digest,
    rules,
    needs: needsOf(document, workshop.cel),
    slots: workshop.slots.count,
    rulesFor: (name) => byName.of(name),
  }
}

function compileRule(rule: RuleDocument, index: number, policy: PolicyDocument, workshop: Workshop): Rule {
  const { name, effect, mode, message, link, owner, expires, unknown, problem } = rule
  const when = compileCondition(rule.when, effect === 'allow' ? 'cover' : 'touch', workshop)
  return {
    index,
    name,
    effect,
    mode: mode ?? policy.mode,
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
