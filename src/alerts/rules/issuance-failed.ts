import type { DiagnosisClass } from '../../audit/diagnosis/classes.ts'
import { describe } from '../../audit/diagnosis/describe.ts'
import type { HappeningOf } from '../../audit/inventory/happening.ts'
import type { EventRule } from '../rule.ts'
import { causeOf, detailsOf, diagnosed } from './failure-text.ts'
import {
  keyOf,
  keyOfNames,
  NOTHING,
  occurred,
  overFor,
  resolved,
  saidOf,
  shownBy,
  subjectText,
} from './happened.ts'
import { DAY, MINUTE } from './time-text.ts'
import { tellerOf } from './told-by.ts'

const FORGOTTEN = 7 * DAY
/** More refused nonces of one client than tries that go on. As `refine` of the diagnosis has it. */
const STORM = 10
const STORM_WITHIN = 10 * MINUTE

/** What is wrong with the client or its account, whatever names it asks for. */
const OF_CLIENT: ReadonlySet<DiagnosisClass> = new Set([
  'nonce-storm',
  'external-account-required',
  'external-account-refused',
  'terms-not-agreed',
  'account-unknown',
  'account-inactive',
  'contact-refused',
  'bad-signature',
  'bad-key',
  'wrong-url',
])
/** What every client of the CA meets. */
const OF_CA: ReadonlySet<DiagnosisClass> = new Set(['ca-certificate', 'ca-answer'])

/**
 * A request on the way to a certificate failed for another reason than a validation, a limit, a pause or acmetap's own
 * refusal. One alert per CA, client, class and names; where the client, its account or the CA is what is wrong, one for
 * that.
 */
export const issuanceFailed: EventRule = {
  name: 'issuance-failed',
  kinds: ['failed', 'ordered', 'issued'],
  signals(happening, { rules }, look) {
    switch (happening.kind) {
      case 'failed': {
        if (tellerOf(happening) !== 'issuance-failed') return NOTHING
        const failed = asStorm(happening, (client, since) => look.refusedNonces(client, since))
        if (failed === null) return NOTHING
        const { ca, diagnosis, operation, shownBy: by } = failed
        return occurred(
          shownBy(failed, {
            rule: 'issuance-failed',
            key: keyFor(failed),
            severity: rules['issuance-failed'].severity,
            group: ca ?? '',
            title: `${subjectText(failed)}: ${by === 'order' ? 'the order' : operation} failed at ${ca} (${diagnosis.class})`,
            cause:
              by === 'order' ? `${diagnosis.cause} This comes from the state of the order.` : causeOf(failed),
            ...diagnosed(diagnosis),
            said: saidOf(failed),
            details: { ...detailsOf(failed), operation: operation ?? '' },
            until: Date.parse(failed.at) + FORGOTTEN,
          }),
        )
      }
      case 'ordered': {
        const { ca, client } = happening
        const at = Date.parse(happening.at)
        const ofClient = { key: keyOf(ca, client?.id, 'client') }
        return resolved(
          { rule: 'issuance-failed', by: ofClient, at, why: 'The CA has taken an order of this client.' },
          { rule: 'issuance-failed', by: { key: keyOf(ca, 'ca') }, at, why: 'The CA has taken an order.' },
        )
      }
      case 'issued':
        return resolved(
          ...overFor(happening, 'issuance-failed', {}, 'The CA has issued a certificate with the name.'),
        )
      default:
        return NOTHING
    }
  },
}

function keyFor({ ca, client, names, diagnosis }: HappeningOf<'failed'>): string {
  if (OF_CA.has(diagnosis.class)) return keyOf(ca, 'ca')
  if (OF_CLIENT.has(diagnosis.class)) return keyOf(ca, client?.id, 'client')
  return keyOf(ca, client?.id, diagnosis.class, keyOfNames(names))
}

/** RFC 8555 §6.5: one refused nonce is told to nobody. Null for that. */
function asStorm(
  failed: HappeningOf<'failed'>,
  count: (client: string, since: number) => number,
): HappeningOf<'failed'> | null {
  if (failed.diagnosis.class !== 'bad-nonce') return failed
  if (failed.client === null) return null
  const refused = count(failed.client.id, Date.parse(failed.at) - STORM_WITHIN)
  if (refused < STORM) return null
  return {
    ...failed,
    diagnosis: describe('nonce-storm', { ...failed.diagnosis.details, count: `${refused}` }),
  }
}
