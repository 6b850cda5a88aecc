import type { PolicyFacts } from '../facts.ts'
import type { PolicyName } from '../names/policy-name.ts'
import { ELSEWHERE, FALSE, OPEN, POSSIBLE, TRUE, UNKNOWN } from '../possible.ts'
import type { Truth } from '../truth.ts'
import { COST, notHere, type Part, part, type Slots } from './condition.ts'

/** A compiled expression (policy/cel.ts). */
export interface Expression {
  test(facts: PolicyFacts, name: PolicyName | null): Truth
}

/** An expression that never says `name` is the same for all of them. */
export function cel(slots: Slots, text: string, expression: Expression): Part {
  const perName = /\bname\b/.test(text)
  return part(slots, {
    text: `cel: ${text.replace(/\s+/g, ' ')}`,
    perName,
    cost: COST.expression,
    judge({ facts }, name) {
      if (!perName) return POSSIBLE[expression.test(facts, null)]
      return name === 'unreadable' ? UNKNOWN : POSSIBLE[expression.test(facts, name)]
    },
  })
}

/** Open until it was asked; unknown where no answer came. */
export function webhook(slots: Slots, webhookName: string): Part {
  return part(slots, {
    text: `webhook: ${webhookName}`,
    perName: false,
    cost: COST.webhook,
    judge({ facts }) {
      const elsewhere = isRead(facts) ? ELSEWHERE : notHere('webhook', facts)
      if (elsewhere !== null) return elsewhere
      if (!Object.hasOwn(facts.webhooks, webhookName)) return OPEN
      const { allow } = facts.webhooks[webhookName]!
      if (allow === null) return UNKNOWN
      return allow ? TRUE : FALSE
    },
  })
}

/** RFC 8555 §6.3: without a payload an account is only read. */
function isRead({ operation, asked }: PolicyFacts): boolean {
  return operation === 'account' && asked === null
}
