/** What is allowed under `engine` but will probably hurt. */
import { isHere } from './alert-references.ts'
import { solverAnswers, solverKind } from './engine-solver-references.ts'
import { SOLVER_KINDS } from './engine-solvers.ts'
import { PRESETS } from './presets.ts'
import type { Config } from './schema.ts'

/** One self-contained line each. */
export function engineWarnings(config: Config): string[] {
  return [
    ...termsWarnings(config),
    ...nameWarnings(config),
    ...listenerWarnings(config),
    ...plainWarnings(config),
    ...dnsWarnings(config),
  ]
}

/** CAs that make no account without it. A private CA rarely has terms. */
function termsWarnings({ engine, cas }: Config): string[] {
  const agreed = new Set(engine.accounts.filter(({ agree_terms }) => agree_terms).map(({ ca }) => ca))
  const used = new Set(engine.certificates.map(({ ca }) => ca))
  return [...used].flatMap((ca) => {
    const preset = cas[ca]?.preset
    if (agreed.has(ca) || preset === 'step-ca') return []
    const title = preset === undefined ? ca : PRESETS[preset].title
    return [
      `engine.accounts: a certificate needs an account at ${title}, and nothing agrees to its terms; write { ca: ${ca}, agree_terms: true }, or register with: acmetap engine accounts register ${ca} --agree-terms`,
    ]
  })
}

function nameWarnings({ engine }: Config): string[] {
  if (engine.certificates.length === 0) return []
  if (engine.solvers.length === 0)
    return ['engine.solvers: there are none, so only names that the CA asks no proof of can be had']
  const kinds = engine.solvers.flatMap((one) => solverKind(one) ?? [])
  return engine.certificates.flatMap(({ name, names, solver }) => {
    if (solver !== undefined) return []
    const [without] = names.filter((one) => !kinds.some((kind) => solverAnswers(kind, one)))
    return without === undefined
      ? []
      : [`engine.certificates: no solver can answer for ${without} of ${name}; ${wanted(without)}`]
  })
}

function wanted(name: string): string {
  return name.startsWith('*.')
    ? 'a wildcard needs one that writes DNS records'
    : 'an address needs http or tls_alpn'
}

const PORTS = { http: 80, tls_alpn: 443 } as const

/** CAs connect to one port each, from outside. */
function listenerWarnings({ engine }: Config): string[] {
  return engine.solvers.flatMap((solver) =>
    (['http', 'tls_alpn'] as const).flatMap((kind) => {
      const settings = solver[kind]
      if (settings === undefined || !isLoopback(settings.address)) return []
      return [
        `engine.solvers: ${solver.name} listens on ${settings.address} port ${settings.port}, which no CA reaches by itself; lead port ${PORTS[kind]} of the names there, or write address`,
      ]
    }),
  )
}

function plainWarnings({ engine }: Config): string[] {
  const ofSolvers = engine.solvers.flatMap((solver) =>
    SOLVER_KINDS.flatMap((kind) => {
      const { endpoint, login } = (solver[kind] ?? {}) as { endpoint?: string; login?: string }
      return [endpoint, login].some(isPlain)
        ? [`engine.solvers: ${solver.name} sends its secret over http://, readable on the way; use https://`]
        : []
    }),
  )
  const ofHooks = engine.certificates.flatMap(({ name, hooks }) =>
    hooks.some(({ webhook }) => isPlain(webhook))
      ? [`engine.certificates: a webhook of ${name} goes over http://, readable on the way; use https://`]
      : [],
  )
  const unsigned = engine.solvers.flatMap(({ name, rfc2136 }) =>
    rfc2136 !== undefined && rfc2136.key_name === undefined
      ? [`engine.solvers: ${name} sends updates without a TSIG key; only its address vouches for it`]
      : [],
  )
  return [...ofSolvers, ...ofHooks, ...unsigned]
}

function isPlain(url: string | undefined): boolean {
  return url?.startsWith('http://') === true && !isHere(url)
}

function dnsWarnings({ engine: { dns, solvers } }: Config): string[] {
  if (dns === undefined) return []
  const found: string[] = []
  if (dns.addresses.length === 0 && isWithin(dns.nameserver, dns.zone)) {
    found.push(
      `engine.dns: ${dns.nameserver} is in its own zone and has no address, so nobody finds it; write addresses`,
    )
  }
  if (dns.api !== undefined && !dns.api.tls && !isLoopback(dns.api.address)) {
    found.push(`engine.dns.api: ${dns.api.address} takes passwords without TLS; write tls: true`)
  }
  if (dns.api === undefined && !solvers.some(({ responder }) => responder !== undefined)) {
    found.push('engine.dns: no solver uses it and it has no api; write a solver with responder: {}, or api')
  }
  return found
}

function isWithin(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`)
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}
