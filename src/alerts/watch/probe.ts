import { isIP, type Socket } from 'node:net'
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls'
import { createDial, type Dial, type WayOut } from '../../ca/dial.ts'
import { FailureError, upstreamFailure } from '../../ca/failure.ts'
import type { Place } from './place.ts'
import { DialogueError, PlainText } from './plain-text.ts'
import type { Roots } from './roots.ts'
import { type Served, servedOn } from './served-certificate.ts'
import { DIALOGUES } from './starttls.ts'
import { mustBeWatched, watchedAddresses } from './watched-address.ts'

/** What a look at a place gave: a certificate, trusted or not, or why none could be seen. */
export type Probed =
  | { readonly served: Served; readonly error: null }
  | { readonly served: null; readonly error: string }

export interface ProbeOptions {
  readonly dial: Dial
  readonly roots: Roots
  /** ms for all of it. */
  readonly timeout?: number
  readonly signal?: AbortSignal
}

const TIMEOUT = 20_000

/** A dial for the watch list: to hosts inside and outside, but not to this machine's link and its cloud's metadata. */
export function watchDial(way: WayOut): Dial {
  const dial = createDial({ ...way, resolve: watchedAddresses(way.resolve) })
  return async (target) => {
    // A proxy on the way out resolves by itself; what is written down is judged all the same.
    if (isIP(target.host) !== 0) mustBeWatched(target.host, target.host)
    return dial(target)
  }
}

/**
 * Looks at what a place serves: TCP, the words that ask for TLS where it has a kind, and one handshake. Sends nothing
 * else. An untrusted certificate is seen, and said to be untrusted. Never rejects; takes no longer than the time-out.
 */
export async function probe(place: Place, options: ProbeOptions): Promise<Probed> {
  const { dial, roots, timeout = TIMEOUT } = options
  const ending = new AbortController()
  const step = { awaiting: `a connection to ${place.host}:${place.port}` }
  const late = () =>
    ending.abort(new DialogueError(`no ${step.awaiting.replace(/^an? /, '')} within ${timeout} ms`))
  const timer = setTimeout(late, timeout)
  const giveUp = () => ending.abort(new DialogueError('given up'))
  options.signal?.addEventListener('abort', giveUp)
  if (options.signal?.aborted) giveUp()
  let socket: Socket | null = null
  try {
    const { host, port } = place
    socket = await dial({ host, port, vouched: true, timeout, signal: ending.signal })
    if (place.starttls !== null) {
      step.awaiting = `answer to what asks for TLS (${place.starttls})`
      const plain = new PlainText(socket, ending.signal)
      await DIALOGUES[place.starttls](plain, place)
      socket = plain.end()
    }
    step.awaiting = 'TLS handshake'
    const served = await handshake(socket, place, roots, ending.signal)
    return served ?? { served: null, error: 'it has no certificate that could be read' }
  } catch (error) {
    return { served: null, error: errorText(error) }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', giveUp)
    socket?.destroy()
  }
}

function handshake(
  socket: Socket,
  { host }: Place,
  roots: Roots,
  signal: AbortSignal,
): Promise<{ served: Served; error: null } | null> {
  return new Promise((resolve, reject) => {
    const secured: TLSSocket = connect({
      socket,
      servername: isIP(host) === 0 ? host : '',
      secureContext: roots.context,
      // To see it is what this is for: whether it is trusted is said beside it, and nothing is sent to it.
      rejectUnauthorized: false,
      // RFC 9525 §2: the common name is no name of a server.
      checkServerIdentity: (_, certificate) =>
        checkServerIdentity(host, { ...certificate, subject: { ...certificate.subject, CN: '' } }),
    })
    const giveUp = () => {
      secured.destroy()
      reject(signal.reason)
    }
    if (signal.aborted) return giveUp()
    signal.addEventListener('abort', giveUp)
    const settled = () => signal.removeEventListener('abort', giveUp)
    secured.once('secureConnect', () => {
      settled()
      const served = servedOn(secured, roots)
      secured.destroy()
      resolve(served === null ? null : { served, error: null })
    })
    secured.on('error', (error) => {
      settled()
      reject(error)
    })
    secured.once('close', () => {
      settled()
      reject(new DialogueError('hung up during the TLS handshake'))
    })
  })
}

/** One line for people. */
function errorText(error: unknown): string {
  if (error instanceof DialogueError || error instanceof FailureError) return error.message
  return upstreamFailure(error).message.replace(/\s+/g, ' ').trim().slice(0, 300)
}
