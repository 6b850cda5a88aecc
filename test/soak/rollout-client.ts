import { setTimeout as sleep } from 'node:timers/promises'
import { readJson, TestAcmeClient, type Transport, UnexpectedAnswer } from '../support/acme-client.ts'
import type { AccountKeyPair } from '../support/sign-jws.ts'

/** What one client of the fleet is and does. Like certbot it gives up at the first answer that is no success. */
export interface FleetClient {
  readonly key: AccountKeyPair
  /** Number of the account it has at the CA; null where it makes one when it issues. */
  readonly account: number | null
  /** Serial number (2 bytes) of the certificate it asks about; null: it does not ask and issues at once. */
  readonly serial: number | null
  readonly name: string
  /** Milliseconds after the beginning. */
  readonly at: number
}

export interface Run {
  readonly issued: boolean
  readonly answers: number
  /** From its first request to its end, and the longest that one answer took, in ms. */
  readonly took: number
  readonly slowest: number
  readonly failure: string | null
}

/** Resolves always; the transport is closed. */
export async function runClient(client: FleetClient, directory: string, open: () => Transport): Promise<Run> {
  await sleep(client.at)
  const began = performance.now()
  const transport = open()
  const acme = new TestAcmeClient(transport, client.key)
  let issued = false
  let failure: string | null = null
  try {
    const { renewalInfo } = await acme.discover(directory)
    if (client.serial === null || (await isDue(transport, `${renewalInfo}`, client.serial, acme))) {
      if (client.account === null) await acme.newAccount()
      else acme.account = new URL(`/account/${client.account}`, directory).href
      await acme.issue([client.name])
      issued = true
    }
  } catch (error) {
    failure = failureOf(error)
  }
  transport.close()
  const times = acme.answers.map(({ ms }) => ms)
  return {
    issued,
    answers: times.length,
    took: performance.now() - began,
    slowest: Math.max(0, ...times),
    failure,
  }
}

/** RFC 9773 §4.1: asks the CA whether it is time to renew. */
async function isDue(
  transport: Transport,
  url: string,
  serial: number,
  acme: TestAcmeClient,
): Promise<boolean> {
  const id = `cm9sbG91dA.${Buffer.from([serial >> 8, serial & 255]).toString('base64url')}`
  const answer = await transport.send('GET', `${url}/${id}`)
  acme.answers.push(answer)
  if (answer.status !== 200) throw new UnexpectedAnswer(answer)
  const { suggestedWindow } = readJson<{ suggestedWindow: { start: string } }>(answer)
  return Date.parse(suggestedWindow.start) < Date.now()
}

/** Without ports and ids, so that equal failures count as one. */
function failureOf(error: unknown): string {
  if (!(error instanceof UnexpectedAnswer)) return String(error).slice(0, 200)
  const { method, url, status, body } = error.answer
  const where = new URL(url).pathname.split('/')[1]
  return `${method} ${where}: ${status} ${body.toString().slice(0, 300)}`.replace(/[0-9a-f-]{36}/g, 'ID')
}
