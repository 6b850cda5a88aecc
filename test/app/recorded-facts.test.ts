import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { PolicyFacts } from '../../src/policy/facts.ts'
import { factsOf, orderIn } from '../../src/policy/recorded-facts.ts'
import { UnexpectedAnswer } from '../support/acme-client.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const gathered = new Map<string, PolicyFacts>()
const overrides = { onPolicyFacts: (id: string, facts: PolicyFacts) => void gathered.set(id, facts) }

const POLICY = `version: 1
mode: observe
rules:
  - { name: bound, when: { client: { external_account: nobody } }, effect: deny }
  - { name: asked, when: { any: [{ profile: shortlived }, { validity: '>90d' }] }, effect: deny }
  - { name: often, when: { orders: { per: client, within: 7d, count: '>3' } }, effect: warn }
  - { name: again, when: { duplicates: { within: 7d, count: '>0' } }, effect: deny }
  - { name: reused, when: { key: { reused: true } }, effect: deny }
  - { name: own, when: { key: { account_key: true } }, effect: deny }
`

const opened = new Opened()
beforeEach(() => gathered.clear())
afterEach(() => opened.close())

async function worldWith(sections: Record<string, unknown> = {}) {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }, { overrides }))
  await world.settled()
  await writeFile(join(world.folder, 'policy.yaml'), POLICY)
  await world.addSections({ policy: './policy.yaml', ...sections })
  await world.restart(overrides)
  await world.settled()
  return { world, directory: `https://localhost:${world.port}${new URL(ca.directory).pathname}` }
}

/** What the CA says to it does not matter here. */
const tried = (answer: Promise<unknown>) =>
  answer.catch((error: unknown) => {
    if (!(error instanceof UnexpectedAnswer)) throw error
  })

describe('facts of the record', () => {
  it('are those that the decision was made by, of every operation', async () => {
    const { world, directory: entry } = await worldWith()
    const client = await world.client()
    await client.discover(entry)
    await client.newAccount()
    const issued = await client.issue(['a.example', 'b.example'])
    await tried(client.issue(['a.example', 'b.example']))
    const directory = client.directory!
    const identifiers = [{ type: 'dns', value: 'c.example' }]
    await tried(
      client.post(directory.newOrder, {
        identifiers,
        profile: 'shortlived',
        notAfter: '2031-01-01T00:00:00Z',
      }),
    )
    await tried(client.revoke(issued.pem))
    await tried(client.changeKey())
    await tried(client.post(`${new URL(directory.newOrder).origin}/nothing-known`, {}))

    const exchanges = await world.exchanges()
    const byId = new Map(exchanges.map((one) => [one.id, one]))
    const seen = new Set<string>()
    for (const { id, intent, personal } of exchanges) {
      const live = gathered.get(id)
      const order = intent.issuance === null ? undefined : byId.get(intent.issuance)
      const facts = factsOf(intent, personal, { order: order && orderIn(order.intent) })
      if (live === undefined) {
        if (intent.request.method === 'POST' && intent.operation !== 'orders')
          expect(facts === null || intent.decision.effect === 'deny', intent.operation).toBe(true)
        continue
      }
      // Contacts of an account stand in the record of another request; webhooks were not asked.
      const contacts = intent.operation === 'newAccount' ? live.client.contacts : undefined
      const expected = { ...live, client: { ...live.client, contacts } }
      expect(facts && { ...facts, client: { ...facts.client, contacts } }, intent.operation).toEqual(expected)
      seen.add(intent.operation)
    }
    expect([...seen].sort()).toEqual(
      expect.arrayContaining([
        'authorization',
        'certificate',
        'challenge',
        'finalize',
        'keyChange',
        'newAccount',
        'newOrder',
        'order',
        'revokeCert',
        'unrecognised',
      ]),
    )
  })

  it('do not know what was hashed or dropped', async () => {
    const { world, directory: entry } = await worldWith({
      privacy: { address: 'hash', user_agent: 'drop', contact: 'drop' },
    })
    const client = await world.client()
    await client.discover(entry)
    await client.newAccount()
    const [exchange] = await world.exchanges({ operation: 'newAccount' })
    const { intent, personal } = exchange!
    expect(personal.clientAddress).toMatch(/^~/)
    const facts = factsOf(intent, personal, { dropped: new Set(['userAgent', 'contact']) })!
    expect(facts.client).toMatchObject({
      address: undefined,
      userAgent: undefined,
      contacts: undefined,
      proxyUser: null,
    })
  })
})
