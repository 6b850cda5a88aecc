import type { Happening } from '../../audit/inventory/happening.ts'
import type { Look } from '../look.ts'
import type { Millis } from '../rule.ts'

/** In the first days of a record everything is new: nobody is told then, but it is remembered. */
export function isNews(happening: Happening, after: Millis, look: Look): boolean {
  const began = look.recordBegan()
  return began !== null && Date.parse(happening.at) >= began + after
}
