import type { RuleDocument } from './document.ts'
import type { MessageValues } from './policy.ts'

/** What a rule without a message of its own says. */
export function usualWords({ name, effect, owner }: Pick<RuleDocument, 'name' | 'effect' | 'owner'>) {
  const says = effect === 'deny' ? 'denies' : effect === 'warn' ? 'warns of' : 'allows'
  const ask = owner === null ? '' : `; ask ${owner}`
  return (values: MessageValues) => `rule ${name} ${says} ${askedFor(values)}${ask}`
}

/** The name that is judged, or the request where it names none. */
export function askedFor({ name, operation }: MessageValues): string {
  return name === undefined || name === '-' ? `this ${operation} request` : name
}
