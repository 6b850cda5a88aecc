import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { embeddedIpv4 } from './address-class.ts'
import { FailureError } from './failure.ts'
import type { Resolve } from './resolve.ts'

/** Link-local, and where clouds keep the credentials of a machine: no service of an operator lives there. */
const REFUSED = [
  '169.254.0.0/16',
  'fe80::/10',
  'fd00:ec2::254/128',
  '100.100.100.200/32',
  '192.0.0.192/32',
].map((network) => ipaddr.parseCIDR(network))

/** Resolves as `resolve` does; rejects with `addressRefused` where one of the addresses is link-local. */
export function guarded(resolve: Resolve): Resolve {
  return async (host, signal) => {
    const addresses = await resolve(host, signal)
    for (const address of addresses) refuseLinkLocal(host, address)
    return addresses
  }
}

/** For a host that is an address: also a proxy must not be asked for it. Throws as {@link guarded} rejects. */
export function refuseLiteral(host: string): void {
  if (isIP(host) !== 0) refuseLinkLocal(host, host)
}

function refuseLinkLocal(host: string, address: string): void {
  const all = [address.replace(/%.*$/s, ''), ...embeddedIpv4(address)]
  if (!all.some(isRefused)) return
  const named = address === host ? address : `${host} leads to ${address}, which`
  throw new FailureError('addressRefused', `${named} is link-local or a metadata service`)
}

function isRefused(address: string): boolean {
  if (isIP(address) === 0) return false
  const parsed = ipaddr.process(address)
  return REFUSED.some(([network, bits]) => network.kind() === parsed.kind() && parsed.match(network, bits))
}
