import { isDeepStrictEqual } from 'node:util'
import type { ConfigProblem } from '../config/config-error.ts'
import type { Config } from '../config/schema.ts'
import { opens } from './listeners.ts'

/** What a running server can't change: sockets, the data folder and what was sized or opened at start. */
const FIXED = {
  instance: ({ instance }) => instance,
  data: ({ data }) => data,
  store: ({ store }) => store,
  log: ({ log }) => log,
  // The users' names and passwords may change.
  listeners: ({ listeners }) => ({ ...listeners, proxy: { ...listeners.proxy, users: null } }),
  // What a listener is opened or closed by.
  'relay and intercept.cas': opens,
  'broker and local_cas': (config) => config.broker.length > 0 || Object.keys(config.local_cas).length > 0,
  sinks: ({ sinks }) => sinks,
  // What listens, or holds connections and secrets.
  'engine.solvers': ({ engine }) => engine.solvers,
  'engine.dns': ({ engine }) => engine.dns,
  'engine.secret': ({ engine }) => [engine.secret, engine.secret_file],
  limits: ({ limits }) => ({ ...limits, wait: null }),
} as const satisfies Readonly<Record<string, (config: Config) => unknown>>

/** A problem for each part of the new configuration that only a restart can bring into force. */
export function needsRestart(current: Config, next: Config, file: string): ConfigProblem[] {
  return Object.entries(FIXED)
    .filter(([, part]) => !isDeepStrictEqual(part(current), part(next)))
    .map(([path]) => ({
      file,
      line: 1,
      column: 1,
      path,
      message: 'has changed, and a running server cannot change it',
      instead: 'Restart acmetap to bring it into force',
    }))
}
