import type { FastifyReply } from 'fastify'
import type { CaDispatcher, OutgoingRequest, Sent } from '../ca/dispatcher.ts'
import { upstreamFailure } from '../ca/failure.ts'

/**
 * What travels through @fastify/http-proxy beside the request. reply-from parses and cleans URLs and rebuilds
 * headers; a signed request must leave exactly as it came, so the real request rides along under a symbol and
 * the dispatcher takes it from there.
 */
const PASSAGE = Symbol('acmetap passage')

interface Passage {
  readonly ca: string
  readonly request: OutgoingRequest
  readonly settle: (sent: Sent) => void
}

/**
 * The forward step: hands one request to @fastify/http-proxy's `reply.from`. Resolves with what came back; never
 * rejects. It is settled by the dispatcher and not by `onResponse`, which is not called for a client that hung
 * up: a request that was sent is seen through to its end.
 */
export function forwardThrough(reply: FastifyReply, ca: string, request: OutgoingRequest): Promise<Sent> {
  return new Promise((settle) => {
    const fail = (error: unknown) =>
      settle({ kind: 'failed', failure: upstreamFailure(error), durationCa: 0 })
    try {
      reply.from('/', {
        // reply-from would retry a GET that gets 503 ten times, however `maxRetriesOn503` is set.
        retryDelay: () => null,
        rewriteRequestHeaders: () => ({ [PASSAGE]: { ca, request, settle } satisfies Passage }) as never,
        rewriteHeaders: () => ({}),
        onResponse: () => undefined,
        onError: (_reply, { error }) => fail(error),
      })
    } catch (error) {
      fail(error)
    }
  })
}

type UndiciCallback = (
  error: Error | null,
  response?: { statusCode: number; headers: object; body: typeof NO_STREAM },
) => void

/**
 * What reply-from takes the answer's body for. It destroys the body where the client has gone; the answer is with
 * the pipeline already, so there is nothing to destroy.
 */
const NO_STREAM = { destroy: () => undefined }

/** The dispatcher in the shape reply-from's option `undici` takes: an object with `request`. */
export function asUndici(dispatcher: CaDispatcher) {
  return {
    request({ headers }: { headers: { [PASSAGE]?: Passage } }, done: UndiciCallback): void {
      const passage = headers[PASSAGE]
      if (!passage) {
        done(new Error('a request without a passage cannot be forwarded'))
        return
      }
      void dispatcher
        .send(passage.ca, passage.request)
        .catch((error: Error): Sent => ({ kind: 'failed', failure: upstreamFailure(error), durationCa: 0 }))
        .then((sent) => {
          passage.settle(sent)
          done(null, { statusCode: 200, headers: {}, body: NO_STREAM })
        })
    },
  }
}
