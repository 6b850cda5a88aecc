import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

const IPV4 = /sin_port=htons\((\d+)\), sin_addr=inet_addr\("([^"]+)"\)/
const IPV6 = /sin6_port=htons\((\d+)\).*?inet_pton\(AF_INET6, "([^"]+)"/

/** Every `address:port` that the traced processes connected or sent to, once. `prefix` is what strace -ff was given as -o. */
export function destinations(prefix: string): string[] {
  const files = readdirSync(path.dirname(prefix)).filter((name) =>
    name.startsWith(`${path.basename(prefix)}.`),
  )
  if (files.length === 0) throw new Error(`no trace ${prefix}.*`)
  const seen = new Set<string>()
  for (const file of files) {
    for (const line of readFileSync(path.join(path.dirname(prefix), file), 'utf8').split('\n')) {
      const found = IPV4.exec(line) ?? IPV6.exec(line)
      if (found !== null) seen.add(`${found[2]}:${found[1]}`)
    }
  }
  return [...seen]
}

export function isLocal(destination: string): boolean {
  return destination.startsWith('127.') || destination.startsWith('::1:')
}
