import { planId } from '../../api/schemas/engine.ts'
import { UsageError } from '../cli-error.ts'

/** Throws {@link UsageError}. */
export function planIdOf(text: string): string {
  if (planId.safeParse(text).success) return text
  throw new UsageError(`${JSON.stringify(text)} is no id of a plan; see acmetap reissue plans`)
}
