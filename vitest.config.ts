import { join } from 'node:path'
import { defineConfig } from 'vitest/config'
import { CountingReporter } from './test/reporter.ts'
import { unmask } from './test/support/environment.ts'

unmask(process.env)
// The program is started hundreds of times: without this each of them compiles it again, for most of its life.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, '.cache', 'compiled')

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    environment: 'node',
    reporters: [new CountingReporter()],
    // Two processes that load the stack once and take one file after the other: several times faster than a new
    // one for each file, and few enough that the programs that tests start are not starved.
    pool: 'forks',
    isolate: false,
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    teardownTimeout: 20_000,
    // What is waited for comes at once on a quiet machine; on a busy one a thread or a disk may keep it for seconds.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    allowOnly: false,
  },
})
