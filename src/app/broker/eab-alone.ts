/** EAB keys without a server: for commands where none runs. It holds the data folder as a server does. */
import { existsSync } from 'node:fs'
import type { EabOperations } from '../../api/broker-operations.ts'
import type { LoadedConfig } from '../../config/load.ts'
import { createSealing } from '../../engine/create-sealing.ts'
import { readSealingSecret } from '../../engine/sealing-secret.ts'
import { systemClock } from '../../exchange/clock.ts'
import { messageOf } from '../../exchange/message-of.ts'
import { openBrokerStore } from '../../store/sqlite/broker/open-broker-store.ts'
import { engineFile } from '../../store/sqlite/engine/engine-file.ts'
import { openEngineStore } from '../../store/sqlite/engine/open-engine-store.ts'
import { Closing } from '../closing.ts'
import { openRecording, recordContext } from '../recording.ts'
import { eabOperations } from './eab-operations.ts'
import { endpointsOf } from './endpoints.ts'

export interface EabAlone {
  readonly operations: EabOperations
  close(): Promise<void>
}

/** `warn`: told in one line of what the log of a server would say. Rejects with StoreRefusal where a server holds the data folder. */
export async function openEabAlone(
  { config, digest }: LoadedConfig,
  warn: (line: string) => void,
): Promise<EabAlone> {
  const { data, engine } = config
  const closing = new Closing()
  const closeAll = () => closing.run((error) => warn(messageOf(error)))
  try {
    const clock = systemClock()
    const { events } = await openRecording(
      config,
      recordContext(config, digest, null),
      clock,
      closing,
      {
        onRecorderEvent: (event) => {
          if ('message' in event) warn(`the record: ${event.message}`)
        },
        onDeadIntents: (count) =>
          warn(`${count} exchanges of an earlier run have no outcome: recorded as unknown`),
      },
      { where: 'here' },
    )
    const store = await openBrokerStore({ folder: data, where: 'here' })
    closing.add(() => store.close())
    const isSealed = async () => (await store.sealed()).length > 0 || (await engineHasSealed(data))
    const sealing = createSealing(await readSealingSecret({ ...engine, data, isSealed }))
    const endpoints = endpointsOf(config, config.listeners.acme.port)
    const operations = eabOperations({ store, sealing, clock, events, endpoints: () => endpoints })
    return { operations, close: closeAll }
  } catch (error) {
    await closeAll()
    throw error
  }
}

/** One key seals for both: where it is lost, none may be made beside what only the old one opens. */
async function engineHasSealed(data: string): Promise<boolean> {
  if (!existsSync(engineFile(data))) return false
  const store = await openEngineStore({ folder: data, where: 'here' })
  try {
    return (await store.sealed()).length > 0
  } finally {
    await store.close()
  }
}
