import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from '../../exchange/message-of.ts'
import { OncePerSecond } from '../../observability/once-per-second.ts'
import { type Contents, contentsOf } from '../formats/contents.ts'
import {
  type EndedRecord,
  type Format,
  type LineContext,
  operationOf,
  type Program,
} from '../formats/line.ts'
import type { EndedExchange, RecordReader } from '../record-store.ts'
import type { OutgoingLine, Output } from './output.ts'
import { severityOf } from './severity.ts'
import type { SinkPosition, SinkPositions } from './sink-positions.ts'

/** What a sink needs of the record. */
export type SinkReader = Pick<RecordReader, 'outcomesAfter' | 'tally' | 'body'>

export type SinkEvent =
  /** The output, or the store, did not take what it was given; `count` times since the last such event. */
  | { readonly kind: 'failed'; readonly sink: string; readonly message: string; readonly count: number }
  | { readonly kind: 'recovered'; readonly sink: string }

export interface SinkStatus {
  readonly name: string
  /** Sequence number of the last outcome that was sent. */
  readonly position: number
  /** Outcomes in the record that were not sent yet. */
  readonly backlog: number
  /** Why the last attempt failed; null when it did not. */
  readonly lastError: string | null
}

export interface SinkOptions {
  readonly name: string
  readonly format: Format
  readonly output: Output
  readonly reader: SinkReader
  readonly positions: SinkPositions
  /** Where a name without a position begins. */
  readonly from: 'now' | 'start'
  readonly program: Program
  /** µs since 1970. */
  readonly now: () => number
  readonly report: (event: SinkEvent) => void
  readonly pauses?: SinkPauses
}

/** Milliseconds. */
export interface SinkPauses {
  /** Between two batches: each is a write of the store's, which others wait for. */
  readonly batch: number
  /** After a failure: doubled each time, up to `longest`. */
  readonly shortest: number
  readonly longest: number
}

const PAUSES: SinkPauses = { batch: 200, shortest: 250, longest: 30_000 }
const PAGE = 100
/** Outcomes also come from the spill file and from a start after a crash, without a word. */
const LOOK = 5000
/** How long the end waits for the output: what it has not taken by then is sent at the next start. */
const CLOSING = 2000

/**
 * Follows the record from its position and gives the output a line for each outcome, in their order, at least once.
 * It only reads, and moves its position when the output has taken the lines: an exchange never waits for it.
 */
export class Sink {
  readonly #options: SinkOptions
  readonly #pauses: SinkPauses
  readonly #ending = new AbortController()
  readonly #failures = new OncePerSecond()
  #position: SinkPosition
  #outcomes: number
  #lastError: string | null = null
  #awake = true
  #wake: () => void = () => undefined
  readonly #ended: Promise<void>

  private constructor(options: SinkOptions, position: SinkPosition, outcomes: number) {
    this.#options = options
    this.#pauses = options.pauses ?? PAUSES
    this.#position = position
    this.#outcomes = outcomes
    this.#ended = this.#run()
  }

  /** Resolves when its place in the record is known and kept: no outcome from then on is missed. */
  static async start(options: SinkOptions): Promise<Sink> {
    const { name, from, positions, reader } = options
    const known = await positions.position(name)
    const tally = await reader.tally()
    const begin = from === 'now' ? { ...tally, lines: 0 } : { sequence: 0, outcomes: 0, lines: 0 }
    if (known === null) await positions.advance(name, begin)
    return new Sink(options, known ?? begin, tally.outcomes)
  }

  /** There is a new outcome. Costs nothing. One nobody wakes it for is found some seconds later. */
  wake(): void {
    this.#awake = true
    this.#wake()
  }

  reopen(): void {
    this.#options.output.reopen()
  }

  async status(): Promise<SinkStatus> {
    const { outcomes } = await this.#options.reader.tally()
    return {
      name: this.#options.name,
      position: this.#position.sequence,
      backlog: Math.max(0, outcomes - this.#position.outcomes),
      lastError: this.#lastError,
    }
  }

  /** Sends what is there, as far as that takes no longer than 2 s, and closes the output. Resolves always. */
  async close(): Promise<void> {
    this.wake()
    const limit = AbortSignal.timeout(CLOSING)
    while (!limit.aborted && this.#lastError === null && !(await this.#isIdle())) await sleep(10)
    this.#ending.abort()
    this.#wake()
    await this.#ended
    await this.#options.output.close().catch(() => undefined)
  }

  async #isIdle(): Promise<boolean> {
    const tally = await this.#options.reader.tally().catch(() => null)
    return tally === null || tally.outcomes <= this.#position.outcomes
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending
    let pause = this.#pauses.shortest
    while (!signal.aborted) {
      try {
        const more = await this.#sendBatch()
        this.#works()
        pause = this.#pauses.shortest
        if (more) await this.#rest(10)
        else {
          await this.#rest(this.#pauses.batch)
          await this.#untilWoken()
        }
      } catch (error) {
        if (signal.aborted) return
        this.#failed(error)
        await this.#rest(pause)
        pause = Math.min(2 * pause, this.#pauses.longest)
      }
    }
  }

  /** Whether there is more to send at once. */
  async #sendBatch(): Promise<boolean> {
    const { reader, output } = this.#options
    this.#awake = false
    const tally = await reader.tally()
    const ended = await reader.outcomesAfter(this.#position.sequence, PAGE)
    const isLast = ended.length < PAGE
    const last = ended.at(-1)
    // Outcomes that went for their age before they were sent are no backlog: nothing is left behind the last page.
    const later = ended.filter(({ sequence }) => sequence > tally.sequence).length
    const outcomes = isLast ? tally.outcomes + later : this.#position.outcomes + ended.length
    if (last === undefined) {
      if (outcomes > this.#position.outcomes) await this.#moveTo({ ...this.#position, outcomes })
      return false
    }
    this.#outcomes = Math.max(tally.outcomes, outcomes)
    const lines = await this.#linesOf(ended)
    if (lines.length > 0) await output.write(lines, this.#ending.signal)
    const position = {
      sequence: last.sequence,
      outcomes,
      lines: this.#position.lines + lines.length,
    }
    await this.#moveTo(position)
    return !isLast
  }

  async #moveTo(position: SinkPosition): Promise<void> {
    await this.#options.positions.advance(this.#options.name, position)
    this.#position = position
  }

  async #linesOf(ended: readonly EndedExchange[]): Promise<OutgoingLine[]> {
    const { format, reader, program, now } = this.#options
    const lines: OutgoingLine[] = []
    for (const [index, { exchange }] of ended.entries()) {
      const record = exchange as EndedRecord
      const needs = format.needs(operationOf(record))
      const contents = await contentsOf(record, needs, (id, digest) => reader.body(id, digest))
      const context = {
        line: this.#position.lines + lines.length + 1,
        backlog: Math.max(0, this.#outcomes - this.#position.outcomes - index - 1),
        writtenAt: now(),
        program,
      }
      const text = lineOf(format, record, contents, context)
      if (text !== null) lines.push({ text, at: record.outcome.at, severity: severityOf(record) })
    }
    return lines
  }

  #works(): void {
    if (this.#lastError === null) return
    this.#lastError = null
    this.#options.report({ kind: 'recovered', sink: this.#options.name })
  }

  #failed(error: unknown): void {
    const message = messageOf(error)
    this.#lastError = message
    this.#failures.note(this.#options.name, (count) =>
      this.#options.report({ kind: 'failed', sink: this.#options.name, message, count }),
    )
  }

  async #rest(milliseconds: number): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#ending.signal, ref: false }).catch(() => undefined)
  }

  async #untilWoken(): Promise<void> {
    if (this.#awake || this.#ending.signal.aborted) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LOOK).unref()
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** An exchange that can't be written must not stop those behind it: its id is a line of its own then. */
function lineOf(
  format: Format,
  record: EndedRecord,
  contents: Contents,
  context: LineContext,
): string | null {
  try {
    return format.line(record, contents, context)
  } catch (error) {
    return JSON.stringify({ exchange: record.id, unreadable: String(error) })
  }
}
