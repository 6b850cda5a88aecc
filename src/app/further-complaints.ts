import type { Complaint } from '../config/config-error.ts'
import type { Config } from '../config/schema.ts'
import { patternComplaints } from './broker/pattern-complaints.ts'
import { scheduleComplaints } from './engine/schedule-complaints.ts'

/** What those parts complain of that know more of their keys than the form. */
export function furtherComplaints(config: Config): readonly Complaint[] {
  return [...scheduleComplaints(config), ...patternComplaints(config)]
}
