/**
 * src/broker/routing says which CAs an order may go to, and in which order: by the configuration (routes.ts), by what is
 * known of the CAs' state (ca-health.ts), and by what an operator pretends (drill.ts).
 */
import type { Identifier } from '../../acme/identifier.ts'
import { NameSet } from '../../policy/names/name-set.ts'
import { isFault, normalise } from '../../policy/names/normalise.ts'
import { type Pattern, parsePattern } from '../../policy/names/pattern.ts'
import type { Endpoint, Route } from '../endpoint.ts'

export interface Routed {
  readonly identifiers: readonly Identifier[]
  readonly label: string | null
  /** As the client asked. */
  readonly profile: string | null
}

/** Those of the first route that fits, else the endpoint's, in the order they are tried; each once. */
export function casFor(endpoint: Endpoint, order: Routed): readonly string[] {
  const route = endpoint.routes.find((each) => fits(each, order))
  return [...new Set(route?.cas ?? endpoint.cas)]
}

/** Every CA that some order of the endpoint may go to. */
export function everyCaOf({ cas, routes }: Endpoint): readonly string[] {
  return [...new Set([...cas, ...routes.flatMap((route) => route.cas)])]
}

/** What this CA calls the profile that the client asked for; null: its default. */
export function profileAt(endpoint: Endpoint, profile: string | null, ca: string): string | null {
  const at = endpoint.profiles.find(({ name }) => name === profile)?.at
  return at !== undefined && Object.hasOwn(at, ca) ? at[ca]! : profile
}

function fits(route: Route, { identifiers, label, profile }: Routed): boolean {
  if (route.labels !== null && (label === null || !route.labels.includes(label))) return false
  if (route.profiles !== null && (profile === null || !route.profiles.includes(profile))) return false
  if (route.names === null) return true
  const names = namesOf(route.names)
  return identifiers.every((identifier) => {
    const name = normalise(identifier)
    return !isFault(name) && names.covers(name)
  })
}

/** Routes live as long as their configuration. */
const sets = new WeakMap<readonly string[], NameSet>()

function namesOf(patterns: readonly string[]): NameSet {
  const known = sets.get(patterns)
  if (known !== undefined) return known
  // The configuration was checked: what is no pattern is not there.
  const set = NameSet.of(patterns.map((text) => parsePattern(text)).filter(isPattern))
  sets.set(patterns, set)
  return set
}

function isPattern(parsed: ReturnType<typeof parsePattern>): parsed is Pattern {
  return !isFault(parsed)
}
