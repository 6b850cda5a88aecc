import type { Socket } from 'node:net'

/** The server said something else than its protocol allows, or no. For people: one line, what it said is escaped. */
export class DialogueError extends Error {}

/** All that a server may say before TLS; the longest banners and lists of capabilities are far below. Bytes. */
const MOST = 16_384

/**
 * A conversation in plain text before TLS. Reads no more than {@link MOST} in all and waits no longer than the signal
 * lets it; afterwards the socket is as it was. Reads reject with {@link DialogueError}, with the error of the socket,
 * or with the reason of the signal.
 */
export class PlainText {
  readonly #socket: Socket
  readonly #signal: AbortSignal
  #buffer = Buffer.alloc(0)
  #read = 0
  #fault: Error | null = null
  #wake: () => void = () => {}

  constructor(socket: Socket, signal: AbortSignal) {
    this.#socket = socket
    this.#signal = signal
    socket.on('data', this.#onData)
    socket.on('error', this.#onError)
    socket.on('close', this.#onClose)
    signal.addEventListener('abort', this.#onAbort)
    if (signal.aborted) this.#onAbort()
  }

  get localAddress(): string {
    return this.#socket.localAddress ?? '127.0.0.1'
  }

  send(text: string | Buffer): void {
    this.#socket.write(text)
  }

  /** Up to the next line feed, which is left out with the carriage return before it. */
  async line(): Promise<string> {
    return (await this.until('\n')).replace(/\r?\n$/, '')
  }

  /** Up to and with this mark. */
  async until(mark: string): Promise<string> {
    for (;;) {
      const at = this.#buffer.indexOf(mark)
      if (at !== -1) return this.#take(at + mark.length).toString('latin1')
      await this.#more()
    }
  }

  async bytes(count: number): Promise<Buffer> {
    while (this.#buffer.length < count) await this.#more()
    return this.#take(count)
  }

  /** Gives the socket back. Throws where more came than was asked for: TLS has to begin with our own hello. */
  end(): Socket {
    this.#socket.pause()
    this.#socket.off('data', this.#onData)
    this.#socket.off('error', this.#onError)
    this.#socket.off('close', this.#onClose)
    this.#signal.removeEventListener('abort', this.#onAbort)
    if (this.#buffer.length > 0) throw new DialogueError('said more in plain text after it had agreed to TLS')
    return this.#socket
  }

  #take(count: number): Buffer {
    const taken = this.#buffer.subarray(0, count)
    this.#buffer = this.#buffer.subarray(count)
    return taken
  }

  async #more(): Promise<void> {
    if (this.#fault !== null) throw this.#fault
    this.#socket.resume()
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
    if (this.#fault !== null && this.#buffer.length === 0) throw this.#fault
  }

  readonly #onData = (bytes: Buffer): void => {
    this.#read += bytes.length
    if (this.#read > MOST) this.#fail(new DialogueError(`said more than ${MOST} bytes before TLS`))
    else this.#buffer = Buffer.concat([this.#buffer, bytes])
    this.#wake()
  }

  readonly #onError = (error: Error): void => this.#fail(error)
  readonly #onClose = (): void => this.#fail(new DialogueError('hung up before TLS'))
  readonly #onAbort = (): void => this.#fail(this.#signal.reason as Error)

  #fail(error: Error): void {
    this.#fault ??= error
    this.#socket.pause()
    this.#wake()
  }
}
