import type { FailureCause, UpstreamFailure } from '../exchange/exchange.ts'

const BY_CODE: Readonly<Record<string, FailureCause>> = {
  ECONNREFUSED: 'connectRefused',
  EHOSTUNREACH: 'connectRefused',
  ENETUNREACH: 'connectRefused',
  EADDRNOTAVAIL: 'connectRefused',
  UND_ERR_CONNECT_TIMEOUT: 'connectTimeout',
  ETIMEDOUT: 'connectTimeout',
  ENOTFOUND: 'nameNotResolved',
  EAI_AGAIN: 'nameNotResolved',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_HEADERS_TIMEOUT: 'responseTimeout',
  UND_ERR_BODY_TIMEOUT: 'responseTimeout',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'responseUnreadable',
  UND_ERR_HEADERS_OVERFLOW: 'responseUnreadable',
  UND_ERR_CLOSED: 'aborted',
  UND_ERR_DESTROYED: 'aborted',
  UND_ERR_ABORTED: 'aborted',
}

/**
 * Node names what was wrong with a certificate by OpenSSL's codes, which have no common prefix. Those it has no name
 * for are UNSPECIFIED: weak keys and digests, name constraints, unknown critical extensions.
 */
const TLS_CODE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|ERROR_IN_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|HOSTNAME_MISMATCH|CRL_|UNSPECIFIED$)/

/** One error class so that our own limits and time-outs look like any other cause. */
export class FailureError extends Error {
  readonly failure: FailureCause
  constructor(failure: FailureCause, message: string) {
    super(message)
    this.failure = failure
  }
}

/** Names the cause of an error from the network. The message is for operators; it holds no request data. */
export function upstreamFailure(error: unknown): UpstreamFailure {
  if (error instanceof FailureError) return { cause: error.failure, message: error.message }
  const { code, message, name } = describe(error)
  if (TLS_CODE.test(code)) return { cause: 'tls', message: `${code}: ${message}` }
  if (name === 'HTTPParserError' || code.startsWith('HPE_')) return { cause: 'responseUnreadable', message }
  const cause = BY_CODE[code] ?? 'reset'
  return { cause, message: code === '' ? message : `${code}: ${message}` }
}

function describe(error: unknown): { code: string; message: string; name: string } {
  if (!(error instanceof Error)) return { code: '', message: String(error), name: '' }
  // Several addresses tried (happy eyeballs): the first attempt's error says most.
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return describe(error.errors[0])
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  if (code === '' && error.cause instanceof Error) return describe(error.cause)
  return { code, message: error.message, name: error.name }
}
