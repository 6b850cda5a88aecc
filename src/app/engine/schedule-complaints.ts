import type { Complaint } from '../../config/config-error.ts'
import type { Config } from '../../config/schema.ts'
import { parseWhere } from '../../engine/reissue/parse-where.ts'
import { WhereError } from '../../engine/reissue/where.ts'

/** What is wrong with the conditions of `engine.reissue.schedule`, whose words the engine knows. */
export function scheduleComplaints({ engine }: Config): Complaint[] {
  const { schedule } = engine.reissue
  if (schedule === undefined) return []
  try {
    parseWhere(schedule.where)
    return []
  } catch (error) {
    if (!(error instanceof WhereError)) throw error
    return [
      {
        path: ['engine', 'reissue', 'schedule', 'where'],
        at: 'value',
        message: `can't be read: ${error.message}`,
        instead: null,
      },
    ]
  }
}
