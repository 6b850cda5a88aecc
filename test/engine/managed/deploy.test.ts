import { createHmac } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ServiceRequest } from '../../../src/ca/service-client.ts'
import { engine as engineSchema } from '../../../src/config/engine.ts'
import { EngineError } from '../../../src/engine/engine-error.ts'
import { certificateFolder, createDeploy } from '../../../src/engine/managed/deploy.ts'
import { engineJob } from '../../support/engine/engine-values.ts'
import { obtained } from '../../support/engine/obtained-certificate.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deploy-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const NAME = 'www.example.com'
const { kept, key } = obtained()

/** A deploy of one managed certificate, and everything it said. */
function deploying(certificate: object, answer: (request: ServiceRequest) => number = () => 204) {
  const config = engineSchema.parse({
    certificates: [{ name: NAME, names: [NAME], ca: 'pebble', files: join(folder, 'files'), ...certificate }],
  })
  const asked: ServiceRequest[] = []
  const steps: string[] = []
  const said: string[] = []
  const deploy = createDeploy({
    config: () => config,
    data: folder,
    service: {
      async send(request) {
        asked.push(request)
        return { status: answer(request), field: () => null, body: Buffer.alloc(0) }
      },
    },
    readFile: () => 'from a file',
    now: () => 1_700_000_000_000,
    failPoint: async (step, when) => void steps.push(`${step} ${when}`),
  })
  const context = { signal: new AbortController().signal, progress: (text: string) => void said.push(text) }
  const job = engineJob({ id: 'j1' })
  return {
    asked,
    steps,
    said,
    run: (changes: Parameters<typeof engineJob>[0] = {}) =>
      deploy(engineJob({ ...job, ...changes }), kept, key, context),
  }
}

const files = (...path: string[]) => join(folder, 'files', 'live', NAME, ...path)
const hook = (script: string, more: object = {}) => ({ exec: ['/bin/sh', '-c', script], ...more })

test('files, PKCS #12, then the hooks in their order', async () => {
  const { run, steps, asked } = deploying({
    pkcs12: { file: join(folder, 'p12', 'web.p12'), password: 'secret' },
    hooks: [
      hook(`env > ${folder}/env; cat "$RENEWED_LINEAGE/fullchain.pem" > ${folder}/seen`, {
        environment: { A: '1' },
      }),
      { webhook: 'https://hooks.example.net/deploy?token=x', secret: 'signing' },
    ],
  })
  await run()
  expect(steps).toEqual(['deploy.files before', 'deploy.files after'])
  expect(await readFile(join(folder, 'seen'), 'utf8')).toBe(kept.chain)
  const environment = await readFile(join(folder, 'env'), 'utf8')
  expect(environment).toContain(`RENEWED_LINEAGE=${files()}\n`)
  expect(environment).toContain(`RENEWED_DOMAINS=${NAME}\n`)
  expect(environment).toContain(`ACMETAP_CERTIFICATE=${NAME}\n`)
  expect(environment).toContain('A=1\n')
  const pfx = await readFile(join(folder, 'p12', 'web.p12'))
  expect(() => createSecureContext({ pfx, passphrase: 'secret' })).not.toThrow()
  expect((await stat(join(folder, 'p12', 'web.p12'))).mode & 0o777).toBe(0o600)
  expect(await readdir(join(folder, 'p12'))).toEqual(['web.p12'])
  const [{ body, fields }] = asked as [ServiceRequest]
  const signature = createHmac('sha256', 'signing').update(`1700000000.${body}`).digest('hex')
  expect(fields['acmetap-signature']).toBe(`t=1700000000,v1=${signature}`)
  expect(JSON.parse(String(body))).toMatchObject({
    type: 'io.acmetap.certificate.deployed',
    data: { names: [NAME], fingerprint: kept.fingerprint, folder: files(), chain: kept.chain },
  })
})

describe('a hook that fails', () => {
  test('keeps the certificate in its place and those behind it running; tried again from there on', async () => {
    const count = (name: string) => `echo x >> ${folder}/${name}`
    const { run } = deploying({
      hooks: [hook(count('one')), hook(`${count('two')}; test -e ${folder}/mended`), hook(count('three'))],
    })
    const error = await run().catch((fault: unknown) => fault as EngineError)
    expect(error).toBeInstanceOf(EngineError)
    expect(error).toMatchObject({
      fault: 'deploy',
      message: expect.stringMatching(/^The certificate is in .*, but hook \/bin\/sh ended with code 1\./),
    })
    expect(await readFile(files('fullchain.pem'), 'utf8')).toBe(kept.chain)
    await writeFile(join(folder, 'mended'), '')
    await run()
    const times = async (name: string) => (await readFile(join(folder, name), 'utf8')).split('x').length - 1
    expect([await times('one'), await times('two'), await times('three')]).toEqual([1, 2, 2])
    // Another job begins with the first one.
    await run({ id: 'j2' })
    expect(await times('one')).toBe(2)
  })

  test('what it printed is told without the key and its secrets', async () => {
    const { run, said } = deploying({
      hooks: [
        hook('cat "$RENEWED_LINEAGE/privkey.pem"; echo "token is $TOKEN"', {
          environment: { TOKEN: 'canary-token' },
        }),
        hook('cat "$RENEWED_LINEAGE/privkey.pem" >&2; exit 7'),
      ],
    })
    const error = await run().catch((fault: unknown) => fault as Error)
    const told = `${said.join('\n')}\n${String(error)} ${JSON.stringify(error)}`
    expect(told).toContain('token is [secret]')
    expect(told).toContain('ended with code 7')
    for (const line of key.split('\n').filter((one) => one.length > 20 && !one.startsWith('-'))) {
      for (let at = 0; at + 20 <= line.length; at += 20) expect(told).not.toContain(line.slice(at, at + 20))
    }
    expect(told).not.toContain('canary-token')
  })

  test('a webhook that does not answer well, without its path in the error', async () => {
    let status = 500
    const { run } = deploying({ hooks: [{ webhook: 'https://hooks.example.net/t0ken' }] }, () => status)
    const error = await run().catch((fault: unknown) => fault as Error)
    expect(String(error)).toContain('the webhook at hooks.example.net was not told: HTTP 500')
    expect(String(error)).not.toContain('t0ken')
    status = 200
    await run()
  })
})

test('the key is in no message to a webhook', async () => {
  const { run, asked } = deploying({ hooks: [{ webhook: 'https://hooks.example.net/' }] })
  await run()
  expect(String(asked[0]?.body)).not.toContain(key.split('\n')[1])
  expect(String(asked[0]?.body)).not.toContain('PRIVATE')
})

test('a folder that cannot be written is said, with what is wrong', async () => {
  await writeFile(join(folder, 'files'), 'a file')
  const { run } = deploying({})
  await expect(run()).rejects.toMatchObject({ fault: 'deploy', message: expect.stringContaining(folder) })
  await rm(join(folder, 'files'))
  await mkdir(join(folder, 'files'))
  await run()
  expect(await readFile(files('privkey.pem'), 'utf8')).toBe(key)
})

test('a rehearsal and a line of a plan put nothing anywhere; a name that is no folder is refused', async () => {
  const { run } = deploying({})
  await run({ dryRun: true })
  await run({ certificate: 'other', line: { plan: 'p', line: 1 } })
  expect(await readdir(folder)).toEqual([])
  for (const certificate of ['../up', 'a/b', '.', '', 'UPPER'])
    await expect(run({ certificate })).rejects.toMatchObject({ fault: 'deploy' })
  expect(await readdir(folder)).toEqual([])
})

test('one that is not in the configuration goes into the data folder', async () => {
  const { run } = deploying({})
  await run({ certificate: 'by-hand' })
  const there = certificateFolder({ certificates: [] }, folder, 'by-hand')
  expect(there).toBe(join(folder, 'certificates', 'live', 'by-hand'))
  expect(await readFile(join(there, 'fullchain.pem'), 'utf8')).toBe(kept.chain)
})
