/**
 * src/audit/formats writes a recorded exchange as one line for other programs. Pure: an exchange, what of its bodies
 * was read beforehand, and the line's own circumstances go in; text without a line break comes out.
 * Start here; docs/sinks.md has every field.
 */
import type { Operation } from '../../acme/operation.ts'
import type { RecordedExchange } from '../record-store.ts'
import type { Contents, Needs } from './contents.ts'

/** An exchange that has ended. */
export interface EndedRecord extends RecordedExchange {
  readonly outcome: NonNullable<RecordedExchange['outcome']>
}

/** What a line says of itself. */
export interface LineContext {
  /** Number of the line in its sink or export, from 1 without gaps: a collector sees a lost line. */
  readonly line: number
  /** Outcomes that were in the record and not yet sent when this line was written. */
  readonly backlog: number
  /** When it was written, µs since 1970. */
  readonly writtenAt: number
  readonly program: Program
}

/** Who writes the lines. */
export interface Program {
  readonly version: string
  readonly host: string
  readonly ip: string
  /** Host name of a CA of the configuration, without a port, for modes in which requests don't name it; null where none is known. */
  hostOfCa(name: string): string | null
}

export interface Format {
  /** Which bodies {@link Format.line} reads for this operation. */
  needs(operation: Operation): Needs
  /** Null for an exchange that the format has no line for. */
  line(exchange: EndedRecord, contents: Contents, context: LineContext): string | null
}

/** What it was: the answer's word counts where the request alone could not tell. */
export function operationOf({ intent, outcome }: EndedRecord): Operation {
  return (outcome.operation ?? intent.operation) as Operation
}

/** Values of the exchange's names, or what the answer named. */
export function identifiersOf({ intent, outcome }: EndedRecord) {
  return intent.identifiers.length > 0 ? intent.identifiers : outcome.identifiers
}

/** Contact URLs of an account request that are still kept, in their order. */
export function contactsOf({ personal }: RecordedExchange): string[] {
  return Object.keys(personal)
    .filter((name) => name.startsWith('contact.'))
    .sort((a, b) => Number(a.slice(8)) - Number(b.slice(8)))
    .map((name) => personal[name]!)
}

/** `2026-11-22T01:20:25.123456Z`, from µs since 1970. */
export function isoTime(at: number): string {
  const text = new Date(Math.floor(at / 1000)).toISOString()
  return `${text.slice(0, 23)}${String(Math.floor(at % 1000)).padStart(3, '0')}Z`
}
