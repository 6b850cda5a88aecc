import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Config } from '../config/schema.ts'
import { readPassword } from '../config/secrets.ts'

/** The proxy on the way out. */
export interface EgressProxy {
  /** `http://host:port` or `https://host:port`. */
  readonly url: string
  readonly username: string | null
  readonly password: string | null
  /** PEM of the only roots that may sign an https:// proxy, or null for the public ones. */
  readonly trust: string | null
  /** Hosts reached without it: names, `*.names`, addresses, networks. */
  readonly noProxy: readonly string[]
}

type EgressSettings = Pick<
  Config['egress'],
  'proxy' | 'username' | 'password' | 'password_file' | 'no_proxy' | 'trust'
>
type CaEgressSettings = NonNullable<Config['cas'][string]['egress']>

/** Reads the files that are named; throws what reading them throws. Null where there is no proxy. */
export function egressProxyOf(settings: EgressSettings): EgressProxy | null {
  if (settings.proxy === undefined) return null
  return {
    url: settings.proxy,
    username: settings.username ?? null,
    password: readPassword(settings),
    trust: settings.trust === undefined ? null : readFileSync(settings.trust, 'utf8'),
    noProxy: settings.no_proxy,
  }
}

/** How one CA is reached: as all are, without a proxy, or through its own. Reads files as {@link egressProxyOf}. */
export type CaEgress = 'inherit' | 'direct' | EgressProxy

export function caEgressOf(settings: CaEgressSettings | undefined): CaEgress {
  if (settings === undefined) return 'inherit'
  return settings.direct ? 'direct' : (egressProxyOf(settings) ?? 'inherit')
}

/**
 * Is a host reached without the proxy? `host` is a name in lower case or an IP address. Networks are compared with
 * addresses only: a name is not resolved for it, since the proxy may see another network than we do.
 */
export function bypasses(noProxy: readonly string[], host: string): boolean {
  return noProxy.some((pattern) => {
    if (isIP(host) !== 0) return isWithin(host, pattern)
    return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
  })
}

function isWithin(address: string, pattern: string): boolean {
  const [network = '', bits] = pattern.split('/')
  if (isIP(network) === 0) return false
  const [one, range] = [ipaddr.process(address), ipaddr.parse(network)]
  if (one.kind() !== range.kind()) return false
  return one.match(range, bits === undefined ? range.toByteArray().length * 8 : Number(bits))
}
