import { createHash } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'

/**
 * The test CA's own append-only truth: every request as it was received, every object that was made, every
 * connection that broke. `order` counts entries; `monotonic` is in µs; `at` is wall time in µs.
 */
export type CaLogEntry = { readonly order: number; readonly monotonic: number; readonly at: number } & (
  | ({ readonly kind: 'request' } & LoggedRequest)
  | {
      readonly kind: 'answer'
      readonly request: number
      readonly status: number | null
      readonly digest: string | null
    }
  | { readonly kind: 'object'; readonly object: string; readonly path: string; readonly request: number }
  | { readonly kind: 'connection'; readonly event: string; readonly detail: string }
)

export interface LoggedRequest {
  readonly method: string
  readonly target: string
  readonly host: string | null
  /** Names and values alternate, as they came. */
  readonly fields: readonly string[]
  readonly bytes: number
  /** SHA-256 (hex) of the body as it came; null where the behaviour was not to read it. */
  readonly digest: string | null
  /** The JWS protected header, decoded; null where there is none. */
  readonly protected: Readonly<Record<string, unknown>> | null
  readonly operation: string
  /** What the CA was told to do with this request; null for the usual. */
  readonly behaviour: string | null
}

export type RequestEntry = Extract<CaLogEntry, { kind: 'request' }>
export type ObjectEntry = Extract<CaLogEntry, { kind: 'object' }>
type Draft<Entry> = Entry extends CaLogEntry ? Omit<Entry, 'order' | 'monotonic' | 'at'> : never

export class CaLog {
  readonly #entries: CaLogEntry[] = []
  readonly #file: number | null

  /** With a file name, entries also go there as NDJSON, written at once and never synced. */
  constructor(file?: string) {
    this.#file = file === undefined ? null : openSync(file, 'a', 0o600)
  }

  append(draft: Draft<CaLogEntry>): number {
    const order = this.#entries.length + 1
    const entry = {
      order,
      monotonic: Math.floor(performance.now() * 1000),
      at: Date.now() * 1000,
      ...draft,
    } as CaLogEntry
    this.#entries.push(entry)
    if (this.#file !== null) writeSync(this.#file, `${JSON.stringify(entry)}\n`)
    return order
  }

  get entries(): readonly CaLogEntry[] {
    return this.#entries
  }

  get requests(): readonly RequestEntry[] {
    return this.#entries.filter((entry) => entry.kind === 'request')
  }

  get objects(): readonly ObjectEntry[] {
    return this.#entries.filter((entry) => entry.kind === 'object')
  }

  close(): void {
    if (this.#file !== null) closeSync(this.#file)
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
