import { connect, type Socket } from 'node:net'

/** RFC 8305 §5: the Connection Attempt Delay. */
const ATTEMPT_DELAY = 250

/**
 * Connects to the first of these addresses that answers: the next one is tried when one fails or after 250 ms. Rejects
 * with the first attempt's error, or with the signal's reason. The socket keeps a listener for `error`, so that one
 * which comes before its new owner listens ends nothing but the socket.
 */
export function connectFirst(
  addresses: readonly string[],
  port: number,
  from: string | null,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const attempts = new Set<Socket>()
    let firstError: Error | null = null
    let next = 0
    let timer: NodeJS.Timeout | undefined

    const settle = (winner: Socket | null) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', giveUp)
      for (const socket of attempts) if (socket !== winner) socket.destroy()
      attempts.clear()
    }
    const giveUp = () => {
      settle(null)
      reject(signal.reason)
    }
    const attempt = () => {
      clearTimeout(timer)
      const address = addresses[next]
      next += 1
      if (address === undefined) {
        if (attempts.size > 0) return
        settle(null)
        return reject(firstError ?? new Error('there is no address to connect to'))
      }
      const socket = connect({
        host: address,
        port,
        ...(from === null ? {} : { localAddress: from }),
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 60_000,
      })
      attempts.add(socket)
      socket.on('error', (error) => {
        if (!attempts.delete(socket)) return
        firstError ??= error
        attempt()
      })
      socket.once('connect', () => {
        if (!attempts.has(socket)) return
        settle(socket)
        resolve(socket)
      })
      timer = setTimeout(attempt, ATTEMPT_DELAY)
    }

    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', giveUp)
    attempt()
  })
}
