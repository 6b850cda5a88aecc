import type { DnsPlace } from '../ca/dns/ask.ts'
import { parsePlace, systemResolvers } from '../ca/dns/resolver.ts'
import type { Config } from '../config/schema.ts'

/** DNS servers that are asked: those that the configuration has for the way out, else the system's. */
export function resolversOf({ egress }: Pick<Config, 'egress'>): readonly DnsPlace[] {
  const configured = egress.resolvers.flatMap((text) => parsePlace(text) ?? [])
  return configured.length > 0 ? configured : systemResolvers()
}
