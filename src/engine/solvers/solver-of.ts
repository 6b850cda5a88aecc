/** Solvers from the configuration: one table for those that answer themselves, one for those that write DNS records. */
import type { WayOut } from '../../ca/dial.ts'
import type { ServiceClient } from '../../ca/service-client.ts'
import { SOLVER_KINDS, type SolverConfig, type SolverKind } from '../../config/engine-solvers.ts'
import type { Clock } from '../../exchange/clock.ts'
import { EngineError } from '../engine-error.ts'
import type { Publisher } from '../publisher.ts'
import { createAzure } from '../publishers/azure.ts'
import { createCloudflare } from '../publishers/cloudflare.ts'
import { createDesec } from '../publishers/desec.ts'
import { createDigitalocean } from '../publishers/digitalocean.ts'
import { createGoogle } from '../publishers/google.ts'
import { createHetzner } from '../publishers/hetzner.ts'
import { createOvh } from '../publishers/ovh.ts'
import { createRfc2136 } from '../publishers/rfc2136.ts'
import { createRoute53 } from '../publishers/route53.ts'
import type { Solver } from '../solver.ts'
import { createAcmeSh } from './acme-sh.ts'
import { createDnsSolver, type DnsDeps } from './dns.ts'
import { createExecPublisher, createExecSolver } from './exec.ts'
import { createHttpResponder } from './http-responder.ts'
import { createHttpreq, createHttpreqSolver } from './httpreq.ts'
import { createPersist } from './persist.ts'
import { createStateless } from './stateless.ts'
import { createTlsAlpn } from './tls-alpn.ts'
import { createWebroot } from './webroot.ts'

export interface SolverParts {
  readonly wayOut: () => WayOut
  /** For services that an operator named. */
  readonly services: ServiceClient
  readonly dns: DnsDeps
  readonly clock: Clock
  /** Of engine.dns; null where that is not configured. */
  readonly responder: Publisher | null
}

type Made<Kind extends SolverKind, Thing> = (
  name: string,
  settings: NonNullable<SolverConfig[Kind]>,
  parts: SolverParts,
) => Thing
type Makers<Thing> = { readonly [Kind in SolverKind]?: Made<Kind, Thing> }

const SOLVERS: Makers<Solver> = {
  http: (name, settings) => createHttpResponder(name, settings),
  webroot: (name, settings) => createWebroot(name, settings),
  stateless: (name, settings, { wayOut }) => createStateless(name, settings, { wayOut }),
  tls_alpn: (name, settings) => createTlsAlpn(name, settings),
}

const PUBLISHERS: Makers<Publisher> = {
  rfc2136: (_name, settings, { wayOut, clock }) =>
    createRfc2136(settings, { clock, resolve: (host, signal) => wayOut().resolve(host, signal) }),
  exec: (name, settings) => createExecPublisher(name, settings),
  httpreq: (name, settings, { services }) => createHttpreq(name, settings, services),
  acme_sh: (name, settings) => createAcmeSh(name, settings),
  cloudflare: createCloudflare,
  route53: createRoute53,
  google: createGoogle,
  azure: createAzure,
  digitalocean: createDigitalocean,
  hetzner: createHetzner,
  ovh: createOvh,
  desec: createDesec,
  responder: (name, _settings, { responder }) => {
    if (responder === null) throw input(name, 'is the responder of engine.dns, which is not configured')
    return responder
  },
}

/** Throws EngineError (`input`) where it can't be what it is configured as. */
export function solverOf(config: SolverConfig, parts: SolverParts): Solver {
  const { name } = config
  const kinds = SOLVER_KINDS.filter((kind) => config[kind] !== undefined)
  const [kind] = kinds
  if (kind === undefined || kinds.length > 1)
    throw input(name, `must be exactly one of ${SOLVER_KINDS.join(', ')}`)
  const { exec, httpreq } = config
  if (exec?.mode === 'raw') return createExecSolver(name, exec, watching(config, parts))
  if (httpreq?.mode === 'raw')
    return createHttpreqSolver(name, httpreq, parts.services, watching(config, parts))
  // Its settings are those of the solver itself.
  if (kind === 'persist') return createPersist(name, config, { ...parts.dns, clock: parts.clock })
  const solver = make(SOLVERS, kind, config, parts)
  if (solver !== null) return solver
  const publisher = make(PUBLISHERS, kind, config, parts)
  if (publisher !== null) return createDnsSolver(name, config, publisher, parts.dns)
  throw input(name, `is of kind ${kind}, which this version can't use`)
}

function make<Thing>(
  makers: Makers<Thing>,
  kind: SolverKind,
  config: SolverConfig,
  parts: SolverParts,
): Thing | null {
  const maker = makers[kind] as Made<SolverKind, Thing> | undefined
  const settings = config[kind]
  return maker === undefined || settings === undefined ? null : maker(config.name, settings, parts)
}

/** Whoever is called in raw mode makes the record; whether it can be seen is looked at all the same. */
function watching(config: SolverConfig, { dns }: SolverParts): Solver['ready'] {
  if (config.type !== 'dns-01')
    throw input(config.name, 'is raw, which is made for dns-01 only: set mode default, or type dns-01')
  const watcher = createDnsSolver(config.name, config, NOBODY, dns)
  return watcher.ready?.bind(watcher)
}

const NOBODY: Publisher = { add: async () => undefined, remove: async () => undefined }

function input(name: string, what: string): EngineError {
  return new EngineError('input', `solver ${name} ${what}`)
}
