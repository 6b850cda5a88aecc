import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ChainOptions, type ChainReport, verifyChain } from '../audit/chain.ts'
import type { Actor } from '../audit/event.ts'
import { type Forgotten, withAlerts } from '../audit/keeping.ts'
import { personOf } from '../audit/person.ts'
import { Spill } from '../audit/spill.ts'
import type { Config } from '../config/schema.ts'
import { systemClock } from '../exchange/clock.ts'
import { forgetInAlerts, openAlertsOffline } from '../store/sqlite/alerts/open-alerts-offline.ts'
import { databaseFile } from '../store/sqlite/folder.ts'
import { openSqliteReader, openSqliteStore } from '../store/sqlite/open.ts'
import { SqliteKeeping } from '../store/sqlite/sqlite-keeping.ts'
import { pseudonymOf } from './privacy.ts'
import { VERSION } from './version.ts'

type Place = Pick<Config, 'data' | 'instance'>

/**
 * Erases a person from the record of a folder that no server uses, and from the outcomes that wait in its spill file.
 * `dry` reads only. Rejects with StoreRefusal: `missing`, or `inUse` while a server runs.
 */
export async function forgetOffline(
  { data, instance }: Place,
  value: string,
  actor: Actor,
  dry: boolean,
): Promise<Forgotten> {
  const clock = systemClock()
  const options = { clock, instance, pseudonym: () => pseudonymOf(data) }
  const isNobody = value.trim() === ''
  const person = personOf(value, pseudonymOf(data))
  if (dry || !existsSync(databaseFile(data))) {
    const reader = openSqliteReader(data)
    const alerts = openAlertsOffline(data)
    try {
      const found = await new SqliteKeeping({ ask: readOnly }, reader, options).forget(value, actor, true)
      return withAlerts(found, isNobody ? 0 : await alerts.actions.forget(person, true))
    } finally {
      await alerts.close()
      await reader.close()
    }
  }
  const opened = await openSqliteStore({
    folder: data,
    now: clock.now().wall,
    boot: randomUUID(),
    software: `acmetap ${VERSION}`,
  })
  try {
    const spill = await Spill.open(join(data, 'spill'), 0)
    try {
      await spill.drain(async (entries) => {
        for (const entry of entries) await opened.store.append(entry)
      })
    } finally {
      await spill.close()
    }
    const forgotten = await opened.keeping(options).forget(value, actor, false)
    return withAlerts(forgotten, isNobody ? 0 : forgetInAlerts(data, person))
  } finally {
    await opened.close()
  }
}

/** Verifies the record of a data folder, or of a backup's file, as it stands: nothing is changed. Rejects with StoreRefusal. */
export async function verifyPlace(place: string, options: ChainOptions): Promise<ChainReport> {
  const reader = openSqliteReader(place)
  try {
    return await verifyChain(reader, options)
  } finally {
    await reader.close()
  }
}

function readOnly(): Promise<never> {
  return Promise.reject(new Error('the record was opened to be read'))
}
