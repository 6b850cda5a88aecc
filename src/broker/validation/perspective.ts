import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import type { DnsPlace } from '../../ca/dns/ask.ts'
import { createResolver, parsePlace, type Resolver } from '../../ca/dns/resolver.ts'
import type { OwnAddresses } from '../../ca/own-addresses.ts'
import type { ChallengeSettings } from '../endpoint.ts'

/** One place that is looked from, for one validation. */
export interface Perspective {
  /** Local address; null: the system's choice. */
  readonly from: string | null
  readonly settings: ChallengeSettings
  readonly resolver: Resolver
  readonly own: OwnAddresses
  /** Aborts when time is up. */
  readonly signal: AbortSignal
  /** Ms that are left. */
  readonly left: () => number
}

export interface Patience {
  /** Ms for one DNS question to one server; it is asked twice. */
  readonly dns: number
  /** Ms for a challenge, and again for CAA. */
  readonly all: number
}

/**
 * Rejects where this machine has no such address: then nothing could be reached, and whoever runs the name would be blamed for it.
 * Sends nothing.
 */
export function mustHave(address: string): Promise<void> {
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
  return new Promise<void>((resolve, reject) => {
    socket.once('error', ({ code, message }: NodeJS.ErrnoException) =>
      reject(
        new Error(
          `challenges.from: nothing can be sent from ${address} (${code ?? message}): name addresses of this machine`,
        ),
      ),
    )
    socket.bind({ address, port: 0 }, resolve)
  }).finally(() => socket.close())
}

/** As Boulder has them. */
export const PATIENCE: Patience = { dns: 2_500, all: 10_000 }

/** `systems`: DNS servers that are asked where the settings name none. `signal` must abort when `patience.all` is over. */
export function perspectiveOf(
  from: string | null,
  settings: ChallengeSettings,
  { own, systems }: { readonly own: OwnAddresses; readonly systems: readonly DnsPlace[] },
  patience: Patience,
  signal: AbortSignal,
): Perspective {
  const configured = settings.resolvers.flatMap((text) => parsePlace(text) ?? [])
  const places = (configured.length > 0 ? configured : systems).map((place) =>
    from !== null && isIP(place.address) === isIP(from) ? { ...place, from } : place,
  )
  const end = performance.now() + patience.all
  return {
    from,
    settings,
    own,
    resolver: createResolver(places, patience.dns, signal),
    signal,
    left: () => Math.max(1, end - performance.now()),
  }
}
