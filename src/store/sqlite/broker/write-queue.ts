import { EngineError } from '../../../engine/engine-error.ts'
import type { Asked } from '../../thread.ts'
import type { BrokerWrite, Written } from './broker-side.ts'

interface Pending {
  readonly write: BrokerWrite
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
}

const MOST_AT_ONCE = 256

/**
 * Writes that come while others are being written, or within one turn of the event loop, make the next transaction: they
 * share what its sync costs. One that is refused takes no other with it.
 */
export class WriteQueue {
  readonly #thread: Asked
  #pending: Pending[] = []
  #writing = false
  #flushDue = false
  #drained: (() => void) | null = null

  constructor(thread: Asked) {
    this.#thread = thread
  }

  /** Resolves when it is durable. Rejects with EngineError (`input`) where it was refused, else with ThreadError. */
  write<T>(write: BrokerWrite): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#pending.push({ write, resolve, reject })
      this.#flushSoon()
    })
  }

  /** Resolves when nothing is on its way any more. */
  drained(): Promise<void> {
    if (this.#pending.length === 0 && !this.#writing) return Promise.resolve()
    return new Promise((resolve) => {
      this.#drained = resolve
    })
  }

  #flushSoon(): void {
    if (this.#flushDue || this.#writing) return
    this.#flushDue = true
    setImmediate(() => {
      this.#flushDue = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const taken = this.#pending.slice(0, MOST_AT_ONCE)
    this.#pending = this.#pending.slice(MOST_AT_ONCE)
    this.#writing = true
    try {
      const list = taken.map(({ write }) => write)
      const written = await this.#thread.call<Written[]>('write', list)
      for (const [at, { resolve, reject }] of taken.entries()) {
        const each = written[at]!
        if ('refused' in each) reject(new EngineError('input', each.refused))
        else resolve(each.value as never)
      }
    } catch (error) {
      for (const { reject } of taken) reject(error)
    }
    this.#writing = false
    if (this.#pending.length > 0) this.#flushSoon()
    else this.#drained?.()
  }
}
