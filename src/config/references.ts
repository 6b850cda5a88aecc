/**
 * What holds between keys. Looks at the value before the schema has accepted it, so that these are reported
 * together with everything else; what has the wrong type is left to the schema.
 */

import { checkAlerts } from './alert-references.ts'
import { checkBroker } from './broker-references.ts'
import type { Complaint, KeyPath } from './config-error.ts'
import { checkEngine } from './engine-references.ts'
import { closest } from './keys.ts'
import { checkListenerCertificates } from './listener-references.ts'
import { complaint, type Mapping, mapping } from './written.ts'

export function checkReferences(written: unknown): Complaint[] {
  const root = mapping(written)
  const cas = Object.keys(mapping(root.cas))
  const listeners = mapping(root.listeners)
  return [
    ...checkRelay(root.relay, cas),
    ...checkIntercept(mapping(root.intercept).cas, mapping(root.cas)),
    ...['acme', 'proxy', 'sni'].flatMap((name) => checkClientAddress(name, mapping(listeners[name]))),
    ...checkUsers(mapping(listeners.proxy).users),
    ...checkEgress(['egress'], mapping(root.egress)),
    ...Object.entries(mapping(root.cas)).flatMap(([name, ca]) =>
      checkEgress(['cas', name, 'egress'], mapping(mapping(ca).egress)),
    ),
    ...checkSinks(root.sinks),
    ...checkAdmin(mapping(listeners.admin)),
    ...checkListenerCertificates(listeners, mapping(root.engine).certificates),
    ...checkAlerts(root.alerts, cas),
    ...checkEngine(root.engine, cas),
    ...checkBroker(root),
  ]
}

function checkRelay(relay: unknown, cas: readonly string[]): Complaint[] {
  if (!Array.isArray(relay)) return []
  const found: Complaint[] = []
  const hosts = new Map<string, number>()
  for (const [at, entry] of relay.entries()) {
    const { host, ca } = mapping(entry)
    if (typeof ca === 'string' && !cas.includes(ca)) found.push(unknownCa(['relay', at, 'ca'], ca, cas))
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

function unknownCa(path: KeyPath, ca: string, cas: readonly string[]): Complaint {
  const near = closest(ca, cas)
  const known =
    cas.length === 0 ? 'There are no CAs yet: add one under cas' : `Known: ${cas.slice(0, 10).join(', ')}`
  return {
    path,
    at: 'value',
    message: 'names a CA that is not under cas',
    instead: near === undefined ? known : `Did you mean ${near}?`,
  }
}

/** A connection that is taken over says host and port, so one CA must stand behind each. */
function checkIntercept(names: unknown, cas: Mapping): Complaint[] {
  if (!Array.isArray(names)) return []
  const found: Complaint[] = []
  const origins = new Map<string, string>()
  for (const [at, name] of names.entries()) {
    if (typeof name !== 'string') continue
    const path = ['intercept', 'cas', at]
    if (!Object.hasOwn(cas, name)) {
      found.push(unknownCa(path, name, Object.keys(cas)))
      continue
    }
    const origin = originOf(mapping(cas[name]).directory)
    if (origin === null) continue
    const other = origins.get(origin)
    if (other === undefined) origins.set(origin, name)
    else {
      found.push({
        path,
        at: 'value',
        message: other === name ? 'is in the list twice' : `has the same host and port as ${other}`,
        instead:
          other === name
            ? 'Take one out'
            : `Write its directories under cas.${other}, as a list, and take it out`,
      })
    }
  }
  return found
}

function originOf(directory: unknown): string | null {
  const url: unknown = Array.isArray(directory) ? directory[0] : directory
  return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null
}

function checkUsers(users: unknown): Complaint[] {
  if (!Array.isArray(users)) return []
  const found: Complaint[] = []
  const names = new Map<unknown, number>()
  for (const [at, entry] of users.entries()) {
    const { name, password, password_file } = mapping(entry)
    const path = ['listeners', 'proxy', 'users', at]
    const first = names.get(name)
    if (first === undefined) names.set(name, at)
    else found.push(complaint([...path, 'name'], 'value', `is already the name of users[${first}]`, null))
    if (password === undefined && password_file === undefined) {
      found.push(complaint(path, 'value', 'has no password', 'Write password or password_file'))
    } else if (password !== undefined && password_file !== undefined) {
      found.push(complaint([...path, 'password'], 'key', 'and password_file exclude each other', 'Keep one'))
    }
  }
  return found
}

function checkEgress(path: KeyPath, egress: Mapping): Complaint[] {
  const { proxy, username, password, password_file, direct } = egress
  const found: Complaint[] = []
  const needs = (key: string, message: string, instead: string) =>
    found.push(complaint([...path, key], 'key', message, instead))
  if (direct === true && proxy !== undefined) {
    needs('direct', 'and proxy exclude each other', 'Keep one of them')
  }
  if (username !== undefined && proxy === undefined) {
    needs('username', 'has no proxy to go with', 'Write proxy beside it')
  }
  if (password !== undefined && password_file !== undefined) {
    needs('password', 'and password_file exclude each other', 'Keep one of them')
  }
  const secret = password !== undefined ? 'password' : password_file !== undefined ? 'password_file' : null
  if (secret !== null && username === undefined) {
    needs(secret, 'has no username to go with', 'Write username beside it')
  }
  if (username !== undefined && secret === null) {
    needs('username', 'has no password to go with', 'Write password or password_file beside it')
  }
  return found
}

function checkSinks(sinks: unknown): Complaint[] {
  if (!Array.isArray(sinks)) return []
  const found: Complaint[] = []
  const names = new Map<unknown, number>()
  const files = new Map<unknown, number>()
  for (const [at, entry] of sinks.entries()) {
    const sink = mapping(entry)
    const path = ['sinks', at]
    const file = mapping(sink.file).path
    const same = files.get(file)
    if (file !== undefined && same !== undefined) {
      found.push(complaint([...path, 'file', 'path'], 'value', `is already the file of sinks[${same}]`, null))
    } else files.set(file, at)
    const first = names.get(sink.name)
    if (first === undefined) names.set(sink.name, at)
    else found.push(complaint([...path, 'name'], 'value', `is already the name of sinks[${first}]`, null))
    const targets = ['file', 'syslog', 'stdout'].filter((key) => sink[key] !== undefined)
    if (targets.length === 1) continue
    const message = targets.length === 0 ? 'leads nowhere' : `leads to ${targets.join(' and ')} at once`
    found.push(complaint(path, 'value', message, 'Write one of file, syslog and stdout'))
  }
  return found
}

function checkAdmin({ tls, certificate, client_certificates }: Mapping): Complaint[] {
  if (tls === true || certificate !== undefined || client_certificates === undefined) return []
  const path = ['listeners', 'admin', 'client_certificates']
  return [complaint(path, 'key', 'has no effect without TLS', 'Write tls: true beside it')]
}

function checkClientAddress(name: string, listener: Mapping): Complaint[] {
  const { from, trusted } = mapping(listener.client_address)
  if (from !== 'proxy_protocol' && from !== 'x_forwarded_for') return []
  if (trusted !== undefined && !(Array.isArray(trusted) && trusted.length === 0)) return []
  return [
    {
      path: ['listeners', name, 'client_address', 'trusted'],
      at: 'key',
      message: `is needed with from: ${from}, or anyone could claim any address`,
      instead: 'Write the networks of your load balancers, like trusted: [10.0.0.0/8]',
    },
  ]
}
