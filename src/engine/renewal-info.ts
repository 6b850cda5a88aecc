import { member, stringMember, urlMember } from '../acme/members.ts'
import { type AcmeSession, wrongAnswer } from './acme-session.ts'
import { EngineError } from './engine-error.ts'

/** RFC 9773 §4.2: when a CA wants a certificate renewed. */
export interface RenewalInfo {
  /** µs since 1970; `start` is before `end`. A window that is past means now. */
  readonly start: number
  readonly end: number
  /** Where the CA says why; https, of any host: it is for people. */
  readonly explanation: string | null
  /** Seconds after which to ask again, from a minute to a day; six hours where the CA said nothing. */
  readonly retryAfter: number
}

const AGAIN = { usual: 6 * 3600, least: 60 }
/** RFC 3339. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i

/** Unsigned (RFC 9773 §4). Null where the CA has no renewalInfo. Throws EngineError (`protocol`) for a window that is none. */
export async function renewalInfo(
  session: AcmeSession,
  /** RFC 9773 §4.1: two parts in base64url with a dot between. */
  certificateId: string,
  signal: AbortSignal,
): Promise<RenewalInfo | null> {
  if (!/^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/.test(certificateId))
    throw new EngineError('input', 'the certificate has no id that renewal information could be asked by')
  const { renewalInfo: url } = await session.directory(signal)
  if (url === null) return null
  const answer = await session.get(`${url.replace(/\/$/, '')}/${certificateId}`, signal)
  const suggested = member(answer.json, 'suggestedWindow')
  const [start, end] = (['start', 'end'] as const).map((name) => {
    const text = stringMember(suggested, name) ?? ''
    return TIME.test(text) ? Date.parse(text) : Number.NaN
  }) as [number, number]
  if (!(start < end))
    throw wrongAnswer(session, answer, 'answers renewalInfo with something that is no window of time')
  const explanation = urlMember(answer.json, 'explanationURL')
  return {
    start: start * 1000,
    end: end * 1000,
    explanation: explanation !== null && /^https:\/\/[!-~]+$/.test(explanation) ? explanation : null,
    retryAfter: Math.max(answer.retryAfter ?? AGAIN.usual, AGAIN.least),
  }
}
