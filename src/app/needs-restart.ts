import { isDeepStrictEqual } from 'node:util'
import type { ConfigProblem } from '../config/config-error.ts'
import type { Config } from '../config/schema.ts'

/** What a running server can't change: sockets, the data folder and what was sized at start. */
const FIXED = [
  'instance',
  'data',
  'store',
  'log',
  'listeners',
  'limits',
] as const satisfies readonly (keyof Config)[]

/** A problem for each part of the new configuration that only a restart can bring into force. */
export function needsRestart(current: Config, next: Config, file: string): ConfigProblem[] {
  return FIXED.filter((key) => !isDeepStrictEqual(current[key], next[key])).map((key) => ({
    file,
    line: 1,
    column: 1,
    path: key,
    message: 'has changed, and a running server cannot change it',
    instead: 'Restart acmetap to bring it into force',
  }))
}
