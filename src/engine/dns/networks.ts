import ipaddr from 'ipaddr.js'
import { plainAddress } from './source-prefix.ts'

type Network = ReturnType<typeof ipaddr.parseCIDR>

/** Null for what is no network: address, slash, length of the prefix. Host bits may be set. */
export function readNetwork(text: string): Network | null {
  if (text.length > 64 || !/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(text)) return null
  try {
    const network = ipaddr.parseCIDR(text)
    // Other spellings of IPv4 (0x7f.1) are read by this reader too.
    const isPlain = network[0].kind() === 'ipv6' || /^\d+(?:\.\d+){3}\//.test(text)
    return isPlain ? network : null
  } catch {
    return null
  }
}

export function isInNetworks(address: string, networks: readonly string[]): boolean {
  const own = ipaddr.parse(plainAddress(address))
  return networks.some((text) => {
    const network = readNetwork(text)
    return network !== null && network[0].kind() === own.kind() && own.match(network)
  })
}
