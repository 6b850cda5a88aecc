/** What holds between the keys under `broker` and `local_cas`. As references.ts, it looks at the value before the schema does. */
import { isIP, isIPv6 } from 'node:net'
import type { Complaint, KeyPath } from './config-error.ts'
import { closest } from './keys.ts'
import { isPattern } from './name-pattern.ts'
import { splitHost } from './values.ts'
import { complaint, list, type Mapping, mapping } from './written.ts'

/** `root`: the whole configuration as written. */
export function checkBroker(root: Mapping): Complaint[] {
  const cas = Object.keys(mapping(root.cas))
  const local = Object.keys(mapping(root.local_cas))
  const endpoints = list(root.broker).map(mapping)
  return [
    ...local.flatMap((name) => checkLocalCa(name, mapping(mapping(root.local_cas)[name]), cas)),
    ...checkEndpointNames(endpoints, [...cas, ...local]),
    ...endpoints.flatMap((endpoint, at) => checkEndpoint(endpoint, ['broker', at], [...cas, ...local])),
    ...checkHosts(endpoints, root),
  ]
}

function checkLocalCa(name: string, written: Mapping, cas: readonly string[]): Complaint[] {
  const path = ['local_cas', name]
  const found = checkPatterns(written.names, [...path, 'names'])
  if (cas.includes(name)) {
    const instead = 'Endpoints and routes name both alike: give one another name'
    found.push(complaint(path, 'key', 'is the name of a CA under cas, too', instead))
  }
  if (written.key_passphrase !== undefined && written.key_passphrase_file !== undefined) {
    const message = 'and key_passphrase_file exclude each other'
    found.push(complaint([...path, 'key_passphrase'], 'key', message, 'Keep one of them'))
  }
  return found
}

/** Record, policy and metrics call an endpoint by its name where a CA's name stands, its twin by the name with `-staging`. */
function checkEndpointNames(endpoints: readonly Mapping[], cas: readonly string[]): Complaint[] {
  const found: Complaint[] = []
  const seen = new Map<string, number>()
  const twins = new Map<string, number>()
  for (const [at, { name }] of endpoints.entries()) {
    if (typeof name === 'string') twins.set(`${name}-staging`, at)
  }
  for (const [at, { name, staging }] of endpoints.entries()) {
    if (typeof name !== 'string') continue
    const complain = (message: string) =>
      found.push(complaint(['broker', at, 'name'], 'value', message, 'Give it another name'))
    const first = seen.get(name)
    const twin = twins.get(name)
    if (first !== undefined) complain(`is already the name of broker[${first}]`)
    else seen.set(name, at)
    if (cas.includes(name)) complain('is the name of a CA, and the record could not tell them apart')
    if (list(staging).length > 0 && cas.includes(`${name}-staging`))
      complain(`makes a twin ${name}-staging, which is the name of a CA`)
    if (twin !== undefined) complain(`is what the twin of broker[${twin}] is called`)
  }
  return found
}

function checkEndpoint(endpoint: Mapping, path: KeyPath, cas: readonly string[]): Complaint[] {
  const labels = list(endpoint.labels).map(mapping)
  const profiles = list(endpoint.profiles).map(mapping)
  return [
    ...checkUrl(endpoint.url, [...path, 'url']),
    ...checkCas(endpoint.cas, [...path, 'cas'], cas),
    ...checkCas(endpoint.staging, [...path, 'staging'], cas),
    ...list(endpoint.routes).flatMap((route, at) => {
      const { names, cas: wanted, profiles: asked } = mapping(route)
      const place = [...path, 'routes', at]
      return [
        ...checkPatterns(names, [...place, 'names']),
        ...checkCas(wanted, [...place, 'cas'], cas),
        ...checkProfiles(asked, [...place, 'profiles'], profiles),
      ]
    }),
    ...checkProof(endpoint, path, labels),
    ...checkTwice(labels, [...path, 'labels'], 'labels'),
    ...labels.flatMap(({ names }, at) => checkPatterns(names, [...path, 'labels', at, 'names'])),
    ...checkTwice(profiles, [...path, 'profiles'], 'profiles'),
    ...profiles.flatMap(({ at: where }, at) =>
      Object.keys(mapping(where)).flatMap((ca) =>
        unknownCa([...path, 'profiles', at, 'at', ca], ca, cas, 'key'),
      ),
    ),
    ...checkCaa(endpoint, path),
  ]
}

/** The origin of every URL it gives out: what an endpoint's own path follows. */
function checkUrl(url: unknown, path: KeyPath): Complaint[] {
  if (typeof url !== 'string' || !URL.canParse(url)) return []
  const { protocol, pathname, search, hash, origin } = new URL(url)
  if (protocol !== 'https:') {
    const message = 'must begin with https:// (RFC 8555 §6.1)'
    return [complaint(path, 'value', message, `Write ${url.replace(/^[a-z]+:/i, 'https:')}`)]
  }
  if (pathname === '/' && search === '' && hash === '') return []
  const message = 'must end after its host or port: the path is made of the name'
  return [complaint(path, 'value', message, `Write ${origin}`)]
}

function checkCas(names: unknown, path: KeyPath, cas: readonly string[]): Complaint[] {
  const seen = new Set<unknown>()
  return list(names).flatMap((name, at) => {
    const place = [...path, at]
    if (seen.has(name)) return [complaint(place, 'value', 'is in the list twice', 'Take one out')]
    seen.add(name)
    return unknownCa(place, name, cas, 'value')
  })
}

const MOST = 10

function unknownCa(path: KeyPath, ca: unknown, cas: readonly string[], at: Complaint['at']): Complaint[] {
  if (typeof ca !== 'string' || cas.includes(ca)) return []
  const none = 'There are none yet: add one under cas, or one of your own under local_cas'
  return [complaint(path, at, 'names a CA that is not under cas or local_cas', meant(ca, cas, none))]
}

function meant(word: string, known: readonly string[], none: string): string {
  if (known.length === 0) return none
  const near = closest(word, known)
  return near === undefined ? `Known: ${known.slice(0, MOST).join(', ')}` : `Did you mean ${near}?`
}

function checkPatterns(names: unknown, path: KeyPath): Complaint[] {
  return list(names).flatMap((name, at) => {
    if (typeof name !== 'string' || name === '' || isPattern(name)) return []
    const place = [...path, at]
    if (isIP(name) !== 0) {
      const instead = path[0] === 'local_cas' ? 'Write it as a network under networks' : null
      return [complaint(place, 'value', 'is an address, and patterns are for names', instead)]
    }
    const instead = 'Write for example .a.example.net (it and all below it) or *.a.example.net'
    return [complaint(place, 'value', 'must be a pattern of names in lower case', instead)]
  })
}

/** Other profiles are refused before any route is looked at. */
function checkProfiles(asked: unknown, path: KeyPath, profiles: readonly Mapping[]): Complaint[] {
  const known = profiles.flatMap(({ name }) => (typeof name === 'string' ? [name] : []))
  return list(asked).flatMap((name, at) => {
    if (typeof name !== 'string' || known.includes(name)) return []
    const none = 'There are none yet: add one under profiles of this endpoint'
    const message = 'names a profile that this endpoint does not have'
    return [complaint([...path, at], 'value', message, meant(name, known, none))]
  })
}

function checkProof({ proof, eab }: Mapping, path: KeyPath, labels: readonly Mapping[]): Complaint[] {
  if (proof === 'challenge' || eab !== 'optional' || labels.length > 0) return []
  const what = typeof proof === 'string' ? `proof ${proof}` : 'proof both, which is the default,'
  const message = `makes that nobody may have a name without an EAB key: ${what} asks for the scope of a key or label`
  const instead = 'Write eab: required, add labels, or write proof: challenge'
  return [complaint([...path, 'eab'], 'value', message, instead)]
}

function checkTwice(entries: readonly Mapping[], path: KeyPath, what: string): Complaint[] {
  const seen = new Map<unknown, number>()
  return entries.flatMap(({ name }, at) => {
    const first = seen.get(name)
    if (first === undefined) seen.set(name, at)
    if (first === undefined || typeof name !== 'string') return []
    return [complaint([...path, at, 'name'], 'value', `is already the name of ${what}[${first}]`, null)]
  })
}

function checkCaa({ challenges, caa_identities }: Mapping, path: KeyPath): Complaint[] {
  if (mapping(challenges).caa !== true || list(caa_identities).length > 0) return []
  const message = 'asks for CAA records that permit this server, and caa_identities says no name for it'
  return [
    complaint([...path, 'challenges', 'caa'], 'value', message, 'Write caa_identities beside challenges'),
  ]
}

/** What arrives under a relay's Host is the CA's, path and all. */
function checkHosts(endpoints: readonly Mapping[], root: Mapping): Complaint[] {
  const relayed = new Map<string, number>()
  for (const [at, entry] of list(root.relay).entries()) {
    const { host } = mapping(entry)
    if (typeof host === 'string' && splitHost(host) !== null) relayed.set(originOfHost(host), at)
  }
  const acme = mapping(mapping(root.listeners).acme)
  return endpoints.flatMap(({ url }, at) => {
    const origin = originOf(url, acme)
    const relay = origin === null ? undefined : relayed.get(origin)
    if (relay === undefined) return []
    const path = ['broker', at, ...(typeof url === 'string' ? ['url'] : ['name'])]
    const message = `gives out URLs that begin with ${origin}, and relay[${relay}] leads all of that host to its CA: never on a relay's Host`
    const instead = 'Write url with another name of this machine, which listeners.acme.names has too'
    return [complaint(path, 'value', message, instead)]
  })
}

function originOf(url: unknown, { names, port = 8443 }: Mapping): string | null {
  if (url !== undefined) return typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : null
  const [name = 'localhost'] = list(names)
  if (typeof name !== 'string' || typeof port !== 'number') return null
  const text = `https://${isIPv6(name) ? `[${name}]` : name}:${port}`
  return URL.canParse(text) ? new URL(text).origin : null
}

function originOfHost(host: string): string {
  return new URL(`https://${host}`).origin
}
