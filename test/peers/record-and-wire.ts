import type { RecordedExchange, StoredOutcome } from '../../src/audit/record-store.ts'
import { recordOf } from '../support/record-view.ts'
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

/** The same lines from the record: everything that was sent on to a CA. */
export async function recordedLines(acmetap: { readonly config: string }): Promise<string[]> {
  const exchanges = await allExchanges(acmetap)
  return exchanges
    .filter(
      ({ intent, outcome }) => intent.operation !== 'tunnel' && intent.mode !== 'broker' && wasSent(outcome),
    )
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

/** Not refused, and not answered from what an equal request had been answered. */
function wasSent(outcome: StoredOutcome | null): boolean {
  if (outcome?.source === 'cache' || outcome?.source === 'shared') return false
  return outcome?.outcome !== 'refused' && outcome?.outcome !== 'notSent'
}

/** The whole record in order, through the control socket. */
export async function allExchanges({ config }: { readonly config: string }): Promise<RecordedExchange[]> {
  return (await recordOf(config)).after(0)
}
