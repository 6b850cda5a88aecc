/**
 * Which addresses the watch list may lead to: those of the world and those of the operator's own networks, but nothing
 * that only this machine or its cloud answers at. A name's owner decides where it leads, and names are learned from
 * certificates, so this is judged for every address that is connected to.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { embeddedIpv4 } from '../../ca/address-class.ts'
import { FailureError } from '../../ca/failure.ts'
import type { Resolve } from '../../ca/resolve.ts'

/** Link local, multicast and broadcast hold no server of a fleet. */
const REFUSED_4 = ['0.0.0.0/8', '169.254.0.0/16', '224.0.0.0/3'].map((one) => ipaddr.IPv4.parseCIDR(one))
const REFUSED_6 = ['::/128', 'fe80::/10', 'ff00::/8'].map((one) => ipaddr.IPv6.parseCIDR(one))
/** Where clouds answer their own machines' questions for credentials, beside 169.254.169.254. */
const METADATA = new Set(['100.100.100.200', '168.63.129.16', '192.0.0.192', 'fd00:ec2::254', 'fd20:ce::254'])

/** Why an address is not looked at, as words that follow it; null where it may be. */
export function whyNotWatched(address: string): string | null {
  const family = isIP(address)
  if (family === 0) return 'is no IP address'
  const parsed = ipaddr.parse(address.replace(/%.*$/s, ''))
  if (parsed.range() === 'loopback') return null
  const hidden = embeddedIpv4(address).map(whyNotWatched)
  const reason = hidden.find((one) => one !== null)
  if (reason !== undefined) return reason
  if (METADATA.has(parsed.toString())) return 'is the metadata service of a cloud'
  const refused =
    family === 4
      ? REFUSED_4.some((range) => (parsed as ipaddr.IPv4).match(range))
      : REFUSED_6.some((range) => (parsed as ipaddr.IPv6).match(range))
  return refused ? "is link local, multicast or no server's" : null
}

/** As `resolve`; rejects with `addressRefused` where any of the addresses is not to be looked at. */
export function watchedAddresses(resolve: Resolve): Resolve {
  return async (host, signal) => {
    const addresses = await resolve(host, signal)
    for (const address of addresses) mustBeWatched(address, host)
    return addresses
  }
}

/** Throws FailureError (`addressRefused`). */
export function mustBeWatched(address: string, host: string): void {
  const reason = whyNotWatched(address)
  if (reason === null) return
  const named = address === host ? address : `${host} leads to ${address}, which`
  throw new FailureError('addressRefused', `${named} ${reason}`)
}
