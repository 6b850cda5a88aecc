import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { StoredEvents } from '../audit/event-recorder.ts'
import type { RecordContext } from '../audit/intent.ts'
import { RECORDER_LIMITS, Recorder, type RecorderEvent } from '../audit/recorder.ts'
import { FRAME_LIMIT, Spill } from '../audit/spill.ts'
import type { Config } from '../config/schema.ts'
import type { Clock } from '../exchange/clock.ts'
import { openSqliteStore, type SqliteStoreOptions } from '../store/sqlite/open.ts'
import type { Closing } from './closing.ts'
import { privacyOf, pseudonymOf } from './privacy.ts'
import { VERSION } from './version.ts'

/** Opens the record for writing, brings in what earlier runs left, and keeps it until `closing` runs. */
export async function openRecording(
  config: Config,
  context: RecordContext,
  clock: Clock,
  closing: Closing,
  events: {
    readonly onRecorderEvent: (event: RecorderEvent) => void
    readonly onDeadIntents: (count: number) => void
  },
  { faults, where }: Pick<SqliteStoreOptions, 'faults' | 'where'> = {},
) {
  const { wall, monotonic } = clock.now()
  const opened = await openSqliteStore({
    folder: config.data,
    now: wall,
    boot: randomUUID(),
    software: `acmetap ${VERSION}`,
    ...(faults ? { faults } : {}),
    ...(where ? { where } : {}),
  })
  closing.add(() => opened.close())
  const { in_flight: inFlight, tunnels } = config.limits
  const limits = { ...RECORDER_LIMITS, inFlight, tunnels }
  const spill = await Spill.open(join(config.data, 'spill'), (inFlight + tunnels + 1) * FRAME_LIMIT)
  const recorder = new Recorder(opened.store, spill, clock, context, limits, events.onRecorderEvent)
  closing.add(() => recorder.close())
  await recorder.importSpill()
  const dead = await opened.store.closeDeadIntents(wall, monotonic)
  if (dead > 0) events.onDeadIntents(dead)
  const { instance } = config
  const told = new StoredEvents(opened.store, clock, () => instance)
  const keeping = opened.keeping({ clock, instance, pseudonym: () => pseudonymOf(config.data) })
  return { opened, recorder, spill, events: told, keeping, outcomeDeadline: limits.outcomeDeadline }
}

/** What every fact says of the process that wrote it. */
export function recordContext(
  config: Config,
  configDigest: string,
  policyDigest: string | null,
): RecordContext {
  return {
    tenant: 'default',
    instance: config.instance,
    configDigest,
    policyDigest,
    privacy: privacyOf(config),
  }
}
