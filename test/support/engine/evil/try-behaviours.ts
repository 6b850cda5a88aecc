import { type ConnectionsMade, openTrap, watchConnections } from './connections-made.ts'
import type { EvilBehaviour } from './evil-behaviour.ts'
import { EvilLane, type EvilResult } from './evil-lane.ts'

export interface Tried {
  readonly results: readonly EvilResult[]
  /** Connections to, and questions about, anything but the CA. */
  readonly outside: readonly string[]
}

export interface TryOptions {
  /** CAs at a time. */
  readonly lanes: number
  /** ms for one answer of the CA. */
  readonly timeout: number
  readonly onResult?: (result: EvilResult) => void
}

/** Tries each; those that wait are in the way of no others. */
export async function tryBehaviours(
  behaviours: readonly EvilBehaviour[],
  { lanes, timeout, onResult = () => undefined }: TryOptions,
): Promise<Tried> {
  const trap = await openTrap()
  const watched: ConnectionsMade = watchConnections()
  const opened = await Promise.all(Array.from({ length: lanes }, () => EvilLane.start(trap.port, timeout)))
  const results: EvilResult[] = []
  let next = 0
  try {
    await Promise.all(
      opened.map(async (lane) => {
        while (next < behaviours.length) {
          const result = await lane.try(behaviours[next++]!)
          results.push(result)
          onResult(result)
        }
      }),
    )
    const known = new Set([
      'name localhost',
      ...opened.flatMap(({ ca }) => [`127.0.0.1 ${ca.port}`, `::1 ${ca.port}`]),
    ])
    const outside = [...watched.made].filter((where) => !known.has(where))
    if (trap.visits() > 0) outside.push(`${trap.visits()} connections to the trap`)
    return { results, outside }
  } finally {
    watched.stop()
    await Promise.all(opened.map((lane) => lane.close()))
    await trap.close()
  }
}
