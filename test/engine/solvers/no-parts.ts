import { OwnAddresses } from '../../../src/ca/own-addresses.ts'
import { createResolve } from '../../../src/ca/resolve.ts'
import { createServiceClient } from '../../../src/ca/service-client.ts'
import type { SolverParts } from '../../../src/engine/solvers/solver-of.ts'
import { systemClock } from '../../../src/exchange/clock.ts'

const way = { resolve: createResolve(), own: new OwnAddresses(), proxy: null }

/** The system's resolver, nothing of our own, no responder. */
export const noParts: SolverParts = {
  wayOut: () => way,
  services: createServiceClient(() => way),
  dns: {},
  clock: systemClock(),
  responder: null,
}
