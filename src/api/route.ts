import type { FastifyRequest } from 'fastify'
import type { z } from 'zod'
import type { Actor } from '../audit/event.ts'
import type { Role } from '../audit/token.ts'
import type { Operations } from './operations.ts'

/** What somebody asked, validated by the route's schemas. */
export interface Asked<P = unknown, Q = unknown, B = unknown> {
  readonly params: P
  readonly query: Q
  readonly body: B
  /** The query as it was written, for the record. */
  readonly written: Readonly<Record<string, string>>
  readonly actor: Actor
  /** Last-Event-ID (WHATWG HTML §9.2): null where it was not sent. */
  readonly lastEventId: string | null
  /** Aborts when the caller has gone or its answer is complete, and when the server ends. */
  readonly ended: AbortSignal
  /** Holds a place among the exports, or the feeds, until `ended`; throws RequestRefused where there is none. */
  takePlace(among: 'exports' | 'feeds'): void
}

/** An answer that is not JSON. */
export class Content {
  readonly type: string
  readonly body: Buffer | string | AsyncIterable<string>
  /** As the browser should call the file. */
  readonly file: string | null
  /** Hangs up when it aborts. */
  readonly cut: AbortSignal | null
  constructor(
    type: string,
    body: Buffer | string | AsyncIterable<string>,
    file: string | null = null,
    cut: AbortSignal | null = null,
  ) {
    this.type = type
    this.body = body
    this.file = file
    this.cut = cut
  }
}

/** What the document says of an answer that is not JSON, by media type. */
export type Contents = Readonly<Record<string, { readonly schema: z.ZodType; readonly example: unknown }>>

interface Described {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below /api/v1. */
  readonly path: string
  /** Operation id of the document. */
  readonly id: string
  readonly tag: string
  readonly summary: string
  readonly description?: string
  /** The least role a token needs. `local`: on the control socket only. */
  readonly role: Role | 'local'
  readonly status?: number
  readonly answer: z.ZodType | Contents | null
  readonly example?: unknown
  readonly bodyExample?: unknown
  /** The name under which the record notes that it was asked with a token: for all that lists or opens data of the record. */
  readonly noted?: string
  /** Bytes of a body; without it 64 KiB. */
  readonly bodyLimit?: number
  /** Besides 400, 401, 403 and 503. */
  readonly refuses?: readonly number[]
}

export interface Route extends Described {
  readonly params?: z.ZodType
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  handle(operations: Operations, asked: Asked): Promise<unknown>
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined

/** A row of the table; its handler is typed by its schemas. */
export function route<
  P extends z.ZodType | undefined = undefined,
  Q extends z.ZodType | undefined = undefined,
  B extends z.ZodType | undefined = undefined,
>(
  row: Described & {
    readonly params?: P
    readonly query?: Q
    readonly body?: B
    handle(operations: Operations, asked: Asked<Output<P>, Output<Q>, Output<B>>): Promise<unknown>
  },
): Route {
  return row as Route
}

/** The row a request was matched to; null outside the table. */
export function routeOf(request: FastifyRequest): Route | null {
  return (request.routeOptions.config as { row?: Route }).row ?? null
}
