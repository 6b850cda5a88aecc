import type { CelCondition } from '../cel.ts'
import type { PolicyFacts } from '../facts.ts'
import { ANYTHING, ELSEWHERE, FALSE, OPEN, POSSIBLE, type Possible, TRUE, UNKNOWN } from '../possible.ts'
import { COST, notHere, type Part, part, type Slots } from './condition.ts'

/** What an expression can't tell before webhooks have answered is open, as they are. */
export function cel(slots: Slots, text: string, { perName, webhooks, test }: CelCondition): Part {
  return part(slots, {
    text: `cel: ${text.replace(/\s+/g, ' ').trim()}`,
    perName,
    cost: webhooks.length > 0 ? COST.webhook : COST.expression,
    judge({ facts }, name) {
      if (perName && name === 'unreadable') return UNKNOWN
      const truth = test(facts, name === 'unreadable' ? null : name)
      const isMissing =
        truth !== 'true' && truth !== 'false' && webhooks.some((one) => !isAnswered(one, facts))
      return isMissing ? (webhookElsewhere(facts) ?? OPEN) : POSSIBLE[truth]
    },
  })
}

/** Open until it was asked; unknown where no answer came. */
export function webhook(slots: Slots, webhookName: string): Part {
  return part(slots, {
    text: `webhook: ${webhookName}`,
    perName: false,
    cost: COST.webhook,
    possibleAt: (operation) => notHere('webhook', operation) ?? ANYTHING,
    judge({ facts }) {
      const elsewhere = webhookElsewhere(facts)
      if (elsewhere !== null) return elsewhere
      if (!isAnswered(webhookName, facts)) return OPEN
      const { allow } = facts.webhooks[webhookName]!
      if (allow === null) return UNKNOWN
      return allow ? TRUE : FALSE
    },
  })
}

function isAnswered(webhookName: string, { webhooks }: PolicyFacts): boolean {
  return Object.hasOwn(webhooks, webhookName)
}

/** Null: it is asked here. RFC 8555 §6.3: without a payload an account is only read, as objects of an order are. */
function webhookElsewhere(facts: PolicyFacts): Possible | null {
  if (facts.operation === 'account' && facts.asked === null) return ELSEWHERE
  return notHere('webhook', facts.operation)
}
