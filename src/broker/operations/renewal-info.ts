import { LruMap } from '../../exchange/lru-map.ts'
import type { Issuer, IssuerRenewalInfo } from '../issuer.ts'
import type { BrokerCertificate } from '../objects.ts'
import { notFound } from './asking.ts'
import type { OperationHandler, OperationParts } from './operation-parts.ts'
import { timeText } from './time-text.ts'

const MOST_KEPT = 10_000
/** Seconds. Boulder's own, and the shortest that a CA is left in peace where it fails. */
const AGAIN = 6 * 3600
const AGAIN_AFTER_FAILURE = 600
const TEN_DAYS = 10 * 86_400_000_000

interface Kept {
  readonly info: IssuerRenewalInfo
  /** µs since 1970. */
  readonly until: number
}

/**
 * RFC 9773 §4. From the CA of a certificate that was issued here, asked once for all who want to know until its Retry-After is
 * over; where it has none, or does not answer, reckoned as Boulder does. Anybody may ask, as at CAs.
 */
export function renewalInfo({ store, issuer }: OperationParts): OperationHandler {
  const kept = new LruMap<string, Kept>(MOST_KEPT)
  const asking = new Map<string, Promise<Kept>>()

  return async ({ endpoint, ids, at }) => {
    const [id = ''] = ids
    const certificate = await store.certificateByAriId(endpoint.name, id)
    if (certificate === null) throw notFound('certificate')
    const { info, until } = certificate.revokedAt === null ? await current(certificate, id, at) : atOnce(at)
    return {
      status: 200,
      fields: [['retry-after', String(Math.max(1, Math.ceil((until - at) / 1_000_000)))]],
      body: {
        json: {
          suggestedWindow: { start: timeText(info.start), end: timeText(info.end) },
          ...(info.explanation === null ? {} : { explanationURL: info.explanation }),
        },
      },
    }
  }

  async function current(certificate: BrokerCertificate, id: string, at: number): Promise<Kept> {
    const key = `${certificate.ca} ${id}`
    const there = kept.get(key)
    if (there !== undefined && there.until > at) return there
    const under = asking.get(key)
    if (under !== undefined) return under
    const asked = ask(issuer(certificate.ca), certificate, id, at, there).finally(() => asking.delete(key))
    asking.set(key, asked)
    const answer = await asked
    kept.set(key, answer)
    return answer
  }
}

async function ask(
  issuer: Issuer | null,
  certificate: BrokerCertificate,
  id: string,
  at: number,
  before: Kept | undefined,
): Promise<Kept> {
  try {
    // Not the client's signal: others wait for the same.
    const info = (await issuer?.renewalInfo(id, AbortSignal.timeout(10_000))) ?? reckoned(certificate)
    return { info, until: at + info.retryAfter * 1_000_000 }
  } catch {
    const info = before?.info ?? reckoned(certificate)
    return { info, until: at + AGAIN_AFTER_FAILURE * 1_000_000 }
  }
}

/** A window of 2 % of the validity, around two thirds of it; around the half where that is less than ten days. */
function reckoned({ notBefore, notAfter }: BrokerCertificate): IssuerRenewalInfo {
  const validity = notAfter - notBefore
  const middle = notBefore + validity * (validity < TEN_DAYS ? 1 / 2 : 2 / 3)
  const half = validity / 100
  return { start: middle - half, end: middle + half, explanation: null, retryAfter: AGAIN }
}

/** RFC 9773 §4.2: a window in the past. */
function atOnce(at: number): Kept {
  const hour = 3_600_000_000
  const info = { start: at - hour, end: at - hour / 2, explanation: null, retryAfter: AGAIN }
  return { info, until: at + AGAIN * 1_000_000 }
}
