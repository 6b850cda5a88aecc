/** What is allowed but will probably hurt. Shown by `config check` and once at start. */

import { isHere } from './alert-references.ts'
import { brokerCas, brokerWarnings } from './broker-warnings.ts'
import { engineWarnings } from './engine-warnings.ts'
import { PRESETS } from './presets.ts'
import { relayChanges } from './relay-memory.ts'
import type { Config } from './schema.ts'
import { CHANNEL_KINDS } from './secrets.ts'
import { splitHost } from './values.ts'

type Channel = NonNullable<Config['alerts']['channels']>[number]

/** One self-contained line each. Reads `relays.json` in the data folder if it is there. */
export function configWarnings(config: Config): string[] {
  return [
    ...relayWarnings(config),
    ...caWarnings(config),
    ...interceptWarnings(config),
    ...listenerWarnings(config),
    ...alertWarnings(config),
    ...engineWarnings(config),
    ...brokerWarnings(config),
  ]
}

function relayWarnings(config: Config): string[] {
  const found = relayChanges(config.data, config.relay).map(({ host, ca, now }) => {
    const change =
      now === null ? `is no longer relayed (it stood for ${ca})` : `stood for ${ca} and now stands for ${now}`
    return `relay: host ${host} ${change}. Clients' account and order URLs contain this host: the accounts made through it are orphaned, and those clients must register again. Keep its line to keep them working.`
  })
  const isIdle = engineCas(config).size === 0 && config.broker.length === 0
  if (config.relay.length === 0 && config.intercept.cas.length === 0 && isIdle) {
    found.push('relay, intercept, broker and engine: none names a CA, so there is nothing to do')
  }
  const names = new Set(config.listeners.acme.names)
  for (const { host } of config.relay) {
    const { name, port } = splitHost(host)!
    if (port === 443) found.push(`relay: host ${host}: clients leave out :443; write ${host.slice(0, -4)}`)
    if (config.listeners.acme.certificate === undefined && !names.has(name)) {
      found.push(
        `relay: host ${host} is not among listeners.acme.names, so its certificate will not name ${name}`,
      )
    }
  }
  return found
}

function caWarnings(config: Config): string[] {
  const relayed = new Set(config.relay.map(({ ca }) => ca))
  return Object.entries(config.cas).flatMap(([name, ca]) => {
    const found: string[] = []
    const used = relayed.has(name) || config.intercept.cas.includes(name) || engineCas(config).has(name)
    if (!used) found.push(`cas.${name}: neither relay, intercept.cas, broker nor the engine uses it`)
    const preset = ca.preset ? PRESETS[ca.preset] : null
    if (relayed.has(name) && preset?.relay === 'refused-by-design') {
      found.push(`cas.${name}: relay to ${preset.title} will be refused. ${preset.advice}`)
    }
    if ((ca.preset === 'step-ca' || ca.preset === 'pebble') && ca.trust === undefined) {
      found.push(
        `cas.${name}: without trust only public roots are trusted, which rarely signed a ${ca.preset}`,
      )
    }
    return found
  })
}

/** Those that acmetap has accounts or certificates of its own at. */
function engineCas(config: Config): ReadonlySet<string> {
  const { engine, cas } = config
  const named = [...[...engine.accounts, ...engine.certificates].map(({ ca }) => ca), ...brokerCas(config)]
  // Of Let's Encrypt the staging needs no entry.
  const staging = Object.keys(cas).filter((name) => cas[name]?.preset === 'letsencrypt-staging')
  const known = named.some((name) => cas[name]?.preset === 'letsencrypt') ? staging : []
  return new Set([...named, ...known, ...Object.values(engine.staging)])
}

function interceptWarnings(config: Config): string[] {
  const { cas, other_hosts } = config.intercept
  const found: string[] = []
  if (cas.length === 0) {
    if (config.listeners.sni) found.push('listeners.sni: intercept.cas is empty, so it is not opened')
    if (other_hosts !== 'refuse') {
      found.push('intercept.other_hosts: intercept.cas is empty, so listener proxy is not opened')
    }
    return found
  }
  const { proxy, sni } = config.listeners
  const isOpen = !isLoopback(proxy.address) && proxy.clients.length === 0 && (proxy.users ?? []).length === 0
  if (isOpen) {
    found.push(
      `listeners.proxy: ${proxy.address} serves every network that reaches it, without a password; write clients or users`,
    )
  }
  if (other_hosts === 'tunnel' && isOpen) {
    found.push('intercept.other_hosts: tunnel makes that an open proxy to every public host on port 443')
  }
  if (other_hosts === 'tunnel' && config.egress.resolvers.length === 0 && config.egress.proxy === undefined) {
    found.push(
      "intercept.other_hosts: names that clients choose are asked of the system's resolver, where slow ones hold up the CAs'; write egress.resolvers",
    )
  }
  for (const name of cas) {
    const ca = config.cas[name]
    const host = ca?.directory[0] === undefined ? '' : new URL(ca.directory[0]).hostname
    if (host === 'localhost' || host.endsWith('.localhost') || host.startsWith('127.') || host === '[::1]') {
      found.push(
        `intercept.cas: clients in Go and Ruby never use a proxy for ${host}; give the CA ${name} another host name`,
      )
    }
    if (
      sni &&
      ca?.addresses.length === 0 &&
      config.egress.resolvers.length === 0 &&
      !viaProxy(config, name)
    ) {
      found.push(
        `listeners.sni: if the DNS that acmetap asks leads ${host} to acmetap as well, it would call itself; write cas.${name}.addresses or egress.resolvers`,
      )
    }
  }
  return found
}

function viaProxy(config: Config, name: string): boolean {
  const own = config.cas[name]?.egress
  return own?.direct !== true && (own?.proxy ?? config.egress.proxy) !== undefined
}

function listenerWarnings(config: Config): string[] {
  const { address, tls, certificate, names } = config.listeners.admin
  const found: string[] = []
  if (!isLoopback(address) && !tls && certificate === undefined) {
    found.push(
      `listeners.admin: ${address} is open to others, and tokens cross the network readable; write tls: true`,
    )
  }
  if (!isLoopback(address) && tls && certificate === undefined && isDefault(names)) {
    found.push('listeners.admin: its certificate names localhost only; write names')
  }
  return found
}

function isDefault(names: readonly string[]): boolean {
  return names.length === 1 && names[0] === 'localhost'
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.')
}

function alertWarnings({ alerts }: Config): string[] {
  const channels = alerts.channels ?? []
  const found = channels.flatMap((channel) => channelWarnings(channel))
  const told = new Set([
    ...(alerts.routes ?? []).flatMap(({ channels: names, escalate }) => [
      ...names,
      ...(escalate ? [escalate.channel] : []),
    ]),
  ])
  for (const { name, heartbeat, report } of channels) {
    if (alerts.routes !== undefined && !told.has(name) && heartbeat === undefined && !report) {
      found.push(`alerts.channels: no route leads to ${name}`)
    }
  }
  return found
}

function channelWarnings(channel: Channel): string[] {
  const { name, email } = channel
  const found: string[] = []
  for (const kind of CHANNEL_KINDS) {
    const settings = channel[kind]
    const url = settings !== undefined && 'url' in settings ? settings.url : undefined
    if (url?.startsWith('http://') && !isHere(url)) {
      found.push(`alerts.channels: ${name} sends over http://, readable on the way; use https://`)
    }
  }
  if (email?.tls === 'off' && !isHere(email.smtp)) {
    found.push(`alerts.channels: ${name} sends mail without TLS, readable on the way; take tls: off out`)
  }
  return found
}
