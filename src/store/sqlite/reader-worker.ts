/** The reader's thread: its own read-only connection, so that no question waits for a commit or blocks the event loop. */
import { workerData } from 'node:worker_threads'
import { answerRequests } from '../thread-side.ts'
import { openForReading } from './connection.ts'
import { Queries } from './queries.ts'

export interface ReaderData {
  readonly file: string
}

type Arguments<Name extends Exclude<keyof Queries, 'close'>> = Parameters<Queries[Name]>

answerRequests(() => {
  const queries = new Queries(openForReading((workerData as ReaderData).file))
  return {
    handlers: {
      resources: (given: Arguments<'resources'>) => queries.resources(...given),
      accountKey: (given: Arguments<'accountKey'>) => queries.accountKey(...given),
      accountKeys: () => queries.accountKeys(),
      exchange: (given: Arguments<'exchange'>) => queries.exchange(...given),
      exchanges: (given: Arguments<'exchanges'>) => queries.exchanges(...given),
      outcomesAfter: (given: Arguments<'outcomesAfter'>) => queries.outcomesAfter(...given),
      tally: () => queries.tally(),
      body: (given: Arguments<'body'>) => queries.body(...given),
      facts: (given: Arguments<'facts'>) => queries.facts(...given),
      anchor: () => queries.anchor(),
      prunable: (given: Arguments<'prunable'>) => queries.prunable(...given),
      namedBy: (given: Arguments<'namedBy'>) => queries.namedBy(...given),
      keptValues: (given: Arguments<'keptValues'>) => queries.keptValues(...given),
    },
    close: () => queries.close(),
  }
})
