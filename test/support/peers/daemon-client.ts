import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Daemon, Finished } from '../../../src/cli/demo/child.ts'

const PATIENCE = 60_000

/**
 * Watch a server that obtains certificates by itself until `certificate` holds another text than `before`, then end
 * it. Status 1 when it says something that matches `gaveUp`, ends, or a minute has gone by.
 */
export async function watch(
  daemon: Daemon,
  certificate: () => Promise<string | null>,
  before: string | null,
  gaveUp: RegExp,
  log: () => Promise<string> = async () => daemon.log(),
): Promise<Finished> {
  let ended = false
  void daemon.ended.finally(() => {
    ended = true
  })
  try {
    for (let waited = 0; waited < PATIENCE; waited += 100) {
      const now = await certificate()
      if (now !== null && now !== before) return { code: 0, output: await log() }
      if (ended || gaveUp.test(await log())) return { code: 1, output: await log() }
      await sleep(100)
    }
    return { code: 1, output: `${await log()}\nno certificate in ${PATIENCE / 1000} s` }
  } finally {
    await daemon.stop()
  }
}

/** The text of a file; null where there is none, or not all of a certificate yet. */
export async function certificateIn(file: string): Promise<string | null> {
  const text = await readFile(file, 'utf8').catch(() => null)
  return text?.includes('-----END CERTIFICATE-----') ? text : null
}
