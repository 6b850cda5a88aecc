/** Finds the end of HTTP/1.1 answers on one connection: Content-Length, chunked or bodiless. One at a time. */
const HEAD_END = Buffer.from('\r\n\r\n')

export interface WholeAnswer {
  readonly status: number
  /** The body as it is framed. */
  readonly body: Buffer
  /** The first value of a field; `name` in lower case. */
  field(name: string): string | null
}

export class ResponseReader {
  #waiting: Buffer = Buffer.alloc(0)
  #resolve: ((answer: WholeAnswer) => void) | null = null
  #reject: ((error: Error) => void) | null = null
  #closed = false

  /** The next answer, when all of it has arrived. */
  next(): Promise<WholeAnswer> {
    if (this.#closed) return Promise.reject(new Error('the connection is closed'))
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  push(data: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? data : Buffer.concat([this.#waiting, data])
    const headEnd = this.#waiting.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#waiting.toString('latin1', 0, headEnd)
    const start = headEnd + HEAD_END.length
    const end = bodyEnd(this.#waiting, head, start)
    if (end === null || end > this.#waiting.length) return
    const body = this.#waiting.subarray(start, end)
    this.#waiting = this.#waiting.subarray(end)
    this.#resolve?.({
      status: Number(head.slice(9, 12)),
      body,
      field: (name) => new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1] ?? null,
    })
  }

  close(): void {
    this.#closed = true
    this.#reject?.(new Error('the connection was closed'))
  }
}

/** Offset after the body; null where it is not known yet. */
function bodyEnd(bytes: Buffer, head: string, start: number): number | null {
  const status = head.slice(9, 12)
  if (status === '204' || status === '304') return start
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) return start + Number(length)
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error(`no framing in ${head}`)
  for (let at = start; ; ) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return null
    const size = Number.parseInt(bytes.toString('latin1', at, line), 16)
    at = line + 2 + size + 2
    if (at > bytes.length) return null
    if (size === 0) return at
  }
}
