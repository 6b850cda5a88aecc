import ipaddr from 'ipaddr.js'
import { isNetwork } from '../../config/values.ts'
import { plainAddress } from './source-prefix.ts'

type Network = ReturnType<typeof ipaddr.parseCIDR>

/** Null for what is no network: address, slash, length of the prefix. Host bits may be set. */
export function readNetwork(text: string): Network | null {
  return isNetwork(text) && !text.includes('%') ? ipaddr.parseCIDR(text) : null
}

export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const own = ipaddr.parse(plainAddress(address))
  return networks.some((text) => {
    const network = readNetwork(text)
    return network !== null && network[0].kind() === own.kind() && own.match(network)
  })
}
