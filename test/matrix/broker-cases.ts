import type { AcmeClient, Method } from '../support/peers/client.ts'
import type { Case, Operation } from './row.ts'

/** What a client has to show: `proof` of the endpoint; `label`: it comes with a label and no EAB key. */
export interface BrokerWay {
  readonly proof: 'policy' | 'challenge' | 'both'
  readonly with: 'EAB' | 'label' | 'nothing'
  /** Who issues, and how acmetap proves control to it. */
  readonly from: Upstream
}

/** `local` is the local CA; the others are Pebble's challenges, each by the solver of that name. */
export const UPSTREAMS = ['local', 'webroot', 'listener', 'alpn', 'dns'] as const
export type Upstream = (typeof UPSTREAMS)[number]

const IN_WORDS: Readonly<Record<Upstream, string>> = {
  local: 'local CA',
  webroot: 'Pebble by webroot',
  listener: 'Pebble by http listener',
  alpn: 'Pebble by tls-alpn listener',
  dns: 'Pebble by DNS',
}

export function describeWay({ proof, with: shows, from }: BrokerWay): string {
  return `${proof}, ${shows}; ${IN_WORDS[from]}`
}

/** One for each proof; clients without EAB keys have labels at one of their own. */
export function endpointOf({ proof, with: shows }: BrokerWay): string {
  return shows === 'label' ? `${proof}-labelled` : proof
}

/** The names of an upstream, as a pattern: they tell acmetap which CA and which solver. */
export const zoneOf = (upstream: Upstream): string => `${upstream}.example.test`

/** Whether that upstream issues for wildcards. */
export const takesWildcards = (upstream: Upstream): boolean => upstream === 'dns' || upstream === 'local'

/**
 * Each client proves itself in every way it knows and gets certificates from every upstream; over all clients every way
 * meets every upstream. Not the full product: what a client does and what acmetap does at the CA do not touch.
 * `at` is the client's place in the list.
 */
export function brokerCasesOf(
  client: AcmeClient,
  at: number,
  methods: readonly Method[],
  operations: readonly Operation[],
): Case[] {
  const knows = methods.filter((method) => client.methods.includes(method))
  const [first] = knows
  if (first === undefined) return []
  const binds = client.knowsEab === true ? 'EAB' : 'label'
  const ways: Omit<BrokerWay, 'from'>[] = [{ proof: 'policy', with: binds }]
  const proofs: [Omit<BrokerWay, 'from'>, Method][] = ways.map((way) => [way, first])
  for (const method of knows) proofs.push([{ proof: 'challenge', with: 'nothing' }, method])
  for (const method of knows) proofs.push([{ proof: 'both', with: binds }, method])
  // Whoever knows few challenges meets the rest of the upstreams with what it has a key or label for.
  while (proofs.length < UPSTREAMS.length) proofs.push([{ proof: 'policy', with: binds }, first])
  return proofs.map(([way, challenge], index) => ({
    mode: 'broker',
    challenge,
    operations,
    broker: { ...way, from: UPSTREAMS[(at + index) % UPSTREAMS.length]! },
  }))
}
