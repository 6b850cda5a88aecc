import type { SinkPosition } from '../../audit/sinks/sink-positions.ts'
import type { ThreadSide } from '../thread-side.ts'
import { copyDatabase } from './backup.ts'
import type { Batch, Row } from './batch.ts'
import { openForWriting } from './connection.ts'
import { StoreFaults } from './faults.ts'
import { Removal } from './removal.ts'
import { type Failure, Writer } from './writer.ts'
import type { TokenRow } from './writer-statements.ts'

export interface WriterData {
  readonly file: string
  readonly stream: string
  readonly boot: string
  readonly faults: SharedArrayBuffer | null
}

/** The answer to `append`: what was not written, and how long the transaction took, in µs. */
export interface Written {
  readonly failures: readonly Failure[]
  readonly took: number
}

/** What owns the one connection that writes, and what it can be asked. Throws StoreRefusal. */
export function writerSide({ file, stream, boot, faults }: WriterData): ThreadSide {
  const db = openForWriting(file)
  const writer = new Writer(db, stream, boot, faults ? new StoreFaults(faults) : null)
  const removal = new Removal(db, writer)
  return {
    handlers: {
      append(batch: Batch): Written {
        const began = performance.now()
        const failures = writer.write(batch)
        return { failures, took: Math.round((performance.now() - began) * 1000) }
      },
      closeDeadIntents: ({ at, monotonic, content }: { at: number; monotonic: number; content: string }) =>
        writer.closeDeadIntents(at, monotonic, content),
      rememberKeys: (rows: readonly Row[]) => writer.rememberKeys(rows),
      tokens: () => writer.tokens(),
      addToken: ({ row, event }: { row: TokenRow; event: Batch }) => writer.addToken(row, event),
      removeToken: ({ id, event }: { id: string; event: Batch }) => writer.removeToken(id, event),
      sinkPosition: (name: string) => writer.sinkPosition(name),
      advanceSink: ({ name, position }: { name: string; position: SinkPosition }) =>
        writer.advanceSink(name, position),
      moveAnchor: (given: Parameters<Removal['moveAnchor']>[0]) => removal.moveAnchor(given),
      removeFacts: () => removal.removeFacts(),
      bodiesThrough: () => removal.bodiesThrough(),
      removeBodies: (through: number) => removal.removeBodies(through),
      removePersonalOf: (given: Parameters<Removal['removePersonalOf']>[0]) =>
        removal.removePersonalOf(given),
      removePersonal: (before: number) => removal.removePersonal(before),
      removeBlobs: (before: number) => removal.removeBlobs(before),
      pending: (what: string) => removal.pending(what),
      tell: (given: Parameters<Removal['tell']>[0]) => removal.tell(given),
      erase: (given: Parameters<Removal['erase']>[0]) => removal.erase(given),
      emptyLog: () => removal.emptyLog(),
      probe: () => writer.probe(),
      backup: (target: string) => copyDatabase(db, target),
    },
    idle: () => writer.checkpoint(),
    close: () => db.close(),
  }
}
