import type { EngineError } from './engine-error.ts'

const MINUTE = 60
/** As Let's Encrypt asks of clients: after 1, 10 and 100 minutes, then daily. Seconds. */
const LADDER = [MINUTE, 10 * MINUTE, 100 * MINUTE, 1440 * MINUTE] as const
/** Where the network or the CA's own state is at fault, nothing is spent by asking again. */
const TEMPORARY_MOST = 100 * MINUTE
/** Part of the wait by which it is stretched, so that a fleet does not come back all at once. */
const JITTER = 0.1

/**
 * Seconds until the next attempt, after so many that failed (1: the first has). Never less than the CA asked for.
 * `chance`: from 0 up to 1.
 */
export function waitAfter(failures: number, error: EngineError, chance: number): number {
  const step = LADDER[Math.min(failures, LADDER.length) - 1] ?? LADDER[0]
  const wait = Math.max(isTemporary(error) ? Math.min(step, TEMPORARY_MOST) : step, error.retryAfter ?? 0)
  return Math.ceil(wait * (1 + chance * JITTER))
}

/** Whether the same request, sent again later, may well succeed. */
export function isTemporary({ fault, status, retryAfter }: EngineError): boolean {
  switch (fault) {
    case 'network':
    case 'deploy':
    case 'aborted':
      return true
    case 'problem':
      return (status !== null && (status >= 500 || status === 429)) || retryAfter !== null
    case 'refused':
      return status === 429 || status === 503 || retryAfter !== null
    default:
      return false
  }
}

/**
 * Whether asking again can bring something else. What a CA says that no CA should say is given three attempts: it may be a
 * proxy's or a moment's fault, and the certificate may be there already.
 */
export function mayPass(error: EngineError, failures: number): boolean {
  return isTemporary(error) || (error.fault === 'protocol' && failures < 3)
}

/**
 * Whether the order can still lead to a certificate, so that the next attempt goes on with it: what is at fault here, the
 * policy's word or the configuration, is no fault of the order.
 */
export function keepsOrder(error: EngineError, failures: number): boolean {
  return mayPass(error, failures) || ['solver', 'refused', 'input'].includes(error.fault)
}
