import { expect, test } from 'vitest'
import { policyFault } from '../../../src/engine/reissue/policy-fault.ts'
import type { SupposedRequest } from '../../../src/policy/supposed-request.ts'

const NAMES = [{ type: 'dns', value: '*.example.com' }]
const reissue = { ca: 'pebble', names: NAMES, profile: 'short', csr: Buffer.from('request') }

function asking(denied: string | null, inForce = true) {
  const asked: SupposedRequest[] = []
  const question = {
    explain: async (request: SupposedRequest) => {
      asked.push(request)
      const told = request.operation === denied ? { inForce, detail: 'no\nwildcards', status: 403 } : null
      return { told } as never
    },
    client: () => ({ account: 'https://ca.test/acct/1' }),
    now: () => 5,
  }
  return { asked, question }
}

test('newOrder and finalize are asked about as the engine would send them', async () => {
  const { asked, question } = asking(null)
  expect(await policyFault(question, reissue)).toBeNull()
  const both = {
    names: ['*.example.com'],
    at: 5,
    mode: 'engine',
    ca: 'pebble',
    client: { account: 'https://ca.test/acct/1' },
    profile: 'short',
  }
  expect(asked).toEqual([
    { ...both, operation: 'newOrder' },
    { ...both, operation: 'finalize', csr: reissue.csr.toString('base64') },
  ])
  const own = asking(null)
  await policyFault(own.question, { ...reissue, csr: null, profile: null })
  expect(own.asked).toEqual([{ ...both, profile: undefined, operation: 'newOrder' }])
})

test.each(['newOrder', 'finalize'])(
  'a denial of %s is told in one line; one that is not in force is not',
  async (operation) => {
    const told = await policyFault(asking(operation).question, reissue)
    expect(told).toMatch(/^policy would refuse it: no wildcards\. /)
    expect(await policyFault(asking(operation, false).question, reissue)).toBeNull()
  },
)

test('without a policy nothing is refused', async () => {
  const question = { ...asking(null).question, explain: async () => null }
  expect(await policyFault(question, reissue)).toBeNull()
})
