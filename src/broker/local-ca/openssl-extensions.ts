import { addressText } from '../../policy/names/address.ts'
import type { Subtrees } from './name-scope.ts'

/** The extensions of a request as a section of an OpenSSL configuration, for roots that copy nothing from requests. */
export function opensslExtensions({ dns, addresses }: Subtrees): string {
  const permitted: string[] = []
  const excluded: string[] = []
  const close = (what: string) => {
    permitted.push(what)
    excluded.push(what)
  }
  for (const name of dns ?? []) permitted.push(`DNS:${name}`)
  for (const range of addresses ?? []) permitted.push(`IP:${maskText(range)}`)
  for (const size of [8, 32]) {
    if (addresses === null || addresses.some(({ length }) => length === size)) continue
    if (addresses.length === 0) excluded.push(`IP:${maskText(Buffer.alloc(size))}`)
    else close(`IP:${maskText(Buffer.alloc(size, 0xff))}`)
  }
  close('email:invalid')
  close('URI:invalid')
  const lines = [
    ...permitted.map((what) => ['permitted', what] as const),
    ...excluded.map((what) => ['excluded', what] as const),
  ]
  return [
    'basicConstraints = critical,CA:TRUE,pathlen:0',
    'keyUsage = critical,keyCertSign,cRLSign',
    'extendedKeyUsage = serverAuth,clientAuth',
    'subjectKeyIdentifier = hash',
    'authorityKeyIdentifier = keyid',
    'nameConstraints = critical,@constraints',
    '',
    '[constraints]',
    ...lines.map(([subtree, what], index) => {
      const colon = what.indexOf(':')
      return `${subtree};${what.slice(0, colon)}.${index} = ${what.slice(colon + 1)}`
    }),
    '',
  ].join('\n')
}

/** OpenSSL wants IPv6 addresses here with all their groups. */
function maskText(range: Buffer): string {
  const size = range.length / 2
  return [range.subarray(0, size), range.subarray(size)].map(longText).join('/')
}

function longText(address: Buffer): string {
  if (address.length === 4) return addressText(address)
  return Array.from({ length: 8 }, (_, at) => address.readUInt16BE(2 * at).toString(16)).join(':')
}
