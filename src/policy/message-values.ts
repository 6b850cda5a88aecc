import type { Identifier } from '../acme/identifier.ts'
import type { WebhookAnswer } from '../exchange/decision.ts'
import type { PolicyFacts } from './facts.ts'
import type { MessageValues, Rule } from './policy.ts'

/** What the placeholders of a message stand for; `-` where there is nothing. `record`: id of the exchange. */
export function messageValues(
  facts: PolicyFacts,
  identifier: Identifier | null,
  rule: { readonly name: string } & Partial<Rule>,
  link: string | null,
  record: string | null,
): MessageValues {
  const { client, identifiers = [] } = facts
  return {
    name: identifier?.value ?? NOTHING,
    // A hundred names may each have a message, and few messages hold this.
    get names() {
      return identifiers.map(({ value }) => value).join(', ') || NOTHING
    },
    rule: rule.name,
    client: client.label ?? client.account ?? client.address ?? NOTHING,
    account: client.account ?? NOTHING,
    ca: facts.ca,
    mode: facts.mode,
    operation: facts.operation,
    owner: rule.owner ?? NOTHING,
    link: rule.link ?? link ?? NOTHING,
    expires: rule.expires ? new Date(rule.expires).toISOString() : NOTHING,
    count: String(identifiers.length),
    reason: reasonOf(facts, rule.webhooks ?? []),
    record: record ?? NOTHING,
  }
}

const NOTHING = '-'

function reasonOf({ webhooks }: PolicyFacts, asked: readonly string[]): string {
  if (asked.length === 0) return NOTHING
  const reasons = asked
    .filter((name) => Object.hasOwn(webhooks, name))
    .map((name) => reasonTold(name, webhooks[name]!))
    .filter((reason) => reason !== null)
  return reasons.join('; ') || NOTHING
}

/** Why a webhook gave no answer tells of the network behind it: that is for operators, and in the record. */
function reasonTold(name: string, { allow, reason }: WebhookAnswer): string | null {
  return allow === null ? `${name} gave no answer` : reason
}
