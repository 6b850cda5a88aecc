import { OperationRefused, type Operations } from '../../src/api/operations.ts'
import type { ExchangeFilter, RecordedExchange } from '../../src/audit/record-store.ts'
import type { AccountKey } from '../../src/exchange/resource.ts'

/** Operations over a list in memory, which remember how they were called. */
export class FakeOperations implements Operations {
  readonly calls: unknown[][] = []
  readonly kept = new Map<string, Buffer>()
  readonly keys: AccountKey[] = []
  found: RecordedExchange[]
  /** What a tail gives before it waits for the signal. */
  upcoming: RecordedExchange[] = []
  tailsRunning = 0

  constructor(found: RecordedExchange[] = []) {
    this.found = found
  }

  async exchanges(filter: ExchangeFilter, limit: number) {
    this.calls.push(['exchanges', filter, limit])
    return this.found.slice(0, limit)
  }
  async exchange(id: string) {
    return this.found.find((one) => one.id === id) ?? null
  }
  async body(_exchange: string, digest: string) {
    return this.kept.get(digest) ?? null
  }
  async accounts() {
    return this.keys
  }
  async importAccounts(keys: readonly AccountKey[]) {
    this.keys.push(...keys)
    return { added: keys.length, known: 0 }
  }
  async backup(file: string) {
    this.calls.push(['backup', file])
    return { file, bytes: 4096 }
  }
  async *tail(from: number | null, signal: AbortSignal) {
    this.calls.push(['tail', from])
    this.tailsRunning += 1
    try {
      yield* this.upcoming
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    } finally {
      this.tailsRunning -= 1
    }
  }
  async cas() {
    return [
      {
        name: 'pebble',
        title: 'Pebble',
        directories: [
          { url: 'https://localhost:14000/dir', state: 'ok', checkedAt: 1_000_000, detail: null },
        ],
        relays: [
          { host: 'localhost:8443', state: 'refused', advice: 'use another host', checkedAt: 1_000_000 },
        ],
      },
    ] as const
  }
  async probe(name?: string) {
    if (name !== undefined && name !== 'pebble') throw new OperationRefused(`there is no CA ${name}`, 404)
    return this.cas()
  }
  async reload() {
    return { ok: true, digest: 'd', problems: [] }
  }
  async status() {
    return {
      version: '0',
      instance: 'test',
      pid: 1,
      startedAt: 0,
      config: { file: '/x', digest: 'd' },
      listeners: [],
      store: { state: 'ok', detail: null, waiting: 0, lastCommit: 0 },
      inFlight: 0,
      tunnels: 0,
      namesNotCovered: [],
      sinks: [],
    } as const
  }
}
