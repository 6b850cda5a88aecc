import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type LoadedPolicy, loadPolicy } from '../../src/app/policy-file.ts'
import { checkBundleAside, inThread, readPolicyAside, testBundleAside } from '../../src/app/policy-threads.ts'
import { ConfigError } from '../../src/config/config-error.ts'
import type { PolicyBundle } from '../../src/policy/bundle.ts'
import { readPolicy } from '../../src/policy/read-policy.ts'
import { checkBundle, testBundle } from '../../src/policy/workbench.ts'

let folder: string
/** 1,000 rules and a list of 100,000 names. */
let big: string
/** Just not small. */
let middle: PolicyBundle

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-policy-threads-'))
  big = (await written('big.yaml', 1_000, 100_000)).file
  middle = await written('middle.yaml', 150, 200)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function written(name: string, rules: number, names: number): Promise<PolicyBundle> {
  const each = Array.from({ length: rules }, (_, n) => {
    const listed = n % 50 === 0 ? "'@known'" : `['a${n}.example.com', '**.b${n}.example.com']`
    return `  - name: rule-${n}
    when: { names: ${listed}, client: { address: [192.0.2.${n % 250}, '@places'] } }
    effect: ${n % 3 === 0 ? 'deny' : 'allow'}
    message: 'no {name}'
`
  })
  const text = `version: 1
mode: enforce
default: deny
lists: { known: { file: known-${names}.txt }, places: [198.51.100.0/24], constructor: [x.example] }
rules:
${each.join('')}`
  const list = Array.from({ length: names }, (_, n) => `host${n}.team${n % 97}.example.net\n`).join('')
  const file = join(folder, name)
  await writeFile(file, text)
  await writeFile(join(folder, `known-${names}.txt`), list)
  return { file, text, files: { [`known-${names}.txt`]: list } }
}

/** Longest time (ms) for which nothing else got its turn. */
async function longestHold(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const turn = () => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }
  const ticking = setInterval(turn, 1)
  await work()
  turn()
  clearInterval(ticking)
  return longest
}

test('a policy of 1,000 rules and 100,000 names is loaded while others get their turn', async () => {
  let loaded: LoadedPolicy | null = null
  const aside = await longestHold(async () => {
    loaded = await loadPolicy({ policy: big, cas: {} }, readPolicyAside)
  })
  const here = await longestHold(() => readPolicy({ from: big }))
  expect(loaded!.policy.rules).toHaveLength(1_000)
  expect(aside).toBeLessThan(here / 2)
}, 120_000)

test('what a thread reads is what is read here', async () => {
  const order = { from: middle.file, check: { now: Date.now(), cas: [] } }
  const aside = await readPolicyAside(order)
  const here = await readPolicy(order)
  expect(aside).toEqual(here)
  expect(aside.remarks.length).toBeGreaterThan(0)
  for (const members of [aside.document.lists, aside.document.webhooks, aside.bundle.files])
    expect(Object.getPrototypeOf(members)).toBeNull()
  expect(aside.document.lists.constructor).toEqual(['x.example'])

  const now = Date.now()
  expect(await checkBundleAside(middle, now, ['a'])).toEqual(await checkBundle(middle, now, { cas: ['a'] }))
  const cases = [
    {
      file: 'cases.yaml',
      text: 'cases:\n  - name: x\n    request: { names: [a.example] }\n    expect: deny\n',
    },
  ]
  expect(await testBundleAside(middle, cases)).toEqual(await testBundle(middle, cases))
}, 60_000)

test('what is wrong is told with its place, of a file as of a bundle', async () => {
  const text = middle.text.replace('effect: deny\n', 'effect: denny\n')
  const line = text.slice(0, text.indexOf('denny')).split('\n').length
  const broken = join(folder, 'broken.yaml')
  await writeFile(broken, text)
  for (const from of [broken, { ...middle, file: broken, text }]) {
    const error: unknown = await readPolicyAside({ from }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as ConfigError).problems).toMatchObject([{ file: broken, line, path: 'rules[0].effect' }])
  }
  expect(await checkBundleAside({ ...middle, text }, Date.now(), [])).toMatchObject({
    ok: false,
    problems: [{ line }],
  })
  await expect(testBundleAside(middle, [{ file: 'c.yaml', text: 'cases: 1\n' }])).rejects.toThrow(ConfigError)
  await expect(readPolicyAside({ from: join(folder, 'none.yaml') })).rejects.toThrow('does not exist')
}, 120_000)

test('a thread that dies of a policy refuses it', async () => {
  const job = { kind: 'read', order: { from: big } } as const
  const error: unknown = await inThread(job, big, { limits: { maxOldGenerationSizeMb: 24 } }).catch(
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).message).toMatch(
    /^\S+big\.yaml:1:1: (takes more memory|cannot be read, because the thread)/,
  )
}, 60_000)

test('a thread that takes too long is ended, its policy is refused, and the next has its turn', async () => {
  const job = { kind: 'read', order: { from: big } } as const
  const late = Array.from({ length: 3 }, () => inThread(job, big, { deadline: 5 }))
  for (const outcome of await Promise.allSettled(late)) {
    expect(outcome).toMatchObject({ status: 'rejected' })
    const { reason } = outcome as PromiseRejectedResult
    expect(reason).toBeInstanceOf(ConfigError)
    expect(reason.message).toMatch(/big\.yaml:1:1: takes longer than 1 s to read\. Divide its lists/)
  }
  expect((await readPolicyAside({ from: middle })).document.rules).toHaveLength(150)
}, 60_000)
