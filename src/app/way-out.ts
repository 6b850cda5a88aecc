import type { WayOut } from '../ca/dial.ts'
import { egressProxyOf } from '../ca/egress-proxy.ts'
import type { OwnAddresses } from '../ca/own-addresses.ts'
import type { PacerSettings } from '../ca/pacer.ts'
import { createResolve } from '../ca/resolve.ts'
import type { Config } from '../config/schema.ts'
import type { Routing } from './routing.ts'

/** A resolver that stays the same keeps the connections that were made with it. */
export function wayOutOf(
  { egress }: Config,
  own: OwnAddresses,
  resolve: WayOut['resolve'] = createResolve(egress.resolvers),
): WayOut {
  return { resolve, own, proxy: egressProxyOf(egress) }
}

export function pacingOf({ egress, limits }: Config, { pacing }: Pick<Routing, 'pacing'>): PacerSettings {
  return { byCa: pacing, addresses: egress.addresses, wait: limits.wait }
}
