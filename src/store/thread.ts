import { type Transferable, Worker } from 'node:worker_threads'
import { messageOf } from '../exchange/message-of.ts'
import { type RefusalReason, StoreRefusal } from './refusal.ts'

/** What goes to a thread and what comes back. The first message from a thread is `ready` or `refused`. */
export interface Request {
  readonly id: number
  readonly name: string
  readonly argument: unknown
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | null } }

export type Greeting = 'ready' | { readonly reason: RefusalReason; readonly message: string }

/** An error that happened in the thread; `code` as SQLite names it. */
export class ThreadError extends Error {
  readonly code: string | null
  constructor(message: string, code: string | null) {
    super(message)
    this.name = 'ThreadError'
    this.code = code
  }
}

interface Waiting {
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** What is asked by name. Rejects with {@link ThreadError}. */
export interface Asked {
  call<T>(name: string, argument: unknown, transfer?: readonly Transferable[]): Promise<T>
  close(): Promise<void>
}

/** `store broker` for broker-worker.js: what the system calls the thread (`top -H`), which takes 15 characters. */
function nameOf({ pathname }: URL): string {
  return `store ${/([^/]*?)(?:-worker)?\.[jt]s$/.exec(pathname)?.[1] ?? ''}`
}

/** A worker thread that is asked by name. One that has died fails what it was asked and is begun anew at the next call. */
export class Thread implements Asked {
  readonly #script: URL
  readonly #data: unknown
  readonly #waiting = new Map<number, Waiting>()
  #worker: Worker | null = null
  #starting: Promise<Worker> | null = null
  #closed = false
  #last = 0

  private constructor(script: URL, data: unknown) {
    this.#script = script
    this.#data = data
  }

  /** Resolves when the thread is ready. Rejects with its {@link StoreRefusal}. */
  static async start(script: URL, data: unknown): Promise<Thread> {
    const thread = new Thread(script, data)
    await thread.#start()
    return thread
  }

  async call<T>(name: string, argument: unknown, transfer: readonly Transferable[] = []): Promise<T> {
    if (this.#closed) throw new ThreadError('the store is closed', null)
    const worker = this.#worker ?? (await this.#start())
    const id = ++this.#last
    return new Promise<T>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      try {
        worker.postMessage({ id, name, argument } satisfies Request, transfer)
      } catch (error) {
        this.#waiting.delete(id)
        reject(error)
      }
    })
  }

  /** Ask for `close`, then wait for the thread to end. */
  async close(): Promise<void> {
    if (this.#closed) return
    const worker = this.#worker
    const ended = worker ? new Promise((resolve) => worker.once('exit', resolve)) : null
    const asked = worker ? this.call('close', null).catch(() => worker.terminate()) : null
    this.#closed = true
    await asked
    await ended
  }

  #start(): Promise<Worker> {
    this.#starting ??= this.#spawn().finally(() => {
      this.#starting = null
    })
    return this.#starting
  }

  #spawn(): Promise<Worker> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(this.#script, { workerData: this.#data, name: nameOf(this.#script) })
      worker.once('message', (greeting: Greeting) => {
        if (greeting !== 'ready') {
          reject(new StoreRefusal(greeting.reason, greeting.message))
          return
        }
        worker.on('message', (reply: Reply) => this.#settle(reply))
        this.#worker = worker
        resolve(worker)
      })
      worker.once('error', (error) => {
        reject(error)
        this.#fail(worker, messageOf(error))
      })
      worker.once('exit', () => {
        reject(new ThreadError('a thread of the store ended at its start', null))
        this.#fail(worker, 'a thread of the store ended')
      })
    })
  }

  #settle(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id)
    if (!waiting) return
    this.#waiting.delete(reply.id)
    if ('error' in reply) waiting.reject(new ThreadError(reply.error.message, reply.error.code))
    else waiting.resolve(reply.value as never)
  }

  #fail(worker: Worker, message: string): void {
    if (this.#worker !== worker) return
    this.#worker = null
    const lost = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { reject } of lost) reject(new ThreadError(message, null))
  }
}
