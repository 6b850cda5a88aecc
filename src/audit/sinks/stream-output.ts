import type { Writable } from 'node:stream'
import type { OutgoingLine, Output } from './output.ts'

/** Writes to a stream that somebody else opened and closes: standard output. A reader that stops reading stops the sink alone. */
export class StreamOutput implements Output {
  readonly #stream: Writable
  // Without a listener a broken pipe would end the process.
  readonly #onError = () => undefined

  constructor(stream: Writable) {
    this.#stream = stream
    stream.on('error', this.#onError)
  }

  /** One at a time: others write to the same pipe, which takes up to 4 KiB at once whole, and splits what is longer. */
  async write(lines: readonly OutgoingLine[], signal: AbortSignal): Promise<void> {
    for (const { text } of lines) await this.#take(`${text}\n`, signal)
  }

  #take(text: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => reject(new Error('standard output did not take the lines before the end'))
      if (signal.aborted) return stop()
      signal.addEventListener('abort', stop, { once: true })
      this.#stream.write(text, (error) => {
        signal.removeEventListener('abort', stop)
        if (error) reject(new Error(`can't write to standard output: ${error.message}`, { cause: error }))
        else resolve()
      })
    })
  }

  reopen(): void {}

  async close(): Promise<void> {
    this.#stream.off('error', this.#onError)
  }
}
