/** The configuration with an endpoint for what is moved: the file as it is, comments too, and the endpoint in it. */
import { isIP } from 'node:net'
import { parseDocument } from 'yaml'
import type { Config } from '../../config/schema.ts'
import type { Migration } from './migration.ts'

/** `text`: of the file that `config` came from. Nothing is changed where the endpoint is there already. */
export function migratedConfig(text: string, config: Config, endpoint: string, migration: Migration): string {
  if (config.broker.some(({ name }) => name === endpoint)) return text
  const document = parseDocument(text)
  const moves = migration.moves.filter(({ how }) => how !== 'stays')
  const labels = moves
    .filter(({ how }) => how === 'label')
    .map(({ label, names, from }) => ({ name: label, names, from }))
  const [first, ...others] = migration.cas
  const away = moves.filter(({ cas }) => cas[0] !== first)
  const routes = others.flatMap((ca) => {
    const labelsOf = away.filter(({ cas }) => cas[0] === ca).map(({ label }) => label)
    const rest = migration.cas.filter((one) => one !== ca)
    return labelsOf.length === 0 ? [] : [{ labels: labelsOf, cas: [ca, ...rest] }]
  })
  const profiles = [...new Set(moves.flatMap((move) => move.profiles))].sort()
  const url = ownUrl(config)
  const made = {
    name: endpoint,
    ...(url === null ? {} : { url }),
    cas: migration.cas,
    proof: 'policy',
    ...(labels.length === 0 ? {} : { eab: 'optional', labels }),
    ...(routes.length === 0 ? {} : { routes }),
    ...(profiles.length === 0 ? {} : { profiles: profiles.map((name) => ({ name })) }),
  }
  if (document.has('broker')) document.addIn(['broker'], document.createNode(made))
  else document.set('broker', document.createNode([made]))
  if (url !== null) {
    const names = [...config.listeners.acme.names, new URL(url).hostname]
    if (config.listeners.acme.certificate === undefined)
      document.setIn(['listeners', 'acme', 'names'], document.createNode(names))
  }
  return document.toString({ lineWidth: 0 })
}

/** A host of its own where a relay has the listener's: never on a relay's Host. */
function ownUrl({ relay, listeners: { acme } }: Config): string | null {
  const name = acme.names[0]!
  const port = acme.port === 443 ? '' : `:${acme.port}`
  const host = `${name}${port}`
  if (!relay.some((one) => one.host === host)) return null
  return `https://broker.${isIP(name) === 0 ? name : 'localhost'}${port}`
}
