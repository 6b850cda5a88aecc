/** What leads a client to an endpoint of the broker: everything is in the configuration. */

import { endpointsOf } from '../../app/broker/endpoints.ts'
import { urlOf } from '../../broker/url-map.ts'
import type { EndpointConfig } from '../../config/broker.ts'
import type { Config } from '../../config/schema.ts'
import { CliError, UsageError } from '../cli-error.ts'

export interface ChosenEndpoint {
  readonly name: string
  /** Directory URLs of its CAs: what lineages of before have. */
  readonly directories: readonly string[]
  /** What the client calls instead, as many. */
  readonly relayed: readonly string[]
}

/** `name` may be that of a twin. Throws UsageError for one that is not there, CliError without a broker. */
export function chosenEndpoint(
  { endpoint: name, label }: { readonly endpoint?: string; readonly label?: string },
  config: Config | null,
): ChosenEndpoint {
  const written = writtenAs(name, config)
  const all = endpointsOf(config!, config!.listeners.acme.port)
  const endpoint = all.find((one) => one.name === (name ?? written.name))!
  if (written.url === undefined && config!.listeners.acme.port === 0) {
    throw new CliError(
      `the URLs of ${written.name} change with every start, for listeners.acme.port is 0`,
      'Write url beside its name in the configuration.',
    )
  }
  if (label !== undefined && !endpoint.labels.some((one) => one.name === label)) {
    const known = endpoint.labels.map((one) => one.name).join(', ') || 'none'
    throw new UsageError(
      `${endpoint.name} has no label ${JSON.stringify(label)}; known: ${known}. A label of an EAB key needs no path: leave --label out`,
    )
  }
  const directory = urlOf(endpoint, 'directory', [], label ?? null)
  const ofCas = endpoint.cas.flatMap((ca) => config!.cas[ca]?.directory ?? [])
  const directories = ofCas.length === 0 ? [directory] : ofCas
  return { name: endpoint.name, directories, relayed: directories.map(() => directory) }
}

function writtenAs(name: string | undefined, config: Config | null): EndpointConfig {
  const broker = config?.broker ?? []
  const [only, another] = broker
  if (only === undefined) {
    throw new CliError(
      config === null ? 'there is no configuration' : 'there is no endpoint in the configuration',
      '--mode broker needs one: add an endpoint under broker (docs/broker.md), or name the file with --config.',
    )
  }
  if (name === undefined && another === undefined) return only
  const names = broker.flatMap((one) => [
    one.name,
    ...(one.staging.length > 0 ? [`${one.name}-staging`] : []),
  ])
  if (name === undefined) throw new UsageError(`--endpoint must say which: ${names.join(', ')}`)
  const found = broker.find(
    (one) => one.name === name || (names.includes(name) && `${one.name}-staging` === name),
  )
  if (found !== undefined) return found
  throw new UsageError(`no endpoint is called ${JSON.stringify(name)}; known: ${names.join(', ')}`)
}
