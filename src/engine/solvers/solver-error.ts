import { EngineError } from '../engine-error.ts'

/** `what` went wrong, and what to do; of which solver, and for which name where it is about one. */
export function solverError(solver: string, name: string | null, what: string): EngineError {
  const about = name === null ? '' : ` for ${name}`
  return new EngineError('solver', `solver ${solver}${about}: ${what}`, { name })
}

/** Rejects what is no longer wanted. */
export function throwIfAborted(signal: AbortSignal, solver: string, name: string): void {
  if (signal.aborted) throw new EngineError('aborted', `solver ${solver} for ${name}: stopped`, { name })
}

/** What the system said, in a few words: `EACCES: permission denied`. */
export function systemFault(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  const said = message.split(/, | '/, 1)[0] ?? message
  return code === undefined || said.startsWith(code) ? said : `${code}: ${said}`
}
