import { DefaultReporter, type TestModule, type TestSuite } from 'vitest/node'

type RunEnd = Parameters<DefaultReporter['onTestRunEnd']>

/**
 * The default reporter, then every skipped test with its reason, then as the very last line
 * `N passed, N failed` or `N passed, N failed, N skipped`. A file that does not load, a hook that fails and an
 * error outside of any test count as failed. A run without any test fails.
 */
export class CountingReporter extends DefaultReporter {
  override onTestRunEnd(modules: RunEnd[0], unhandledErrors: RunEnd[1], reason: RunEnd[2]): void {
    super.onTestRunEnd(modules, unhandledErrors, reason)
    const { passed, failed, skipped } = count(modules)
    const failures = failed + unhandledErrors.length
    if (skipped.length > 0) {
      this.log(`SKIPPED: ${skipped.length} tests did not run`)
      for (const line of skipped) this.log(`  ${line}`)
    }
    if (passed + failures === 0) this.log('no test ran')
    if (passed === 0 || failures > 0 || reason === 'interrupted') process.exitCode = 1
    this.log(`${passed} passed, ${failures} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
  }
}

interface Count {
  passed: number
  failed: number
  skipped: string[]
}

function count(modules: readonly TestModule[]): Count {
  const total: Count = { passed: 0, failed: 0, skipped: [] }
  for (const module of modules) {
    if (module.errors().length > 0) total.failed += 1
    for (const child of module.children.allSuites()) countHooks(child, total)
    for (const test of module.children.allTests()) {
      const result = test.result()
      if (result.state === 'passed') total.passed += 1
      else if (result.state === 'failed') total.failed += 1
      else {
        const why = (result.state === 'skipped' && result.note) || 'no reason given'
        total.skipped.push(`${module.relativeModuleId} > ${test.fullName}: ${why}`)
      }
    }
  }
  return total
}

function countHooks(suite: TestSuite, total: Count): void {
  if (suite.errors().length > 0) total.failed += 1
}
