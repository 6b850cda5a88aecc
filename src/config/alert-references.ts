/** What holds between the keys under `alerts`. As references.ts, it looks at the value before the schema does. */
import { alerts } from './alerts.ts'
import type { Complaint, KeyPath } from './config-error.ts'
import { closest } from './keys.ts'
import { CHANNEL_KINDS, CHANNEL_SECRETS } from './secrets.ts'
import { isDnsName } from './values.ts'
import { complaint, list, type Mapping, mapping } from './written.ts'

const RULES = Object.keys(
  (alerts.shape.rules.unwrap() as { readonly shape: Readonly<Record<string, unknown>> }).shape,
)

/** `cas` are the names under `cas`. */
export function checkAlerts(written: unknown, cas: readonly string[]): Complaint[] {
  const { channels, routes, teams } = mapping(written)
  const known = {
    channels: list(channels).flatMap((channel) => texts([mapping(channel).name])),
    teams: Object.keys(mapping(teams)),
    rules: RULES,
    cas,
  }
  return [
    ...checkChannels(list(channels)),
    ...list(routes).flatMap((route, at) => checkRoute(mapping(route), ['alerts', 'routes', at], known)),
    ...Object.entries(mapping(teams)).flatMap(([name, team]) =>
      checkNames(mapping(team).names, ['alerts', 'teams', name, 'names']),
    ),
  ]
}

function checkChannels(channels: readonly unknown[]): Complaint[] {
  const found: Complaint[] = []
  const names = new Map<unknown, number>()
  for (const [at, entry] of channels.entries()) {
    const channel = mapping(entry)
    const path = ['alerts', 'channels', at]
    const first = names.get(channel.name)
    if (first === undefined) names.set(channel.name, at)
    else found.push(complaint([...path, 'name'], 'value', `is already the name of channels[${first}]`, null))
    const kinds = CHANNEL_KINDS.filter((kind) => channel[kind] !== undefined)
    if (kinds.length !== 1) {
      const message = kinds.length === 0 ? 'leads nowhere' : `leads to ${kinds.join(' and ')} at once`
      found.push(complaint(path, 'value', message, `Write one of ${CHANNEL_KINDS.join(', ')}`))
    }
    for (const { kind, key, needed } of CHANNEL_SECRETS) {
      const settings = channel[kind]
      if (settings !== undefined) found.push(...checkSecret(mapping(settings), [...path, kind], key, needed))
    }
    if (channel.email !== undefined) found.push(...checkEmail(mapping(channel.email), [...path, 'email']))
  }
  return found
}

function checkSecret(settings: Mapping, path: KeyPath, key: string, needed: boolean): Complaint[] {
  const [value, file] = [settings[key], settings[`${key}_file`]]
  if (value !== undefined && file !== undefined) {
    return [complaint([...path, key], 'key', `and ${key}_file exclude each other`, 'Keep one of them')]
  }
  if (needed && value === undefined && file === undefined) {
    return [complaint(path, 'value', `has no ${key}`, `Write ${key} or ${key}_file`)]
  }
  if (key === 'url' && typeof value === 'string' && value !== '' && !isHttpUrl(value)) {
    return [complaint([...path, key], 'value', 'must be a URL with https:// or http://', null)]
  }
  return []
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}

function checkEmail({ smtp, tls, username, password, password_file }: Mapping, path: KeyPath): Complaint[] {
  const found: Complaint[] = []
  const secret = password ?? password_file
  if (username !== undefined && secret === undefined) {
    found.push(
      complaint([...path, 'username'], 'key', 'has no password', 'Write password or password_file beside it'),
    )
  }
  if (secret !== undefined && username === undefined) {
    found.push(complaint(path, 'value', 'has a password and no user name', 'Write username beside it'))
  }
  if (tls === 'off' && typeof smtp === 'string') {
    if (/^smtps:/i.test(smtp)) {
      found.push(
        complaint([...path, 'tls'], 'value', 'contradicts smtps://', 'Write smtp:// or take tls out'),
      )
    } else if (username !== undefined && !isHere(smtp)) {
      const message = 'would send the password over the network readable'
      found.push(
        complaint([...path, 'tls'], 'value', message, 'Take it out, or use a mail server on this machine'),
      )
    }
  }
  return found
}

/** Whether the host of a URL is this machine itself. */
export function isHere(url: string): boolean {
  if (!URL.canParse(url)) return false
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '')
  return host === 'localhost' || host.endsWith('.localhost') || host === '::1' || /^127\.[\d.]+$/.test(host)
}

interface Known {
  readonly channels: readonly string[]
  readonly teams: readonly string[]
  readonly rules: readonly string[]
  readonly cas: readonly string[]
}

const WHERE = {
  channels: 'a channel that is not under alerts.channels',
  teams: 'a team that is not under alerts.teams',
  rules: 'a rule that does not exist',
  cas: 'a CA that is not under cas',
}

function checkRoute(route: Mapping, path: KeyPath, known: Known): Complaint[] {
  const found = checkNames(route.names, [...path, 'names'])
  for (const key of ['channels', 'teams', 'rules', 'cas'] as const) {
    for (const [at, word] of list(route[key]).entries()) {
      if (typeof word === 'string' && !known[key].includes(word)) {
        found.push(unknown([...path, key, at], word, WHERE[key], known[key]))
      }
    }
  }
  const { channel } = mapping(route.escalate)
  const at = [...path, 'escalate', 'channel']
  if (typeof channel === 'string') {
    if (!known.channels.includes(channel)) found.push(unknown(at, channel, WHERE.channels, known.channels))
    else if (list(route.channels).includes(channel)) {
      found.push(complaint(at, 'value', 'is told already by channels', 'Name another one'))
    }
  }
  return found
}

/** All rules; of channels and teams what a line can hold. */
const MOST = 24

function unknown(path: KeyPath, word: string, what: string, known: readonly string[]): Complaint {
  const near = closest(word, known)
  const all =
    known.length === 0 ? 'There are none yet' : `Known: ${[...new Set(known)].slice(0, MOST).join(', ')}`
  return complaint(path, 'value', `names ${what}`, near === undefined ? all : `Did you mean ${near}?`)
}

/** `www.example.com`, `*.example.com`, or `.example.com` for the name and all below it; an IP address as it is. */
function checkNames(names: unknown, path: KeyPath): Complaint[] {
  return list(names).flatMap((name, at) => {
    if (typeof name !== 'string' || isDnsName(name.replace(/^(?:\*\.|\.)/, ''))) return []
    if (/^[0-9a-f:.]+$/.test(name) && /^\d+\.\d+\.\d+\.\d+$|:/.test(name)) return []
    const message = 'must be a name in lower case, or .name for the name and all below it'
    return [complaint([...path, at], 'value', message, 'Write for example .shop.example.com')]
  })
}

function texts(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === 'string')
}
