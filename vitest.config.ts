import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { bundledKysely } from './test/bundled-kysely.ts'
import { CountingReporter } from './test/reporter.ts'
import { PackingSequencer } from './test/sequencer.ts'
import { unmask } from './test/support/environment.ts'

unmask(process.env)
// The program is started hundreds of times: without this each of them compiles it again, for most of its life.
const cache = join(import.meta.dirname, '.cache')
process.env.NODE_COMPILE_CACHE ??= join(cache, 'compiled')

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    reporters: [new CountingReporter()],
    // Processes that load the stack once and take one file after the other: several times faster than a new one for
    // each file. One more than the processors of a small machine, because some of the files mostly wait.
    pool: 'forks',
    execArgv: [`--import=${await bundledKysely(cache)}`],
    isolate: false,
    maxWorkers: 3,
    sequence: { sequencer: PackingSequencer },
    // For what hangs: on a busy machine anything else may take minutes.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 20_000,
    // What is waited for comes at once on a quiet machine; on a busy one a thread or a disk may keep it for seconds.
    expect: { poll: { timeout: 45_000, interval: 20 } },
    allowOnly: false,
  },
})
