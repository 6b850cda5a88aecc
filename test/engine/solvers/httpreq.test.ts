import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { solver as solverSchema } from '../../../src/config/engine-solvers.ts'
import { challengeRecordValue } from '../../../src/engine/dns-name/challenge-record.ts'
import { createHttpreq } from '../../../src/engine/solvers/httpreq.ts'
import { solverOf } from '../../../src/engine/solvers/solver-of.ts'
import { attemptFor, context, type SolverWorld, solverContract } from '../../contract/solver.contract.ts'
import { type Receiver, startReceiver } from '../../support/alerts/receiver.ts'
import { noParts } from './no-parts.ts'

/** Keeps what is presented, as a service behind lego's httpreq does. */
async function startService(): Promise<Receiver & { readonly records: Set<string> }> {
  const records = new Set<string>()
  const receiver = await startReceiver()
  receiver.reply = ({ path: asked, body }) => {
    const { fqdn, value, domain, token, keyAuth } = JSON.parse(body)
    const record = fqdn === undefined ? `${domain} ${token} ${keyAuth}` : `${fqdn} ${value}`
    if (asked === '/acme/present') records.add(record)
    else if (asked === '/acme/cleanup') records.delete(record)
    else return { status: 404 }
    return { status: 204 }
  }
  return Object.assign(receiver, { records })
}

const opened = (mode: 'default' | 'raw') => async (): Promise<SolverWorld> => {
  const service = await startService()
  const config = (endpoint: string) =>
    solverSchema.parse({ name: 'service', httpreq: { endpoint, mode }, propagation: { check: 'none' } })
  return {
    make: () => solverOf(config(`${service.url}/acme/`), noParts),
    sees: async ({ identifier: { value }, token, keyAuthorization }) =>
      service.records.has(
        mode === 'raw'
          ? `${value} ${token} ${keyAuthorization}`
          : `_acme-challenge.${value}. ${challengeRecordValue(keyAuthorization)}`,
      ),
    broken: () => solverOf(config(`${service.url}/other`), noParts),
    close: () => service.close(),
  }
}

solverContract('httpreq', 'dns-01', opened('default'), { wildcards: true })
solverContract('httpreq, raw', 'dns-01', opened('raw'), { wildcards: true })

describe('httpreq', () => {
  const record = { name: '_acme-challenge.www.example.test', value: 'abc', ttl: 60 }
  let service: Receiver
  let folder: string
  beforeEach(async () => {
    service = await startReceiver()
    folder = await mkdtemp(path.join(tmpdir(), 'acmetap-httpreq-'))
  })
  afterEach(async () => {
    await service.close()
    await rm(folder, { recursive: true })
  })
  const publisher = (more: Readonly<Record<string, unknown>> = {}) =>
    createHttpreq(
      'service',
      solverSchema.parse({ name: 'service', httpreq: { endpoint: service.url, ...more } }).httpreq!,
      noParts.services,
    )
  const { signal } = new AbortController()

  it('asks as lego does: POST of JSON, Basic where there is a user name', async () => {
    const file = path.join(folder, 'password')
    await writeFile(file, 'pass:word\n')
    const made = publisher({ username: 'acmetap', password_file: file })
    await made.add(record, signal)
    await made.remove(record, signal)
    const basic = `Basic ${Buffer.from('acmetap:pass:word').toString('base64')}`
    expect(
      service.received.map(({ method, path: at, headers, body }) => [
        method,
        at,
        headers.authorization,
        headers['content-type'],
        body,
      ]),
    ).toEqual(
      ['/present', '/cleanup'].map((at) => [
        'POST',
        at,
        basic,
        'application/json',
        '{"fqdn":"_acme-challenge.www.example.test.","value":"abc"}',
      ]),
    )
  })

  it('sends domain, token and key authorization in raw mode, without a password where there is none', async () => {
    const config = solverSchema.parse({ name: 'service', httpreq: { endpoint: service.url, mode: 'raw' } })
    const attempt = attemptFor('www.example.test', 'dns-01', { wildcard: true })
    await solverOf(config, noParts).present(attempt, context())
    expect(JSON.parse(service.received[0]!.body)).toEqual({
      domain: 'www.example.test',
      token: attempt.token,
      keyAuth: attempt.keyAuthorization,
    })
    expect(service.received[0]!.headers.authorization).toBeUndefined()
  })

  it('tells what the service says, without secrets', async () => {
    service.reply = ({ headers }) => ({
      status: 401,
      body: `no\n\u001b[31m for hunter2-secret, ${headers.authorization}`,
    })
    const failed = publisher({ username: 'acmetap', password: 'hunter2-secret' }).add(record, signal)
    await expect(failed).rejects.toThrow(
      /^solver service for _acme-challenge\.www\.example\.test: 127\.0\.0\.1:\d+ answers 401 to present: no \[31m for \[secret\], Basic \[secret\]\. See its log$/,
    )
  })

  it('follows no redirect', async () => {
    service.reply = () => ({ status: 302, headers: { location: 'http://169.254.169.254/' } })
    await expect(publisher().add(record, signal)).rejects.toThrow(/answers 302/)
    expect(service.received).toHaveLength(1)
  })

  it('gives up after its time, and when it is stopped', async () => {
    service.reply = () => null
    await expect(publisher({ timeout: '1s' }).add(record, signal)).rejects.toThrow(
      /gave no answer within 1 s/,
    )
    const stop = new AbortController()
    const running = publisher().add(record, stop.signal)
    const outcome = running.then(() => null, String)
    await expect.poll(() => service.received.length).toBe(2)
    stop.abort()
    expect(await outcome).toMatch(/stopped/)
  })

  it('reaches no metadata service', async () => {
    const made = createHttpreq(
      'service',
      solverSchema.parse({ name: 'service', httpreq: { endpoint: 'http://169.254.169.254/' } }).httpreq!,
      noParts.services,
    )
    await expect(made.add(record, signal)).rejects.toThrow(/link-local/)
  })

  it('says which file is missing', async () => {
    const made = publisher({ username: 'a', password_file: path.join(folder, 'missing') })
    await expect(made.add(record, signal)).rejects.toThrow(/ENOENT.*Check its password_file/)
  })
})
