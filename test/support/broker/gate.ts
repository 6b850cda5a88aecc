import { once } from 'node:events'
import { createConnection, createServer, type Socket } from 'node:net'
import { freePort } from '../child-process.ts'

export type GateState = 'open' | 'refusing' | 'hanging'

/** A TCP port in front of a CA, which may refuse connections or let everything hang, and be well again. */
export class Gate {
  readonly port: number
  #state: GateState = 'refusing'
  readonly #target: number
  readonly #server = createServer((socket) => this.#accept(socket))
  readonly #sockets = new Set<Socket>()

  private constructor(port: number, target: number) {
    this.port = port
    this.#target = target
  }

  /** Refuses until it is opened. */
  static async before(target: number): Promise<Gate> {
    return new Gate(await freePort(), target)
  }

  async set(state: GateState): Promise<void> {
    if (state === this.#state) return
    const before = this.#state
    this.#state = state
    if (state === 'hanging') {
      for (const socket of this.#sockets) socket.unpipe().pause()
    } else {
      for (const socket of this.#sockets) socket.destroy()
    }
    if (state === 'refusing') {
      this.#server.close()
      await once(this.#server, 'close')
    } else if (before === 'refusing') {
      this.#server.listen(this.port, '127.0.0.1')
      await once(this.#server, 'listening')
    }
  }

  close(): Promise<void> {
    return this.set('refusing')
  }

  #accept(socket: Socket): void {
    this.#keep(socket)
    if (this.#state === 'hanging') {
      socket.pause()
      return
    }
    const behind = createConnection(this.#target, '127.0.0.1')
    this.#keep(behind)
    socket.pipe(behind).pipe(socket)
    socket.once('close', () => behind.destroy())
    behind.once('close', () => socket.destroy())
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
