/** What is allowed under `broker` and `local_cas` but will probably hurt. */
import type { EndpointConfig } from './broker.ts'
import { PRESETS } from './presets.ts'
import type { Config } from './schema.ts'

/** One self-contained line each. */
export function brokerWarnings(config: Config): string[] {
  return [
    ...config.broker.flatMap((endpoint) => endpointWarnings(endpoint, config)),
    ...caWarnings(config),
    ...localWarnings(config),
  ]
}

/** Every CA that an endpoint may send an order to: names under cas and local_cas. */
export function brokerCas({ broker }: Pick<Config, 'broker'>): ReadonlySet<string> {
  return new Set(
    broker.flatMap(({ cas, staging, routes }) => [...cas, ...staging, ...routes.flatMap((one) => one.cas)]),
  )
}

function endpointWarnings(endpoint: EndpointConfig, { listeners: { acme } }: Config): string[] {
  const { name, url, proof, challenges, pre_authorization, labels, eab } = endpoint
  const found: string[] = []
  const host = url === undefined ? null : new URL(url).hostname.replace(/^\[|\]$/g, '')
  if (host !== null && acme.certificate === undefined && !acme.names.includes(host)) {
    found.push(
      `broker.${name}: ${host} is not among listeners.acme.names, so the certificate that clients see will not name it`,
    )
  }
  if (url === undefined && acme.port === 0) {
    found.push(`broker.${name}: listeners.acme.port is 0, so its URLs change with every start; write url`)
  }
  if (proof === 'policy' && changed(challenges)) {
    found.push(`broker.${name}: challenges has no effect with proof: policy, which shows clients none`)
  }
  if (proof === 'policy' && pre_authorization) {
    found.push(`broker.${name}: pre_authorization has no effect with proof: policy`)
  }
  for (const label of labels) {
    if (label.from.some((network) => network.endsWith('/0'))) {
      found.push(
        `broker.${name}: label ${label.name} counts from everywhere, and a path is no secret: whoever knows it may have its names`,
      )
    }
  }
  if (labels.length > 0 && eab === 'required') {
    found.push(
      `broker.${name}: with eab: required a label alone lets nobody register; write eab: optional for clients that know no external account binding`,
    )
  }
  if (proof === 'challenge' && eab === 'optional' && !isLoopback(acme.address)) {
    found.push(
      `broker.${name}: whoever reaches ${acme.address} port ${acme.port} gets certificates for what he proves, under your accounts; write eab: required, or a policy`,
    )
  }
  return found
}

/** From what it is where nobody wrote it. */
function changed({
  types,
  http_port,
  tls_port,
  resolvers,
  from,
  internal,
  caa,
}: EndpointConfig['challenges']) {
  return (
    types.length < 3 ||
    http_port !== 80 ||
    tls_port !== 443 ||
    caa ||
    resolvers.length + from.length + internal.length > 0
  )
}

function caWarnings(config: Config): string[] {
  const { cas, engine } = config
  const used = [...brokerCas(config)].filter((ca) => Object.hasOwn(cas, ca))
  const managed = new Set(engine.certificates.map(({ ca }) => ca))
  const agreed = new Set(engine.accounts.filter(({ agree_terms }) => agree_terms).map(({ ca }) => ca))
  const found = used.flatMap((ca) => {
    const preset = cas[ca]?.preset
    if (agreed.has(ca) || managed.has(ca) || preset === 'step-ca') return []
    const title = preset === undefined ? ca : PRESETS[preset].title
    return [
      `engine.accounts: the broker needs an account at ${title}, and nothing agrees to its terms; write { ca: ${ca}, agree_terms: true }, or register with: acmetap engine accounts register ${ca} --agree-terms`,
    ]
  })
  if (used.length > 0 && engine.solvers.length === 0 && engine.certificates.length === 0) {
    found.push(
      `engine.solvers: there are none, so the broker can prove nothing to ${used.join(', ')}; add one (docs/engine.md)`,
    )
  }
  return found
}

function localWarnings(config: Config): string[] {
  const used = brokerCas(config)
  return Object.keys(config.local_cas)
    .filter((name) => !used.has(name))
    .map((name) => `local_cas.${name}: no endpoint under broker uses it`)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
