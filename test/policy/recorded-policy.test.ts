import { hash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { bundleBytes, bundleOfBytes, policyOfDigest } from '../../src/policy/recorded-policy.ts'

const bundle = {
  file: '/etc/acmetap/policy.yaml',
  text: 'version: 1\n# ünïcode\nrules: []\n',
  files: { 'z.txt': 'a.example\n', 'a list.txt': '', './12\n3': '7\nx' },
}

describe('a policy in the record', () => {
  it('is the bytes that its digest is over', () => {
    expect(hash('sha256', bundleBytes(bundle))).toBe(bundleDigest(bundle))
  })

  it('is read back whole', () => {
    const read = bundleOfBytes(bundleBytes(bundle), bundle.file)
    expect(read).toEqual(bundle)
    expect(bundleOfBytes(bundleBytes({ ...bundle, files: {} }), 'f')?.files).toEqual({})
  })

  it('is nothing where bytes are missing or are something else', () => {
    const bytes = bundleBytes(bundle)
    for (const cut of [0, 5, 17, 20, bytes.length - 1])
      expect(bundleOfBytes(bytes.subarray(0, cut), 'f')).toBeNull()
    expect(bundleOfBytes(Buffer.from('acmetap policy 1\n-1\n'), 'f')).toBeNull()
    expect(bundleOfBytes(Buffer.from('{"a":1}'), 'f')).toBeNull()
  })

  it('is found by its digest, and only as it was', async () => {
    const bytes = bundleBytes(bundle)
    const digest = bundleDigest(bundle)
    const kept = { body: async (_: string, asked: string) => (asked === digest ? bytes : null) }
    expect((await policyOfDigest(kept, 'x', digest))?.text).toBe(bundle.text)
    expect(await policyOfDigest(kept, 'x', '0'.repeat(64))).toBeNull()
    const changed = { body: async () => Buffer.concat([bytes, Buffer.from(' ')]) }
    expect(await policyOfDigest(changed, 'x', digest)).toBeNull()
  })
})
