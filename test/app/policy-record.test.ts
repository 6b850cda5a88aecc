import { expect, it } from 'vitest'
import { PolicyRecord } from '../../src/app/policy-record.ts'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { usable } from '../../src/policy/workbench.ts'

async function loaded(name: string) {
  const text = `version: 1\nrules: [{ name: ${name}, when: always, effect: allow }]\n`
  const bundle = { file: 'policy.yaml', text, files: {} }
  return { policy: await usable(bundle), bundle, warnings: [] }
}

it('a policy that is replaced is used until then: its age begins anew', async () => {
  const kept: string[][] = []
  const record = new PolicyRecord({
    async record(_actor: unknown, _event: unknown, more?: { blobs?: readonly { digest: Buffer }[] }) {
      kept.push((more?.blobs ?? []).map(({ digest }) => digest.toString('hex')))
    },
  } as unknown as ConstructorParameters<typeof PolicyRecord>[0])
  const [one, other] = [await loaded('one'), await loaded('other')]
  const actor = { kind: 'acmetap' } as unknown as Parameters<PolicyRecord['note']>[1]
  expect(await record.note(one, actor)).toBe(true)
  expect(await record.note(one, actor)).toBe(false)
  expect(await record.note(other, actor)).toBe(true)
  expect(await record.note(null, actor)).toBe(true)
  const [first, second] = [bundleDigest(one.bundle), bundleDigest(other.bundle)]
  expect(kept).toEqual([[first], [second, first], [second]])
})
