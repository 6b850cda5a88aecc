import { type DestinationStream, type Logger, pino } from 'pino'
import { default as pretty } from 'pino-pretty'
import { LOG_EVENTS, type LogEvent } from './log-events.ts'

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** Logs one event of the closed list. `facts` must hold no secret and no body. */
export type Log = (level: LogLevel, event: LogEvent, facts?: Readonly<Record<string, unknown>>) => void

/** What a pipe takes at once whole (POSIX PIPE_BUF, 4 KiB): sinks may write lines of their own between. */
const WHOLE = 4096

/**
 * `json`: one object a line, control characters escaped by JSON. `pretty`: for people. To standard output unless
 * `destination` is given.
 */
export function createLog(
  level: LogLevel | 'silent',
  instance: string,
  format: 'json' | 'pretty',
  destination: DestinationStream = pino.destination({ dest: 1, maxWrite: WHOLE }),
): Log {
  const options = { level, base: { instance }, timestamp: pino.stdTimeFunctions.isoTime }
  const stream = format === 'json' ? destination : pretty({ destination, ignore: 'instance' })
  const logger: Logger = pino(options, stream)
  return (at, event, facts = {}) => {
    logger[at]({ event, ...facts }, LOG_EVENTS[event])
  }
}
