import { lookup, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { FailureError } from './failure.ts'

/**
 * The addresses of a name, in the order to try them, at least one. An IP address is its own. Asks afresh each time, so
 * that what was judged is what is used. Rejects with `nameNotResolved`, or with the signal's reason once it aborts.
 */
export type Resolve = (host: string, signal: AbortSignal) => Promise<readonly string[]>

/** Asks the system, or only these DNS servers (`address`, `address:port`, `[address]:port`) where there are any. */
export function createResolve(servers: readonly string[] = []): Resolve {
  const ask = servers.length === 0 ? askSystem : (name: string) => askServers(servers, name)
  return async (host, signal) => {
    if (isIP(host) !== 0) return [host]
    if (!isHostName(host)) throw new FailureError('nameNotResolved', `${quoted(host)} is not a host name`)
    signal.throwIfAborted()
    const question = ask(host)
    return new Promise((resolve, reject) => {
      const giveUp = () => {
        question.cancel()
        reject(signal.reason)
      }
      signal.addEventListener('abort', giveUp, { once: true })
      question.answer
        .then(
          (addresses) => resolve([...new Set(addresses)]),
          (error: NodeJS.ErrnoException) =>
            reject(
              new FailureError('nameNotResolved', `${error.code ?? error.message}: no address for ${host}`),
            ),
        )
        .finally(() => signal.removeEventListener('abort', giveUp))
    })
  }
}

/**
 * Names that the DNS could hold and nobody could take for an address. Without this the system's resolver would read
 * `127.1`, `0x7f000001` and fullwidth digits as addresses.
 */
export function isHostName(name: string): boolean {
  return (
    name.length <= 253 &&
    /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/i.test(name) &&
    !/(?:^|\.)(?:\d+|0x[0-9a-f]*)$/i.test(name)
  )
}

interface Question {
  readonly answer: Promise<readonly string[]>
  cancel(): void
}

function askSystem(name: string): Question {
  const answer = lookup(name, { all: true, order: 'verbatim' }).then((found) =>
    found.map(({ address }) => address),
  )
  // The system's call can't be taken back; its answer is dropped.
  return { answer, cancel: () => undefined }
}

function askServers(servers: readonly string[], name: string): Question {
  // RFC 6761 §6.3: these names are not asked of anyone.
  if (/(?:^|\.)localhost$/i.test(name)) {
    return { answer: Promise.resolve(['127.0.0.1', '::1']), cancel: () => undefined }
  }
  // One for each question: c-ares keeps answers for as long as a resolver lives.
  const resolver = new Resolver({ timeout: 2_000, tries: 2 })
  resolver.setServers(servers)
  return { answer: bothFamilies(resolver, name), cancel: () => resolver.cancel() }
}

async function bothFamilies(resolver: Resolver, name: string): Promise<readonly string[]> {
  const [six, four] = await Promise.allSettled([resolver.resolve6(name), resolver.resolve4(name)])
  const sixes = six.status === 'fulfilled' ? six.value : []
  const fours = four.status === 'fulfilled' ? four.value : []
  if (sixes.length + fours.length > 0) return alternating(sixes, fours)
  throw four.status === 'rejected' ? four.reason : new Error('an empty answer')
}

/** RFC 8305 §4: one family's trouble should not have to be waited out address by address. */
function alternating(first: readonly string[], second: readonly string[]): string[] {
  const longest = Math.max(first.length, second.length)
  return Array.from({ length: longest }, (_, i) => [first[i], second[i]])
    .flat()
    .filter((address) => address !== undefined)
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 100))
}
