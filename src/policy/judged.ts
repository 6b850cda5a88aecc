import type { PolicyName } from './names/policy-name.ts'

/**
 * What a condition judges: one name; `unreadable` for names that nobody can tell (an object that acmetap has not seen
 * made, a spelling that is refused); null for a request that names none.
 */
export type Judged = PolicyName | 'unreadable' | null
