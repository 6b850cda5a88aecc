/** What is allowed but will probably hurt. Shown by `config check` and once at start. */

import { PRESETS } from './presets.ts'
import { relayChanges } from './relay-memory.ts'
import type { Config } from './schema.ts'
import { splitHost } from './values.ts'

/** One self-contained line each. Reads `relays.json` in the data folder if it is there. */
export function configWarnings(config: Config): string[] {
  return [...relayWarnings(config), ...caWarnings(config), ...listenerWarnings(config)]
}

function relayWarnings(config: Config): string[] {
  const found = relayChanges(config.data, config.relay).map(({ host, ca, now }) => {
    const change =
      now === null ? `is no longer relayed (it stood for ${ca})` : `stood for ${ca} and now stands for ${now}`
    return `relay: host ${host} ${change}. Clients' account and order URLs contain this host: the accounts made through it are orphaned, and those clients must register again. Keep its line to keep them working.`
  })
  if (config.relay.length === 0) found.push('relay: no host is relayed, so every ACME request gets 421')
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
    if (!relayed.has(name)) found.push(`cas.${name}: no relay entry uses it`)
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

function listenerWarnings(config: Config): string[] {
  const { address } = config.listeners.admin
  const local = address === '::1' || address.startsWith('127.')
  return local ? [] : [`listeners.admin: ${address} is open to others, and it asks for no password`]
}
