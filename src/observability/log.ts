import { type DestinationStream, type Logger, pino } from 'pino'
import { LOG_EVENTS, type LogEvent } from './log-events.ts'

type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal'

/** Logs one event of the closed list. `facts` must hold no secret and no body. */
export type Log = (level: LogLevel, event: LogEvent, facts?: Readonly<Record<string, unknown>>) => void

/** JSON lines (one object a line; control characters are escaped by JSON) to `destination`, standard output by default. */
export function createLog(
  level: LogLevel | 'silent',
  instance: string,
  destination?: DestinationStream,
): Log {
  const options = { level, base: { instance }, timestamp: pino.stdTimeFunctions.isoTime }
  const logger: Logger = destination ? pino(options, destination) : pino(options)
  return (at, event, facts = {}) => {
    logger[at]({ event, ...facts }, LOG_EVENTS[event])
  }
}
