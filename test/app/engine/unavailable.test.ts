import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { httpsTransport } from '../../support/acme-client.ts'
import { startAcmetap } from '../../support/acmetap-process.ts'
import { freePort } from '../../support/child-process.ts'
import { makeRoot, makeServerCertificate } from '../../support/test-ca/certificates.ts'
import { startTestCa } from '../../support/test-ca/test-ca.ts'

test('what keeps the engine from being opened keeps nobody from reaching a CA', {
  timeout: 240_000,
}, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'engine-unavailable-'))
  const root = makeRoot('Root of a CA')
  const certificate = makeServerCertificate({ names: ['localhost', '127.0.0.1'], issuer: root })
  const ca = await startTestCa({ root, certificate })
  const taken = createServer()
  const port = await freePort()
  await new Promise<void>((resolve) => taken.listen(port, '127.0.0.1', resolve))
  const acmetap = await startAcmetap({
    folder,
    directory: ca.directory,
    trust: root.pem,
    sections: {
      engine: {
        accounts: [{ ca: 'test', agree_terms: true }],
        solvers: [{ name: 'web', http: { port } }],
        certificates: [{ name: 'www', names: ['www.example.com'], ca: 'test' }],
      },
    },
  })
  const transport = httpsTransport(acmetap.trust)
  onTestFinished(async () => {
    transport.close()
    await acmetap.stop()
    taken.close()
    await ca.close()
    await rm(folder, { recursive: true, force: true })
  })
  await expect.poll(() => acmetap.process.output()).toContain('engine.unavailable')
  expect(acmetap.process.output()).toContain('cannot listen on')
  expect((await transport.send('GET', acmetap.directory)).status).toBe(200)
  await new Promise((resolve) => taken.close(resolve))
  await expect
    .poll(() => ca.log.entries.some((entry) => entry.kind === 'request' && entry.operation === 'newNonce'), {
      timeout: 120_000,
    })
    .toBe(true)
})
