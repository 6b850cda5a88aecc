import path from 'node:path'
import { controlSocketPath } from '../../src/api/control-socket.ts'
import type { RecordedExchange } from '../../src/audit/record-store.ts'
import { connectControl } from '../../src/cli/control-client.ts'
import type { Served } from '../support/serve.ts'
import { digestOf, type TappedExchange } from '../support/tap.ts'
import { pebbleOperation } from './pebble-operations.ts'

/**
 * One line for each request the CA got: what it was by the CA's own paths, what it answered, and that the
 * signature of every POST can be checked, since every account was made through acmetap.
 */
export function tappedLines(exchanges: readonly TappedExchange[]): string[] {
  return exchanges.map((one) =>
    [
      pebbleOperation(one.target),
      one.method === 'POST' ? 'verified' : 'unsigned',
      one.method,
      one.host,
      one.target,
      digestOf(one.body),
      one.status ?? 'no answer',
    ].join(' '),
  )
}

/** The same lines from the record: everything that was sent on. */
export async function recordedLines(acmetap: Served): Promise<string[]> {
  const exchanges = await allExchanges(acmetap)
  return exchanges
    .filter(({ outcome }) => outcome?.outcome !== 'refused' && outcome?.outcome !== 'notSent')
    .map(({ intent, outcome }) =>
      [
        intent.operation,
        intent.jws?.verdict ?? 'unsigned',
        intent.request.method,
        intent.request.authority,
        intent.request.target,
        intent.request.digest,
        outcome?.status ?? 'no answer',
      ].join(' '),
    )
}

/** The whole record in order, through the control socket. */
export async function allExchanges(acmetap: Served): Promise<RecordedExchange[]> {
  const operations = await connectControl(controlSocketPath(path.join(path.dirname(acmetap.config), 'data')))
  if (operations === null) throw new Error('acmetap does not answer on its control socket')
  const exchanges: RecordedExchange[] = []
  for (;;) {
    const page = await operations.exchanges({ after: exchanges.at(-1)?.intent.sequence ?? 0 }, 1000)
    exchanges.push(...page)
    if (page.length < 1000) return exchanges
  }
}
