/** The engine without a server: for commands where none runs. It holds the data folder as a server does. */
import { readDirectory } from '../../acme/response-objects.ts'
import type { EngineOperations } from '../../api/engine-operations.ts'
import type { RecorderEvent } from '../../audit/recorder.ts'
import type { WayOut } from '../../ca/dial.ts'
import { CaDispatcher } from '../../ca/dispatcher.ts'
import { OwnAddresses } from '../../ca/own-addresses.ts'
import { Pacer } from '../../ca/pacer.ts'
import { SharedAnswers } from '../../ca/shared-answers.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { systemClock } from '../../exchange/clock.ts'
import type { Completed } from '../../exchange/exchange.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { parseJson } from '../../exchange/parse-json.ts'
import { ResourceMap } from '../../exchange/resource-map.ts'
import { createChains } from '../../proxy/stages.ts'
import { Closing } from '../closing.ts'
import { inventoryWhenAsked } from '../inventory-when-asked.ts'
import { performWith } from '../perform.ts'
import { openRecording, recordContext } from '../recording.ts'
import type { InForce } from '../reload.ts'
import { routingOf } from '../routing.ts'
import { createTraffic } from '../traffic.ts'
import { pacingOf, wayOutOf } from '../way-out.ts'
import { openEngine } from './open-engine.ts'

export interface EngineAlone {
  readonly operations: EngineOperations
  /** What was begun and has not ended is gone on with by the next server or command. */
  close(): Promise<void>
}

/**
 * `warn`: told in one line of what the log of a server would say. Rejects with StoreRefusal where a server holds the data
 * folder, with ConfigError for a policy that can't be used.
 */
export async function openEngineAlone(
  loaded: LoadedConfig,
  warn: (line: string) => void,
): Promise<EngineAlone> {
  const { config, digest } = loaded
  const closing = new Closing()
  const closeAll = () => closing.run((error) => warn(messageOf(error)))
  try {
    // What a command needs in some configurations only is loaded there: it should begin at once.
    const policy =
      config.policy === undefined ? null : await (await import('../policy-file.ts')).loadPolicy(config)
    const context = recordContext(config, digest, policy?.policy.digest ?? null)
    const clock = systemClock()
    const own = new OwnAddresses()
    const wayOut: WayOut = wayOutOf(config, own)
    const routing = routingOf(config)
    const inForce: InForce = { config, digest, routing, wayOut, context, policy }
    const onEvent = {
      onRecorderEvent: (event: RecorderEvent) => {
        if ('message' in event) warn(`the record: ${event.message}`)
      },
      onDeadIntents: (count: number) =>
        warn(`${count} exchanges of an earlier run have no outcome: recorded as unknown`),
    }
    const here = { where: 'here' } as const
    const { opened, recorder, events } = await openRecording(config, context, clock, closing, onEvent, here)
    const inventory = inventoryWhenAsked(config.data)
    closing.add(() => inventory.close())
    /** CAs that require external accounts, as their directories say. */
    const binding = new Set<string>()
    const dispatcher = new CaDispatcher(routing.cas, wayOut)
    closing.add(() => dispatcher.close())
    const pacer = new Pacer(clock, pacingOf(config, routing))
    closing.add(async () => pacer.close())
    const traffic = createTraffic(clock, pacer, new SharedAnswers(clock, pacer))
    const policies =
      policy === null
        ? null
        : await (await import('./policing-alone.ts')).policingAlone(
            {
              reader: opened.reader,
              inventory,
              events,
              inForce,
              bindsAccounts: (ca) => binding.has(ca),
              warn,
            },
            closing,
          )
    const decides = policies?.policing ?? null
    const chains = createChains({
      resources: new ResourceMap(opened.reader),
      recorder,
      clock,
      directories: () => routing.directories,
      facts: {
        relayRefusal: () => null,
        otherHostRefusal: (target) => routing.otherHosts.refusal(target),
        policy: async (exchange, asked) => decides?.decide(exchange, asked) ?? { effect: 'allow' },
      },
      // The engine reads a CA's directory before anything else.
      firstReading: () => null,
      pace: traffic.pace,
      onBug: (error) => warn(messageOf(error)),
    })
    const ending = new AbortController()
    const completed = (exchange: Completed) => {
      decides?.note(exchange)
      if (requiresAccounts(exchange) && exchange.destination) binding.add(exchange.destination.ca)
      inventory.wake()
    }
    const engine = await openEngine(
      {
        inForce: () => inForce,
        perform: performWith({ chains, traffic, dispatcher, completed, ending: ending.signal }),
        clock,
        reader: opened.reader,
        inventory: inventory.reader,
        events,
        isServer: false,
        clockTrusted: () => true,
        onProgress: () => {},
        onManaged: () => {},
        onReissue: () => {},
        explainPolicy: async (request) => policies?.operations.explain(request, null) ?? null,
        onFault: (error) => warn(messageOf(error)),
        observeDns: { query: () => {}, apiCall: () => {} },
      },
      closing,
    )
    closing.add(() => ending.abort())
    return { operations: engine.operations, close: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}

function requiresAccounts({ operation, outcome }: Completed): boolean {
  if (operation !== 'directory' || outcome.kind !== 'response' || outcome.response.status !== 200)
    return false
  return readDirectory(parseJson(outcome.response.decoded)).meta.externalAccountRequired === true
}
