import type { PolicyDocument, RuleDocument } from './document.ts'
import type { MessageValues } from './policy.ts'

/** What was written for those whom a rule stops: its own message, else, where it denies, the policy's. Null for none. */
export function messageFor(
  { effect, message }: Pick<RuleDocument, 'effect' | 'message'>,
  policy: Pick<PolicyDocument, 'message'>,
): string | null {
  return message ?? (effect === 'deny' ? policy.message : null)
}

/** What a rule says where nobody wrote a message for it. */
export function usualWords({ name, effect, owner }: Pick<RuleDocument, 'name' | 'effect' | 'owner'>) {
  const says = effect === 'deny' ? 'denies' : effect === 'warn' ? 'warns of' : 'allows'
  const ask = owner === null ? '' : `; ask ${owner}`
  return (values: MessageValues) => `rule ${name} ${says} ${askedFor(values)}${ask}`
}

/** The name that is judged, or the request where it names none. */
export function askedFor({ name, operation }: MessageValues): string {
  return name === undefined || name === '-' ? `this ${operation} request` : name
}
