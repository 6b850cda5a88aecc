import type { Operation } from '../acme/operation.ts'
import { retryAfterSeconds } from '../acme/retry-after.ts'
import type { Sent } from '../ca/dispatcher.ts'
import { type Pacer, paceDenial } from '../ca/pacer.ts'
import { type Admission, type Asked, isShareable, type SharedAnswers } from '../ca/shared-answers.ts'
import type { Clock } from '../exchange/clock.ts'
import type { Connection } from '../exchange/connection.ts'
import type { Decided, Destination, ObservedRequest, Received } from '../exchange/exchange.ts'
import { outgoingFields } from '../proxy/outgoing-fields.ts'
import type { Exit } from '../proxy/send.ts'
import type { Pace } from '../proxy/stages.ts'

/** What stands between a decided request and the CA: its turn, and the answers that clients share. */
export interface Traffic {
  readonly pace: Pace
  /** The way out of one exchange, given the plain one. For acmetap's own requests too. */
  readonly exitOf: (exchange: Received, plain: Exit) => Exit
}

/** `hangUpOf`: the signal that is aborted when the client of a request hangs up; undefined where nobody can. */
export function createTraffic(
  clock: Clock,
  pacer: Pacer,
  shared: SharedAnswers,
  hangUpOf: (request: ObservedRequest) => AbortSignal | undefined = () => undefined,
): Traffic {
  /** What `pace` found out that the way out needs. One request object is the same in every stage. */
  const admitted = new WeakMap<ObservedRequest, Passage>()
  return {
    async pace(exchange) {
      const { destination, operation, request, connection } = exchange
      if (!destination) throw new Error('a request without a destination has no turn')
      const { ca } = destination
      const client = clientOf(connection)
      const isPaced = pacer.paces(ca, operation)
      const takeTurn = async (signal?: AbortSignal) => ({
        turn: await pacer.turn(ca, operation, client, signal),
      })
      if (!isPaced && operation !== 'directory') {
        const { turn } = await takeTurn()
        return 'why' in turn ? paceDenial(ca, operation, turn) : turn
      }
      const began = clock.now().monotonic
      const signal = isPaced ? hangUpOf(request) : undefined
      const asked = askedIn(exchange, destination, client, signal)
      const given = asked && exchange.mode !== 'engine' ? await shared.admit(asked) : await takeTurn(signal)
      const turn = 'turn' in given ? given.turn : given
      if ('why' in turn) return paceDenial(ca, operation, turn)
      const answer = 'answer' in given ? given.answer : null
      admitted.set(request, { operation, asked, answer })
      return turn.waited === 0 && answer === null ? turn : { ...turn, waited: clock.now().monotonic - began }
    },

    exitOf(exchange, plain) {
      return async (ca, outgoing) => {
        const passage = admitted.get(exchange.request)
        const send = async (from: string | null = outgoing.from ?? null): Promise<Sent> => {
          if (passage) await pacer.departure(ca, passage.operation, from)
          const sent = await plain(ca, { ...outgoing, from })
          if (passage) tellIfBusy(ca, passage.operation, from, sent)
          return sent
        }
        if (passage?.answer) return passage.answer(send)
        const sent = await send()
        return passage?.asked ? shared.seed(passage.asked, sent) : sent
      }
    },
  }

  function tellIfBusy(ca: string, operation: Operation, from: string | null, sent: Sent): void {
    if (sent.kind !== 'response' || !isBusy(sent)) return
    const said = sent.response.fields.find(([name]) => name === 'retry-after')?.[1]
    const seconds = said === undefined ? null : retryAfterSeconds(said, clock.now().wall / 1000)
    pacer.observe(ca, operation, from, sent.response.status, seconds)
  }
}

interface Passage {
  readonly operation: Operation
  /** For a request whose answer others may have. */
  readonly asked: Asked | null
  readonly answer: Admission['answer'] | null
}

function askedIn(
  { operation, request, mode }: Decided,
  destination: Destination,
  client: string,
  signal: AbortSignal | undefined,
): Asked | null {
  if (operation !== 'directory') return null
  const fields = outgoingFields(request.fields, destination.authority, mode === 'relay' || mode === 'engine')
  if (!isShareable(request, fields)) return null
  return { ...destination, target: request.target, fields, client, signal }
}

/** Whom turns are shared out between: proxy users, else addresses; acmetap itself is one of them. */
function clientOf({ proxyUser, clientAddress }: Connection): string {
  return proxyUser === null ? `address ${clientAddress ?? 'own'}` : `user ${proxyUser}`
}

/** The front end turned an address away, as against a limit of one account, which others do not share. */
function isBusy({ response }: Extract<Sent, { kind: 'response' }>): boolean {
  if (response.status === 503) return true
  return response.status === 429 && /\bservice busy\b/i.test((response.decoded ?? response.body).toString())
}
