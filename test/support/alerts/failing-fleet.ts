/** Clients of our own whose validations all fail, at a pace: what a firewall that was closed does to a fleet. */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type AuthorizationDocument,
  type OrderDocument,
  readJson,
  type TestAcmeClient,
} from '../acme-client.ts'
import { Refusal } from '../test-ca/answer.ts'
import type { TestCa } from '../test-ca/test-ca.ts'
import type { Drill } from './drill-clients.ts'
import { type DrillReceivers, until } from './drill-world.ts'

/** What they have in common. */
export const FIREWALLED = '192.0.2.7'

/** From now on the CA reaches nobody. */
export function closeFirewall(ca: TestCa): void {
  ca.validate(
    ({ value }) =>
      new Refusal(
        'connection',
        `${FIREWALLED}: Fetching http://${value}/.well-known/acme-challenge/x: Timeout during connect (likely firewall problem)`,
      ),
  )
}

/** An order whose one challenge is answered, and fails: three requests. */
async function failOnce(client: TestAcmeClient, name: string): Promise<void> {
  const ordered = await client.post(client.directory!.newOrder, {
    identifiers: [{ type: 'dns', value: name }],
  })
  const { authorizations } = readJson<OrderDocument>(ordered)
  const { challenges } = readJson<AuthorizationDocument>(await client.post(authorizations[0] ?? ''))
  await client.post(challenges.find(({ type }) => type === 'http-01')?.url ?? '', {})
}

/** So many names that fail, as fast as these clients ask. Resolves to the ms it took. */
export async function failMany(
  clients: readonly TestAcmeClient[],
  size: number,
  progress: (done: number) => void = () => undefined,
): Promise<number> {
  let next = 0
  const began = performance.now()
  await Promise.all(
    clients.map(async (client) => {
      while (next < size) {
        next += 1
        if (next % 1000 === 0) progress(next)
        await failOnce(client, `h${next}.storm.example.com`)
      }
    }),
  )
  return performance.now() - began
}

/**
 * So many failures, one each `every` ms. Resolves to the ms from the CA's answer, as the record has it, to the arrival of
 * the message at the webhook, for each; rejects where one was not told of.
 */
export async function latencies(
  drill: Drill,
  receivers: DrillReceivers,
  { size, every }: { readonly size: number; readonly every: number },
): Promise<readonly number[]> {
  closeFirewall(drill.ca)
  const client = await drill.client('test')
  const names = Array.from({ length: size }, (_, n) => `h${n}.calm.example.com`)
  const asked: Promise<void>[] = []
  for (const name of names) {
    asked.push(failOnce(client, name))
    await sleep(every)
  }
  await Promise.all(asked)
  const times: number[] = []
  for (const name of names) {
    const { told, alert } = await until(
      () => receivers.all({ rule: 'validation-failed', name })[0],
      () => `the message of ${name}`,
    )
    const { outcome } = await drill.exchange(alert.evidence.exchange)
    times.push(told.arrived - (outcome?.at ?? 0) / 1000)
  }
  return times
}
