import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import { readPassword } from '../config/secrets.ts'
import { certificateFolder } from '../engine/managed/deploy.ts'
import { loadOrCreateListenerRoot } from '../interception/listener-root.ts'
import { subjectNames } from '../interception/name-constraints.ts'
import type { ProxyListenerOptions, SniListenerOptions } from '../proxy/intercept-options.ts'
import type { AcmeListenerOptions, CertificateOrigin } from '../proxy/listener-options.ts'

/** Which listeners a configuration opens. `acme` without relay and broker only where there is nothing else to do. */
export function opens(config: Config): {
  readonly acme: boolean
  readonly proxy: boolean
  readonly sni: boolean
} {
  const intercepts = config.intercept.cas.length > 0
  return {
    acme: config.relay.length > 0 || config.broker.length > 0 || !intercepts,
    proxy: intercepts,
    sni: intercepts && config.listeners.sni !== undefined,
  }
}

/**
 * The listener root's names are fixed from its first day, so it is made for the names of all listeners that it signs
 * for, whichever opens first. Rejects with ListenerRootError.
 */
export async function prepareListenerRoot(config: Config): Promise<void> {
  const { acme, proxy, admin } = config.listeners
  const open = opens(config)
  const names = [
    ...(open.acme && needsRoot(acme.certificate) ? acme.names : []),
    ...(open.proxy && needsRoot(proxy.certificate) ? proxy.names : []),
    ...(adminSpeaksTls(config) && needsRoot(admin.certificate) ? admin.names : []),
  ]
  if (names.length > 0) await loadOrCreateListenerRoot(config.data, subjectNames(names), () => new Date())
}

export function adminSpeaksTls({ listeners: { admin } }: Pick<Config, 'listeners'>): boolean {
  return admin.tls || admin.certificate !== undefined
}

/** A managed certificate is not there from the first day: until then the root signs. */
function needsRoot(certificate: ListenerCertificate): boolean {
  return certificate === undefined || certificate.managed !== undefined
}

export function acmeOptions(config: Config): AcmeListenerOptions {
  const { address, port, names, certificate, client_address } = config.listeners.acme
  return { address, port, names, certificate: originOf(certificate, config), clientAddress: client_address }
}

/** Reads the users' passwords. */
export function proxyOptions(config: Config): ProxyListenerOptions {
  const { address, port, names, certificate, client_address, clients, users } = config.listeners.proxy
  const { limits } = config
  return {
    address,
    port,
    names,
    certificate: originOf(certificate, config),
    clientAddress: client_address,
    clients,
    users: (users ?? []).map((user) => ({ name: user.name, password: readPassword(user) ?? '' })),
    tunnels: limits.tunnels,
    tunnelIdle: limits.tunnel_idle,
  }
}

export function sniOptions({ address, port, client_address, clients }: SniConfig): SniListenerOptions {
  return { address, port, clientAddress: client_address, clients }
}

type SniConfig = NonNullable<Config['listeners']['sni']>

type ListenerCertificate = Config['listeners']['acme']['certificate']

/** Without files: a certificate of the listener root. */
export function originOf(
  certificate: ListenerCertificate,
  { data, engine }: Pick<Config, 'data' | 'engine'>,
): CertificateOrigin {
  const { chain, key, managed } = certificate ?? {}
  if (managed !== undefined) {
    const files = certificateFolder(engine, data, managed)
    const [chain, key] = [join(files, 'fullchain.pem'), join(files, 'privkey.pem')]
    return { from: 'managed', folder: data, chain, key }
  }
  if (chain === undefined || key === undefined) return { from: 'ownRoot', folder: data }
  return { from: 'files', chain, key }
}
