import type { Diagnosis } from '../../audit/diagnosis/diagnosis.ts'
import type { HappeningOf } from '../../audit/inventory/happening.ts'
import type { Subject } from '../alert.ts'

type Failed = HappeningOf<'failed'>

/** Details of a diagnosis by which failures of many names are found to have one cause. */
const SHOWN = ['address', 'resolver', 'server', 'target', 'record', 'rcode', 'status', 'name'] as const

/** The cause, and where it comes from when the client did not ask for it. */
export function causeOf({ diagnosis, shownBy }: Pick<Failed, 'diagnosis' | 'shownBy'>): string {
  return shownBy === 'order'
    ? `${diagnosis.cause} The client never read the authorization: this comes from the state of the order.`
    : diagnosis.cause
}

export function detailsOf({ diagnosis, challengeType, shownBy }: Failed): Subject['details'] {
  const { details } = diagnosis
  const shown: Record<string, string> = { class: diagnosis.class, shownBy }
  if (challengeType !== null) shown.challenge = challengeType
  for (const name of SHOWN) if (Object.hasOwn(details, name)) shown[name] = details[name]!
  return shown
}

export function diagnosed({ remedy, fixer }: Diagnosis): Pick<Diagnosis, 'remedy' | 'fixer'> {
  return { remedy, fixer }
}
