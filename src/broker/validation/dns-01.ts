import { AcmeProblem } from '../../acme/problem.ts'
import { textOf } from '../../ca/dns/reply.ts'
import { challengeRecordValue } from '../../engine/dns-name/challenge-record.ts'
import type { ValidationRequest } from '../validate.ts'
import { lookUp } from './look-up.ts'
import type { Perspective } from './perspective.ts'
import { quoted } from './words.ts'

/** RFC 8555 §8.4: one of the TXT records is the digest. Rejects with AcmeProblem. */
export async function validateDns01(
  { identifier, keyAuthorization }: ValidationRequest,
  perspective: Perspective,
): Promise<void> {
  const name = `_acme-challenge.${identifier.value}`
  const texts = (await lookUp(perspective, name, 'TXT')).map(({ data }) => textOf(data))
  const wanted = challengeRecordValue(keyAuthorization)
  if (texts.includes(wanted)) return
  const [first] = texts
  if (first === undefined) throw new AcmeProblem('unauthorized', `No TXT record found at ${name}`)
  const more = texts.length > 1 ? ` (and ${texts.length - 1} more)` : ''
  throw new AcmeProblem('unauthorized', `Incorrect TXT record ${quoted(first, 100)}${more} found at ${name}`)
}
