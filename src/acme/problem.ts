import { PROBLEM_TYPES, type ProblemName, problemUrn } from './problem-types.ts'

/** A problem document as it goes over the wire: RFC 9457 with RFC 8555 §6.7. */
export interface ProblemDocument {
  readonly type: string
  readonly detail: string
  readonly status: number
  readonly instance?: string
}

interface ProblemMembers {
  /** HTTP status, where it differs from the type's own (421, 502, 503). */
  readonly status?: number
  /** Seconds, sent as `Retry-After`. */
  readonly retryAfter?: number
  /** URN of the exchange's record. */
  readonly instance?: string
}

/**
 * The only error that means "tell the client this".
 * `detail` is one self-contained line: few clients print anything else.
 */
export class AcmeProblem extends Error {
  readonly type: ProblemName
  readonly status: number
  readonly retryAfter: number | undefined
  readonly instance: string | undefined

  constructor(type: ProblemName, detail: string, members: ProblemMembers = {}) {
    super(detail)
    this.name = 'AcmeProblem'
    this.type = type
    this.status = members.status ?? PROBLEM_TYPES[type].status
    this.retryAfter = members.retryAfter
    this.instance = members.instance
  }

  document(): ProblemDocument {
    return {
      type: problemUrn(this.type),
      detail: this.message,
      status: this.status,
      ...(this.instance === undefined ? {} : { instance: this.instance }),
    }
  }
}
