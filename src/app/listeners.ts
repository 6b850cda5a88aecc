import type { Config } from '../config/schema.ts'
import { readPassword } from '../config/secrets.ts'
import { loadOrCreateListenerRoot } from '../interception/listener-root.ts'
import { subjectNames } from '../interception/name-constraints.ts'
import type { ProxyListenerOptions, SniListenerOptions } from '../proxy/intercept-options.ts'
import type { AcmeListenerOptions, CertificateOrigin } from '../proxy/listener-options.ts'

/** Which listeners a configuration opens. `acme` without a relay only where there is nothing else to do. */
export function opens(config: Config): {
  readonly acme: boolean
  readonly proxy: boolean
  readonly sni: boolean
} {
  const intercepts = config.intercept.cas.length > 0
  return {
    acme: config.relay.length > 0 || !intercepts,
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
    ...(open.acme && acme.certificate === undefined ? acme.names : []),
    ...(open.proxy && proxy.certificate === undefined ? proxy.names : []),
    ...(adminSpeaksTls(config) && admin.certificate === undefined ? admin.names : []),
  ]
  if (names.length > 0) await loadOrCreateListenerRoot(config.data, subjectNames(names), () => new Date())
}

export function adminSpeaksTls({ listeners: { admin } }: Pick<Config, 'listeners'>): boolean {
  return admin.tls || admin.certificate !== undefined
}

export function acmeOptions({ data, listeners: { acme } }: Config): AcmeListenerOptions {
  const { address, port, names, certificate, client_address } = acme
  return { address, port, names, certificate: originOf(certificate, data), clientAddress: client_address }
}

/** Reads the users' passwords. */
export function proxyOptions({ data, listeners: { proxy }, limits }: Config): ProxyListenerOptions {
  const { address, port, names, certificate, client_address, clients, users } = proxy
  return {
    address,
    port,
    names,
    certificate: originOf(certificate, data),
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

/** Without files: a certificate of the listener root. */
export function originOf(
  certificate: { readonly chain: string; readonly key: string } | undefined,
  folder: string,
): CertificateOrigin {
  return certificate ? { from: 'files', ...certificate } : { from: 'ownRoot', folder }
}
