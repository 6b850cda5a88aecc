import { existsSync, statSync } from 'node:fs'
import type { AlertActions, AlertReader } from '../../../alerts/alert-desk.ts'
import type { Person } from '../../../audit/person.ts'
import { StoreRefusal } from '../../refusal.ts'
import { lockFolder } from '../lock.ts'
import { IN_MEMORY } from '../small-database.ts'
import { type AlertsKept, answer, answersOf } from './alert-questions.ts'
import { openAlertsDatabase, readAlertsDatabase } from './alerts-database.ts'
import { alertsFile } from './alerts-file.ts'
import { askerOf, portsOf } from './open-alerts.ts'

export interface OfflineAlerts {
  readonly reader: AlertReader
  /** Rejects with StoreRefusal `inUse` while a server runs: then it is the one to ask. */
  readonly actions: AlertActions
  close(): Promise<void>
}

/**
 * The alerts of a data folder, for a command without a server, in this thread. They are read as they stand; without any,
 * there are none; of a backup's file nothing can be asked, since it holds none. An action opens them to write while the folder is locked. Throws {@link StoreRefusal}.
 */
export function openAlertsOffline(folder: string): OfflineAlerts {
  const file = alertsFile(folder)
  const change: AlertsKept['change'] = (question) => {
    const lock = lockFolder(folder)
    try {
      const alerts = openAlertsDatabase(file)
      try {
        return alerts.db.transaction(() => question(alerts, Date.now())).immediate()
      } finally {
        alerts.close()
      }
    } finally {
      lock.release()
    }
  }
  const forget = (person: Person) => {
    const lock = lockFolder(folder)
    try {
      return forgetInAlerts(folder, person)
    } finally {
      lock.release()
    }
  }
  const answers = answersOf({
    forget,
    ask(question) {
      refuseBackup(folder)
      const alerts = orEmpty(() => readAlertsDatabase(file))
      try {
        return question(alerts, Date.now())
      } finally {
        alerts.close()
      }
    },
    change,
    // What that changes for alerts the server sees at its next start.
    changeSilences: change,
  })
  const { reader, actions } = portsOf(askerOf(async (asked) => answer(answers, asked)))
  return { reader, actions, close: async () => {} }
}

/** Of a folder that the caller has locked. Without alerts there is nothing to erase. Throws SqliteError and StoreRefusal. */
export function forgetInAlerts(folder: string, person: Person): number {
  const file = alertsFile(folder)
  if (!existsSync(file)) return 0
  const alerts = openAlertsDatabase(file)
  try {
    return alerts.forget(person)
  } finally {
    alerts.close()
  }
}

/** An empty list would say that all is well. Throws {@link StoreRefusal}. */
function refuseBackup(place: string): void {
  if (statSync(place, { throwIfNoEntry: false })?.isFile() !== true) return
  throw new StoreRefusal(
    'missing',
    `${place} is a backup, and a backup holds the record alone. Alerts, silences and the watch list are in alerts.sqlite of a data folder: name that folder.`,
  )
}

/** Where nothing was ever kept, an empty database in memory answers. */
function orEmpty(open: () => ReturnType<typeof readAlertsDatabase>): ReturnType<typeof readAlertsDatabase> {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreRefusal && error.reason === 'missing') return openAlertsDatabase(IN_MEMORY)
    throw error
  }
}
