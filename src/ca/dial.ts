import { isIP, type Socket } from 'node:net'
import { whyNotPublic } from './address-class.ts'
import { connectFirst } from './connect-first.ts'
import { connectThrough } from './connect-through.ts'
import { bypasses, type EgressProxy } from './egress-proxy.ts'
import { FailureError, upstreamFailure } from './failure.ts'
import { isUnspecified, type OwnAddresses } from './own-addresses.ts'
import { isHostName, type Resolve } from './resolve.ts'
import { secureFor } from './secure.ts'

/** Where a raw connection goes and who answers for it. */
export interface DialTarget {
  /** DNS name in lower case, or an IP address. */
  readonly host: string
  readonly port: number
  /**
   * True where the operator named this host: a CA, or a host listed by its full name. Such a host may be internal. Any
   * other must have public addresses only (threat: a proxy that leads inside).
   */
  readonly vouched: boolean
  /** Connect to one of these instead of resolving the name. */
  readonly addresses?: readonly string[]
  /** Local address to connect from; null leaves it to the system. */
  readonly from?: string | null
  /** Milliseconds for the connection, name resolution included. */
  readonly timeout: number
  readonly signal?: AbortSignal
}

/**
 * Opens a TCP connection, or a tunnel through the proxy on the way out where one is configured. The name is resolved
 * once, every address is judged, and the judged address is what is connected to. Never connects to a listener of our
 * own. Rejects with a FailureError (`addressRefused`, `nameNotResolved`, `connectRefused`, `connectTimeout`,
 * `proxyRefused`, `aborted`).
 */
export type Dial = (target: DialTarget) => Promise<Socket>

export interface WayOut {
  readonly resolve: Resolve
  readonly own: OwnAddresses
  /** Null: straight. */
  readonly proxy: EgressProxy | null
}

/** A name may have any number of addresses; one connection tries no more than these. */
const MOST_ATTEMPTS = 8

export function createDial(way: WayOut): Dial {
  const throughProxy = way.proxy === null ? null : createProxyDial(way, way.proxy)
  return async (target) => {
    const ending = new AbortController()
    const giveUp = () => ending.abort(new FailureError('aborted', 'given up before it was connected'))
    const step: Step = {
      signal: ending.signal,
      awaiting: `an address for ${target.host}`,
      cause: 'nameNotResolved',
    }
    const timer = setTimeout(
      () => ending.abort(new FailureError(step.cause, `no ${step.awaiting} within ${target.timeout} ms`)),
      target.timeout,
    )
    target.signal?.addEventListener('abort', giveUp)
    if (target.signal?.aborted) giveUp()
    try {
      if (throughProxy && !goesStraight(throughProxy.noProxy, target))
        return await throughProxy.dial(target, step)
      return await dialStraight(way, target, step)
    } catch (error) {
      throw asDialFailure(error)
    } finally {
      clearTimeout(timer)
      target.signal?.removeEventListener('abort', giveUp)
    }
  }
}

/** What is being waited for, so that a time-out can say it. */
interface Step {
  readonly signal: AbortSignal
  awaiting: string
  cause: 'nameNotResolved' | 'connectTimeout'
}

async function dialStraight(way: WayOut, target: DialTarget, step: Step): Promise<Socket> {
  const { host, port, from = null } = target
  const addresses = await addressesOf(way, target, step)
  for (const address of addresses) judge(way.own, address, target)
  const usable = sameFamily(addresses, from)
  if (usable.length === 0) {
    throw new FailureError('connectRefused', `${host} has no address that ${from} could send to`)
  }
  step.awaiting = `connection to ${host}:${port}`
  step.cause = 'connectTimeout'
  return connectFirst(usable.slice(0, MOST_ATTEMPTS), port, from, step.signal)
}

function addressesOf(way: WayOut, { host, addresses }: DialTarget, step: Step): Promise<readonly string[]> {
  if (addresses !== undefined && addresses.length > 0) return Promise.resolve(addresses)
  return way.resolve(host, step.signal)
}

/** Throws FailureError (`addressRefused`) where the address must not be connected to. */
export function judge(
  own: OwnAddresses,
  address: string,
  { host, port, vouched }: Pick<DialTarget, 'host' | 'port' | 'vouched'>,
): void {
  if (isIP(address) === 0) throw new FailureError('addressRefused', `${address} is no IP address`)
  const named = address === host ? address : `${host} leads to ${address}, which`
  if (own.holds(address, port)) {
    throw new FailureError('addressRefused', `${named} is acmetap's own listener on port ${port}`)
  }
  if (isUnspecified(address)) throw new FailureError('addressRefused', `${named} is this machine itself`)
  const reason = vouched ? null : whyNotPublic(address)
  if (reason !== null) throw new FailureError('addressRefused', `${named} ${reason}`)
}

function sameFamily(addresses: readonly string[], from: string | null): readonly string[] {
  return from === null ? addresses : addresses.filter((address) => isIP(address) === isIP(from))
}

function goesStraight(noProxy: readonly string[], { host, addresses = [] }: DialTarget): boolean {
  if (bypasses(noProxy, host)) return true
  return addresses.length > 0 && addresses.every((address) => bypasses(noProxy, address))
}

function createProxyDial(way: WayOut, proxy: EgressProxy) {
  const url = new URL(proxy.url)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const secure = url.protocol === 'https:' ? secureFor(host, proxy.trust) : null
  const port = Number(url.port) || (secure ? 443 : 80)
  const dial = async (target: DialTarget, step: Step): Promise<Socket> => {
    judgeForProxy(way.own, target)
    step.awaiting = `address for the proxy ${proxy.url}`
    const plain = await dialStraight(
      way,
      { ...target, host, port, vouched: true, addresses: [] },
      step,
    ).catch((error: unknown) => {
      const { cause, message } = upstreamFailure(error)
      throw new FailureError(cause, `the proxy ${proxy.url}: ${message}`)
    })
    step.awaiting = `answer of the proxy ${proxy.url} to CONNECT ${target.host}:${target.port}`
    const socket = secure
      ? await secure(plain, step.signal).catch((error: unknown) => {
          if (error instanceof FailureError) throw error
          throw new FailureError(
            'proxyRefused',
            `TLS with the proxy ${proxy.url}: ${upstreamFailure(error).message}`,
          )
        })
      : plain
    const there = target.addresses?.[0] ?? target.host
    await connectThrough(
      socket,
      proxy,
      `${isIP(there) === 6 ? `[${there}]` : there}:${target.port}`,
      step.signal,
    )
    return socket
  }
  return { noProxy: proxy.noProxy, dial }
}

/** Names that only mean something on the inside (RFC 6761 §6.3, RFC 6762 §3, RFC 8375). */
const INSIDE = /^[^.]*$|\.(?:localhost|local|internal|home\.arpa)$/i

/** The proxy resolves names, so only what the target itself says can be judged here. */
function judgeForProxy(own: OwnAddresses, target: DialTarget): void {
  const literals = target.addresses?.length
    ? target.addresses
    : [target.host].filter((host) => isIP(host) !== 0)
  for (const literal of literals) judge(own, literal, target)
  if (isIP(target.host) === 0 && !isHostName(target.host)) {
    throw new FailureError(
      'nameNotResolved',
      `${JSON.stringify(target.host.slice(0, 100))} is not a host name`,
    )
  }
  if (!target.vouched && literals.length === 0 && INSIDE.test(target.host)) {
    throw new FailureError('addressRefused', `${target.host} is a name of the inside`)
  }
}

/** Whatever the system says of a connection that was never made is one of the causes a dial has. */
function asDialFailure(error: unknown): FailureError {
  if (error instanceof FailureError) return error
  const { cause, message } = upstreamFailure(error)
  return new FailureError(cause === 'connectTimeout' ? cause : 'connectRefused', message)
}
