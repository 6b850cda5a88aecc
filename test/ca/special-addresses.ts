import { execFileSync } from 'node:child_process'
import ipaddr from 'ipaddr.js'

/** Python's `ipaddress`, which keeps the registries on its own. */
export function isGlobalByPython(addresses: readonly string[]): boolean[] {
  const program =
    'import sys, json, ipaddress; print(json.dumps([ipaddress.ip_address(a).is_global for a in json.load(sys.stdin)]))'
  const output = execFileSync('python3', ['-I', '-c', program], { input: JSON.stringify(addresses) })
  return JSON.parse(output.toString()) as boolean[]
}

function numberOf(address: string): bigint {
  return ipaddr
    .parse(address)
    .toByteArray()
    .reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
}

export function addressOf(value: bigint, bits: 32 | 128): string {
  const bytes = Array.from({ length: bits / 8 }, (_, i) => Number((value >> BigInt(bits - 8 - 8 * i)) & 255n))
  return ipaddr.fromByteArray(bytes).toString()
}

/** First, last, middle, and the neighbours outside. */
export function probesOf(network: string): { inside: string[]; outside: string[] } {
  const [base = '', prefix = ''] = network.split('/')
  const bits = base.includes(':') ? 128 : 32
  const first = numberOf(base)
  const size = 1n << BigInt(bits - Number(prefix))
  const inside = [first, first + size - 1n, first + size / 2n]
  const outside = [first - 1n, first + size].filter((value) => value >= 0n && value < 1n << BigInt(bits))
  return {
    inside: [...new Set(inside)].map((value) => addressOf(value, bits)),
    outside: outside.map((value) => addressOf(value, bits)),
  }
}
