import { compileCel } from '../cel.ts'
import { compileRegExp } from '../regular-expression.ts'

/** What is wrong with a regular expression (RE2), on one line; null for a good one. */
export function regExpFault(text: string): string | null {
  const compiled = compileRegExp(text)
  return 'fault' in compiled ? compiled.fault : null
}

/** The same for an expression of the Common Expression Language. */
export function celFault(text: string): string | null {
  const compiled = compileCel(text)
  return 'fault' in compiled ? compiled.fault : null
}

/** Webhooks that an expression asks; none for one that is refused. */
export function celWebhooks(text: string): readonly string[] {
  const compiled = compileCel(text)
  return 'fault' in compiled ? [] : compiled.webhooks
}
