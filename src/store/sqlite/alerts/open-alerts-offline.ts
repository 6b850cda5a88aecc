import type { AlertActions, AlertReader } from '../../../alerts/alert-desk.ts'
import { StoreRefusal } from '../../refusal.ts'
import { lockFolder } from '../lock.ts'
import { type AlertsKept, answer, answersOf } from './alert-questions.ts'
import { openAlertsDatabase, readAlertsDatabase } from './alerts-database.ts'
import { alertsFile, IN_MEMORY } from './alerts-file.ts'
import { askerOf, portsOf } from './open-alerts.ts'

export interface OfflineAlerts {
  readonly reader: AlertReader
  /** Rejects with StoreRefusal `inUse` while a server runs: then it is the one to ask. */
  readonly actions: AlertActions
  close(): Promise<void>
}

/**
 * The alerts of a data folder, for a command without a server, in this thread. They are read as they stand; without any,
 * there are none. An action opens them to write while the folder is locked. Throws {@link StoreRefusal}.
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
  const answers = answersOf({
    ask(question) {
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

/** Where nothing was ever kept, an empty database in memory answers. */
function orEmpty(open: () => ReturnType<typeof readAlertsDatabase>): ReturnType<typeof readAlertsDatabase> {
  try {
    return open()
  } catch (error) {
    if (error instanceof StoreRefusal && error.reason === 'missing') return openAlertsDatabase(IN_MEMORY)
    throw error
  }
}
