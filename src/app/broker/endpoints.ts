import { isIPv6 } from 'node:net'
import type { Endpoint } from '../../broker/endpoint.ts'
import type { EndpointConfig } from '../../config/broker.ts'
import type { Config } from '../../config/schema.ts'

/** The ACME servers that a configuration has, twins among them. `port`: where listener `acme` is bound. */
export function endpointsOf(config: Pick<Config, 'broker' | 'listeners'>, port: number): readonly Endpoint[] {
  return config.broker.flatMap((written) => {
    const origin = originOf(written, config, port)
    const twin = written.staging.length > 0 ? [endpointOf(written, origin, true)] : []
    return [endpointOf(written, origin, false), ...twin]
  })
}

function originOf(
  { url }: EndpointConfig,
  { listeners: { acme } }: Pick<Config, 'listeners'>,
  port: number,
): string {
  if (url !== undefined) return new URL(url).origin
  const name = acme.names[0]!
  return new URL(`https://${isIPv6(name) ? `[${name}]` : name}:${port}`).origin
}

function endpointOf(written: EndpointConfig, origin: string, staging: boolean): Endpoint {
  const { name, challenges } = written
  return {
    name: staging ? `${name}-staging` : name,
    path: staging ? `/${name}/staging` : `/${name}`,
    origin,
    staging,
    cas: staging ? written.staging : written.cas,
    // A rehearsal goes to the stagings, whatever the real order would go to.
    routes: staging
      ? []
      : written.routes.map(({ names, labels, profiles, cas }) => ({
          names: names ?? null,
          labels: labels ?? null,
          profiles: profiles ?? null,
          cas,
        })),
    proof: written.proof,
    eab: written.eab,
    labels: written.labels,
    profiles: written.profiles,
    accounts: written.accounts,
    terms: written.terms ?? null,
    website: written.website ?? null,
    caaIdentities: written.caa_identities,
    challenges: {
      types: challenges.types,
      httpPort: challenges.http_port,
      tlsPort: challenges.tls_port,
      resolvers: challenges.resolvers,
      from: challenges.from,
      internal: challenges.internal,
      caa: challenges.caa,
    },
    authorizationLifetime: written.authorization_lifetime,
    orderLifetime: written.order_lifetime,
    preAuthorization: written.pre_authorization,
  }
}
