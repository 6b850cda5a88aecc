/**
 * What holds between keys. Looks at the value before the schema has accepted it, so that these are reported
 * together with everything else; what has the wrong type is left to the schema.
 */
import type { Complaint } from './config-error.ts'
import { closest } from './keys.ts'

export function checkReferences(written: unknown): Complaint[] {
  const root = mapping(written)
  const cas = Object.keys(mapping(root.cas))
  return [...checkRelay(root.relay, cas), ...checkClientAddress(mapping(mapping(root.listeners).acme))]
}

function checkRelay(relay: unknown, cas: readonly string[]): Complaint[] {
  if (!Array.isArray(relay)) return []
  const found: Complaint[] = []
  const hosts = new Map<string, number>()
  for (const [at, entry] of relay.entries()) {
    const { host, ca } = mapping(entry)
    if (typeof ca === 'string' && !cas.includes(ca)) {
      const near = closest(ca, cas)
      const known =
        cas.length === 0 ? 'There are no CAs yet: add one under cas' : `Known: ${cas.slice(0, 10).join(', ')}`
      found.push({
        path: ['relay', at, 'ca'],
        at: 'value',
        message: 'names a CA that is not under cas',
        instead: near === undefined ? known : `Did you mean ${near}?`,
      })
    }
    if (typeof host !== 'string') continue
    const first = hosts.get(host)
    if (first === undefined) hosts.set(host, at)
    else {
      found.push({
        path: ['relay', at, 'host'],
        at: 'value',
        message: `is already the host of relay[${first}]`,
        instead: 'Give each CA its own host name or port',
      })
    }
  }
  return found
}

function checkClientAddress(listener: Readonly<Record<string, unknown>>): Complaint[] {
  const { from, trusted } = mapping(listener.client_address)
  if (from !== 'proxy_protocol' && from !== 'x_forwarded_for') return []
  if (trusted !== undefined && !(Array.isArray(trusted) && trusted.length === 0)) return []
  return [
    {
      path: ['listeners', 'acme', 'client_address', 'trusted'],
      at: 'key',
      message: `is needed with from: ${from}, or anyone could claim any address`,
      instead: 'Write the networks of your load balancers, like trusted: [10.0.0.0/8]',
    },
  ]
}

function mapping(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {}
}
