import { AcmeProblem } from '../acme/problem.ts'
import type { OutgoingRequest, Sent } from '../ca/dispatcher.ts'
import type { FailureCause, Outcome, UpstreamFailure } from '../exchange/exchange.ts'
import type { Recorded } from '../exchange/pipeline.ts'
import { outgoingFields } from './outgoing-fields.ts'

/** The way out that belongs to one exchange: through @fastify/http-proxy, or straight to the dispatcher. */
export type Exit = (ca: string, request: OutgoingRequest) => Promise<Sent>

/**
 * Sends a recorded request, once, byte for byte: body and target as they came, the client's own authority as
 * `Host`. What the network does to it becomes the outcome; this never rejects for the network's sake.
 */
export async function sendRequest(exchange: Recorded, exit: Exit): Promise<Outcome> {
  const { request, destination, mode } = exchange
  if (!destination) throw new Error('a request without a destination cannot be sent')
  const sent = await exit(destination.ca, {
    method: request.method,
    target: request.target,
    fields: outgoingFields(request.fields, destination.authority, mode === 'relay' || mode === 'engine'),
    body: request.method === 'GET' || request.method === 'HEAD' ? null : request.body,
    from: exchange.turn.from,
  })
  return sent.kind === 'response' ? sent : failedOutcome(exchange, sent.failure, sent.durationCa)
}

/** What a client is told of a failure that is not the CA's; `durationCa` in µs. */
export function failedOutcome(exchange: Recorded, failure: UpstreamFailure, durationCa: number): Outcome {
  const ca = exchange.destination?.ca ?? ''
  const problem = new AcmeProblem(
    'serverInternal',
    `${SAYS[failure.cause]} (CA ${JSON.stringify(ca)}, record ${exchange.id})`,
    {
      status: 502,
      instance: `urn:uuid:${exchange.id}`,
    },
  )
  return { kind: 'failed', failure, problem: problem.document(), durationCa }
}

/** For the client's user, who can't see the network behind us. */
const SAYS: Readonly<Record<FailureCause, string>> = {
  connectRefused: 'acmetap could not connect to the CA: the connection was refused',
  connectTimeout: 'acmetap could not connect to the CA in time',
  nameNotResolved: "acmetap could not resolve the CA's host name",
  tls: "acmetap did not send the request: the CA's TLS certificate or handshake is not acceptable",
  reset:
    'the connection to the CA broke before its answer was complete; the CA may have acted on the request',
  responseTimeout: 'the CA did not answer in time; it may have acted on the request',
  responseTooLarge: "the CA's answer is too large",
  responseUnreadable: "the CA's answer is not valid HTTP",
  aborted: 'acmetap is stopping or was given another configuration',
  addressRefused: "acmetap did not connect: the CA's address is one of acmetap's own",
  proxyRefused: 'the proxy on the way to the CA refused the connection',
}
