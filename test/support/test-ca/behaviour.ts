import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Operation } from '../../../src/acme/operation.ts'
import type { ProblemName } from '../../../src/acme/problem-types.ts'
import type { Answer } from './answer.ts'

/**
 * What the CA can be told to do wrong. Those marked (unprocessed) never reach the ACME operation: no nonce is
 * spent and no object is made.
 */
export type Behaviour =
  /** (unprocessed) A problem document; a Date makes `Retry-After` an HTTP-date. 429 and 503 are made this way. */
  | {
      readonly kind: 'problem'
      readonly type: ProblemName
      readonly status: number
      readonly detail?: string
      readonly retryAfter?: number | Date
    }
  /** (unprocessed) Exactly this. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly fields?: readonly (readonly [string, string])[]
      readonly body?: string | Buffer
    }
  /** A TCP reset. Before reading (unprocessed), after the work was done, or in the middle of the answer's body. */
  | { readonly kind: 'reset'; readonly when: 'before-reading' | 'after-processing' | 'mid-body' }
  /** The honest answer, late. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Works, and never answers. */
  | { readonly kind: 'hang' }
  /** The honest answer, `bytes` at a time with `ms` between. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly ms: number }
  | { readonly kind: 'malformed-json' }
  | { readonly kind: 'content-type'; readonly value: string | null }
  /** A body of so many bytes. */
  | { readonly kind: 'huge-body'; readonly bytes: number }
  /** The honest answer, in a content coding whether or not it was asked for. */
  | { readonly kind: 'encoded'; readonly coding: 'gzip' | 'br' | 'deflate' }
  /** A small gzip body that unpacks to so many bytes. */
  | { readonly kind: 'gzip-bomb'; readonly bytes: number }
  /** Another nonce than an honest one; null for none. */
  | { readonly kind: 'nonce'; readonly value: string | null }
  /** Interim answers; afterwards the honest answer, or nothing at all. */
  | {
      readonly kind: 'interim'
      readonly status: 102 | 103
      readonly count: number
      readonly ending: 'answer' | 'nothing'
    }
  /** A field replaced, or with null left out (`Location`). */
  | { readonly kind: 'field'; readonly name: string; readonly value: string | null }
  /** So many Link fields that say the same. */
  | { readonly kind: 'repeated-links'; readonly count: number }
  /** The honest answer with a `Retry-After`. */
  | { readonly kind: 'retry-after'; readonly value: number | Date }
  /** The honest answer as keep-alive, then the connection is closed without a word. */
  | { readonly kind: 'close-idle'; readonly ms: number }
  | { readonly kind: 'http-1.0' }
  /** Chunked, and the second chunk's size is not a number. */
  | { readonly kind: 'bad-chunking' }
  /** The honest answer, and a second one nobody asked for on the same connection (response smuggling). */
  | { readonly kind: 'unsolicited' }
  /** What this makes of the honest answer. */
  | { readonly kind: 'rewrite'; readonly change: (answer: Answer) => Answer }
  /** The bytes that this writes, in place of the honest answer. `raw`: the TCP connection under the TLS one. */
  | {
      readonly kind: 'wire'
      readonly write: (socket: TLSSocket, answer: Answer, raw: Socket) => void | Promise<void>
    }

export interface Match {
  readonly operation?: Operation
  readonly method?: string
  readonly path?: string | RegExp
  /** Counted from 1 among the requests that match the rest. */
  readonly nth?: number | ((n: number) => boolean)
  /** How often at most; always if absent. */
  readonly times?: number
}

export interface Scripted {
  /** How often it was applied. */
  readonly applied: number
  remove(): void
}

class Rule implements Scripted {
  applied = 0
  readonly match: Match
  readonly behaviour: Behaviour
  readonly #remove: (rule: Rule) => void
  #seen = 0

  constructor(match: Match, behaviour: Behaviour, remove: (rule: Rule) => void) {
    this.match = match
    this.behaviour = behaviour
    this.#remove = remove
  }

  applies(operation: Operation, method: string, path: string): boolean {
    const { match } = this
    if (match.operation !== undefined && match.operation !== operation) return false
    if (match.method !== undefined && match.method !== method) return false
    if (typeof match.path === 'string' && match.path !== path) return false
    if (match.path instanceof RegExp && !match.path.test(path)) return false
    this.#seen++
    if (typeof match.nth === 'number' && match.nth !== this.#seen) return false
    if (typeof match.nth === 'function' && !match.nth(this.#seen)) return false
    if (match.times !== undefined && this.applied >= match.times) return false
    this.applied++
    return true
  }

  remove(): void {
    this.#remove(this)
  }
}

/** The rules in force. The newest that applies wins. */
export class Script {
  #rules: Rule[] = []

  add(match: Match, behaviour: Behaviour): Scripted {
    const rule = new Rule(match, behaviour, (gone) => {
      this.#rules = this.#rules.filter((other) => other !== gone)
    })
    this.#rules.unshift(rule)
    return rule
  }

  pick(operation: Operation, method: string, path: string): Behaviour | null {
    return this.#rules.find((rule) => rule.applies(operation, method, path))?.behaviour ?? null
  }

  clear(): void {
    this.#rules = []
  }
}
