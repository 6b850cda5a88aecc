import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AlertsDatabase } from '../../../src/store/sqlite/alerts/alerts-database.ts'
import { alertsFile, openAlertsFile } from '../../../src/store/sqlite/alerts/alerts-file.ts'
import { alertMemoryContract, type MemoryUnderTest } from '../../contract/alert-memory.contract.ts'
import { T0 } from '../../support/alerts/occurrences.ts'

alertMemoryContract('alerts.sqlite', () => inFolder(mkdtempSync(join(tmpdir(), 'acmetap-alerts-'))))

function inFolder(folder: string): MemoryUnderTest {
  const alerts = new AlertsDatabase(openAlertsFile(alertsFile(folder)))
  return {
    memory: alerts.memory,
    settle(id, state) {
      const { channel } = alerts.db.prepare('select channel from notifications where id = ?').get(id) as {
        channel: string
      }
      if (state === 'waiting') alerts.outbox.settle(id, channel, { state, at: T0, next: T0, error: 'x' })
      else if (state === 'refused') alerts.outbox.settle(id, channel, { state, at: T0, error: 'x' })
      else alerts.outbox.settle(id, channel, { state, at: T0 })
    },
    keepSilence: (silence) => alerts.silences.put(silence),
    reopen() {
      alerts.close()
      return inFolder(folder)
    },
    close() {
      alerts.close()
      rmSync(folder, { recursive: true })
    },
  }
}
