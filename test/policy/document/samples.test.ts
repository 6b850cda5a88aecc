import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compilePolicy } from '../../../src/policy/compile.ts'
import { bundleDigest } from '../../../src/policy/document/bundle-digest.ts'
import { parsePolicy } from '../../../src/policy/document/parse-policy.ts'
import { readBundle } from '../../../src/policy/document/read-bundle.ts'
import { checkPolicy } from '../../../src/policy/document/remarks/check-policy.ts'
import { runPolicyTests } from '../../../src/policy/test-cases/run.ts'

const FOLDER = join(import.meta.dirname, '../../../config/policies')
const SAMPLES = readdirSync(FOLDER).filter((file) => /^[a-z-]+\.yaml$/.test(file))
/** The samples name days: this is before all of them. */
const NOW = Date.UTC(2026, 10, 22)

test('there are samples', () => {
  expect(SAMPLES).toEqual([
    'freeze.yaml',
    'internal-only.yaml',
    'key-hygiene.yaml',
    'team-scopes.yaml',
    'weekly-budget.yaml',
  ])
})

test.for(SAMPLES)(
  '%s loads, nothing about it is odd, and its cases pass and try every rule',
  async (sample) => {
    const file = join(FOLDER, sample)
    const bundle = await readBundle(file)
    const document = await parsePolicy(bundle, { readFiles: true })
    expect(await checkPolicy(document, bundle, { now: NOW })).toEqual([])
    expect(document.mode).toBe('observe')

    const policy = await compilePolicy(document, bundleDigest(bundle))
    const cases = file.replace(/\.yaml$/, '.test.yaml')
    const report = runPolicyTests(file, policy, [{ file: cases, text: readFileSync(cases, 'utf8') }])
    expect(report.results.filter(({ passed }) => !passed)).toEqual([])
    expect(report.passed).toBeGreaterThan(5)
    expect(report.untested).toEqual([])
  },
)
