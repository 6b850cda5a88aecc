import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { makeServerCertificate } from '../../../src/cli/demo/test-certificates.ts'
import { type Reply, startReceiver } from '../alerts/receiver.ts'

export interface FakeRequest {
  readonly method: string
  /** Decoded, without the query. */
  readonly path: string
  readonly query: URLSearchParams
  /** As it was sent. */
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A DNS provider's API on loopback over TLS: strict about what it takes, and with the answers of the real one. */
export interface FakeProvider {
  readonly url: string
  /** PEM file. */
  readonly root: string
  readonly folder: string
  readonly requests: FakeRequest[]
  /** What no client of the real one should send. */
  readonly complaints: string[]
  /** What it answers in place of its own; null: its own. */
  instead: (request: FakeRequest) => Reply | null
  close(): Promise<void>
}

export class Complaint extends Error {}

export function insist(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Complaint(what)
}

let certificate: ReturnType<typeof makeServerCertificate> | null = null

export async function startFakeProvider(
  answer: (request: FakeRequest, base: string) => Reply,
): Promise<FakeProvider> {
  certificate ??= makeServerCertificate(['localhost'], ['127.0.0.1'])
  const made = await certificate
  const receiver = await startReceiver(made)
  const folder = await mkdtemp(path.join(tmpdir(), 'acmetap-provider-'))
  const root = path.join(folder, 'root.pem')
  await writeFile(root, made.root)
  const fake: FakeProvider = {
    url: receiver.url,
    root,
    folder,
    requests: [],
    complaints: [],
    instead: () => null,
    async close() {
      await receiver.close()
      await rm(folder, { recursive: true })
    },
  }
  receiver.reply = ({ method, path: target, headers, body }) => {
    const { pathname, searchParams } = new URL(target, receiver.url)
    const request = { method, path: decodeURIComponent(pathname), query: searchParams, target, headers, body }
    fake.requests.push(request)
    try {
      insist(
        (method === 'POST' || method === 'PUT') === (body !== '' && body !== '{}') ||
          /\/refresh$/.test(pathname),
        `${method} with body "${body}"`,
      )
      return fake.instead(request) ?? answer(request, receiver.url)
    } catch (error) {
      if (!(error instanceof Complaint)) fake.complaints.push(String((error as Error).stack))
      else fake.complaints.push(`${method} ${target}: ${error.message}`)
      return json(400, { message: String(error) })
    }
  }
  return fake
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(value) }
}

export function jsonBody(request: FakeRequest): Readonly<Record<string, unknown>> {
  insist(
    /^application\/json\b/.test(request.headers['content-type'] ?? ''),
    'its body is not said to be JSON',
  )
  return JSON.parse(request.body)
}

export function onlyKeys(value: Readonly<Record<string, unknown>>, ...keys: readonly string[]): void {
  const others = Object.keys(value).filter((key) => !keys.includes(key))
  insist(others.length === 0, `unknown ${others.join(', ')}`)
}

/** One value of a name. */
export interface FakeRecord {
  readonly id: string
  readonly zone: string
  /** Whole, without the final dot. */
  readonly name: string
  readonly content: string
  readonly ttl: number
}

/** Records by id, for APIs with one object for each value. */
export class FakeRecords {
  readonly all = new Map<string, FakeRecord>()
  #last = 0

  add(record: Omit<FakeRecord, 'id'>): FakeRecord {
    this.#last += 1
    const made = { id: String(this.#last), ...record }
    this.all.set(made.id, made)
    return made
  }

  at(zone: string, name?: string): FakeRecord[] {
    return [...this.all.values()].filter(
      (record) => record.zone === zone && (name === undefined || record.name === name),
    )
  }
}

/** The longest is the right one. */
export const ZONES: readonly string[] = ['example.net', 'shop.example.net']
export const ZONE = 'shop.example.net'

export function whole(relative: string, zone: string): string {
  return relative === '@' || relative === '' ? zone : `${relative}.${zone}`
}

export function relative(name: string, zone: string, apex = '@'): string {
  return name === zone ? apex : name.slice(0, -(zone.length + 1))
}
