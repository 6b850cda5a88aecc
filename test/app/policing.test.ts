import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { bundleDigest } from '../../src/policy/document/bundle-digest.ts'
import { readBundle } from '../../src/policy/document/read-bundle.ts'
import { factsOf } from '../../src/policy/recorded-facts.ts'
import { policyOfDigest } from '../../src/policy/recorded-policy.ts'
import type { TestAcmeClient } from '../support/acme-client.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

const ENFORCED = `version: 1
mode: enforce
default: deny
rules:
  - { name: accounts, when: { operation: accounts }, effect: allow }
  - name: internal
    when: { names: '**.internal.example' }
    effect: allow
`

async function worldWith(text: string) {
  const ca = opened.add(await startTestCa())
  const world = opened.add(await compose({ ca: { directory: ca.directory, trust: ca.trust } }))
  await world.settled()
  const usePolicy = async (policy: string) => {
    await writeFile(join(world.folder, 'policy.yaml'), policy)
    return world.running.reload()
  }
  await world.addSections({ policy: './policy.yaml' })
  expect(await usePolicy(text)).toMatchObject({ ok: true })
  return { ca, world, usePolicy }
}

async function clientOf({ ca, world }: Awaited<ReturnType<typeof worldWith>>): Promise<TestAcmeClient> {
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount()
  return client
}

const identifiers = (...names: string[]) => ({ identifiers: names.map((value) => ({ type: 'dns', value })) })

async function order(client: TestAcmeClient, ...names: string[]) {
  return client.post(client.directory?.newOrder ?? '', identifiers(...names)).then(
    ({ status }) => ({ status, body: null, fields: {} as Record<string, string | undefined> }),
    ({ answer }) => ({
      status: answer.status,
      body: JSON.parse(answer.body.toString()),
      fields: answer.fields,
    }),
  )
}

test('what is denied is not sent, is told with its name, and stands in the record with what decided', async () => {
  const made = await worldWith(ENFORCED)
  const { ca, world } = made
  const client = await clientOf(made)
  expect(await order(client, 'a.internal.example')).toMatchObject({ status: 201 })
  const arrived = ca.log.requests.length
  const denied = await order(client, 'a.internal.example', 'evil.example')
  expect(ca.log.requests.slice(arrived).map(({ method, target }) => `${method} ${target}`)).toEqual([])
  const [exchange] = (await world.exchanges({ operation: 'newOrder', outcome: 'refused' })).slice(-1)
  expect(denied).toMatchObject({
    status: 403,
    body: {
      type: 'urn:ietf:params:acme:error:rejectedIdentifier',
      detail: expect.stringMatching(/^[^\n]*evil\.example[^\n]*$/),
      subproblems: [{ identifier: { type: 'dns', value: 'evil.example' } }],
    },
  })
  expect(denied.body.detail).toContain(exchange!.id)
  expect(denied.fields['replay-nonce']).toBeUndefined()
  const bundle = await readBundle(join(world.folder, 'policy.yaml'))
  expect(exchange!.intent).toMatchObject({
    policyDigest: bundleDigest(bundle),
    asked: { kind: 'order', profile: null },
    decision: {
      effect: 'deny',
      rule: 'default',
      policy: {
        decided: { effect: 'deny', rule: 'default' },
        would: { effect: 'deny', rule: 'default' },
        names: [{ identifier: { type: 'dns', value: 'evil.example' }, effect: 'deny', rule: 'default' }],
        deniedNames: 1,
      },
    },
  })
  const body = (id: string, digest: string) => world.running.operations.body(id, digest)
  const recorded = await policyOfDigest({ body }, exchange!.id, exchange!.intent.policyDigest ?? '')
  expect(recorded?.text).toBe(bundle.text)
  const again = await world.running.operations.policies.explainRecorded(exchange!.id, null)
  expect(again).toMatchObject({
    decided: { effect: 'deny', rule: 'default' },
    recorded: { by: 'then', differs: [] },
  })
})

test('observe and no policy let everything pass, and tell of it', async () => {
  const made = await worldWith(ENFORCED.replace('enforce', 'observe'))
  const { world, usePolicy } = made
  const client = await clientOf(made)
  expect(await order(client, 'evil.example')).toMatchObject({ status: 201 })
  const [observed] = (await world.exchanges({ operation: 'newOrder' })).slice(-1)
  expect(observed!.intent.decision).toMatchObject({
    effect: 'allow',
    policy: { decided: { effect: 'allow' }, would: { effect: 'deny', rule: 'default' } },
  })
  expect(await usePolicy(ENFORCED.replace('enforce', 'warn'))).toMatchObject({ ok: true })
  expect(await order(client, 'evil.example')).toMatchObject({ status: 201 })
  expect(world.log.filter(({ event }) => event === 'policy.warned')).toMatchObject([
    { facts: { operation: 'newOrder', names: ['evil.example'] } },
  ])
})

test('a policy that can not be used changes nothing, whatever else is new in the configuration', async () => {
  const made = await worldWith(ENFORCED)
  const { world, usePolicy } = made
  const client = await clientOf(made)
  const before = await world.running.operations.policies.inForce()
  const report = await usePolicy(ENFORCED.replace('effect: allow\n', 'effect: alow\n'))
  expect(report).toMatchObject({
    ok: false,
    problems: [{ file: join(world.folder, 'policy.yaml'), line: 8, column: 13, path: 'rules[1].effect' }],
  })
  expect(await world.running.operations.policies.inForce()).toEqual(before)
  expect(await order(client, 'evil.example')).toMatchObject({ status: 403 })
  expect(world.log.filter(({ event }) => event === 'policy.loaded')).toHaveLength(1)
})

test('what acmetap has not seen made is denied, with the remedy; reading is everybody’s', async () => {
  const made = await worldWith(ENFORCED)
  const { ca, world } = made
  const client = await clientOf(made)
  const arrived = ca.log.requests.length
  const strange = `${client.directory?.newOrder.replace(/[^/]*$/, '')}order/nobody-saw`
  await expect(client.post(strange)).rejects.toMatchObject({ answer: { status: 403 } })
  expect(ca.log.requests.slice(arrived).filter(({ target }) => target.includes('nobody-saw'))).toEqual([])
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  const [refused] = (await world.exchanges({ outcome: 'refused' })).slice(-1)
  expect(refused!.intent.decision).toMatchObject({ rule: 'policy:unrecognised' })
})

test('a whole issuance passes where its names are allowed', async () => {
  const made = await worldWith(ENFORCED)
  const { world } = made
  const client = await clientOf(made)
  const { pem } = await client.issue(['b.internal.example'])
  expect(pem).toContain('BEGIN CERTIFICATE')
  const decided = (await world.exchanges()).filter(({ intent }) => intent.decision.policy)
  expect(new Set(decided.map(({ intent }) => intent.operation))).toEqual(
    new Set(['newAccount', 'newOrder', 'authorization', 'challenge', 'finalize', 'order', 'certificate']),
  )
  expect(decided.every(({ intent }) => intent.decision.policy?.would.effect === 'allow')).toBe(true)
  const finalize = decided.find(({ intent }) => intent.operation === 'finalize')
  expect(finalize!.intent.asked).toMatchObject({
    kind: 'finalize',
    csr: {
      names: [{ type: 'dns', value: 'b.internal.example' }],
      key: { type: 'ECDSA', curve: 'P-256' },
      faults: [],
    },
  })
})

test('a webhook that is down is told once, and counted', async () => {
  let status = 503
  const server = createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status).end('{"allow":false}'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  opened.add({ close: () => void server.close() })
  const { port } = server.address() as AddressInfo
  const made = await worldWith(`version: 1
mode: enforce
message: 'ask the platform team for {name}'
webhooks: { cmdb: { url: 'http://127.0.0.1:${port}/' } }
rules:
  - name: cmdb-knows
    when: { operation: newOrder, names: '**.example', not: { webhook: cmdb } }
    effect: deny
  - name: too-many
    when: { operation: newOrder, count: '>=2' }
    effect: deny
`)
  const { world } = made
  const client = await clientOf(made)
  for (let n = 0; n < 2; n += 1) {
    // A rule without a message has the policy's.
    expect(await order(client, 'a.example')).toMatchObject({
      status: 403,
      body: { detail: expect.stringContaining('ask the platform team for a.example') },
    })
  }
  status = 200
  expect(await order(client, 'a.example')).toMatchObject({ status: 403 })
  expect(await order(client, 'a.test', 'b.test')).toMatchObject({ status: 403 })
  const logged = (event: string) => world.log.filter((line) => line.event === event)
  expect(logged('webhook.failed')).toMatchObject([
    { level: 'warn', facts: { webhook: 'cmdb', detail: 'webhook cmdb: answered 503, not 200' } },
  ])
  expect(logged('policy.denied').map(({ facts }) => [facts?.rule, facts?.names])).toEqual([
    ...Array(3).fill(['cmdb-knows', ['a.example']]),
    ['too-many', ['a.test', 'b.test']],
  ])
  const { body } = await world.admin('/metrics')
  expect(body).toContain('acmetap_policy_webhooks_total{webhook="cmdb",outcome="none"} 2\n')
  expect(body).toContain('acmetap_policy_webhooks_total{webhook="cmdb",outcome="deny"} 1\n')
})

test('a deny on contacts holds for those that an update puts there, live and by the record', async () => {
  const made = await worldWith(`version: 1
mode: enforce
rules:
  - name: ours-only
    when: { operation: [newAccount, account], not: { client: { contact: 'mailto:*@ours.example' } } }
    effect: deny
    message: 'accounts are reached at ours.example'
`)
  const { ca, world } = made
  const client = await world.client()
  await client.discover(`https://localhost:${world.port}${new URL(ca.directory).pathname}`)
  await client.newAccount({ contact: ['mailto:me@ours.example'] })
  const update = (payload: object) =>
    client.post(client.account ?? '', payload).then(
      ({ status }) => status,
      ({ answer }) => answer.status,
    )
  expect(await update({ contact: ['mailto:me@evil.example'] })).toBe(403)
  expect(await update({ contact: ['mailto:you@ours.example'] })).toBe(200)
  expect(await update({ contact: [] })).toBe(403)
  const updates = await world.exchanges({ operation: 'account' })
  expect(updates.map(({ intent, personal }) => factsOf(intent, personal)?.client.contacts)).toEqual([
    ['mailto:me@evil.example'],
    ['mailto:you@ours.example'],
    [],
  ])
})
