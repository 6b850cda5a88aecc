import { X509Certificate } from 'node:crypto'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, expect, test } from 'vitest'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { startTestCa } from '../support/test-ca/test-ca.ts'
import { compose, Opened } from './composed.ts'

const opened = new Opened()
afterEach(() => opened.close())

test('a new CA and relay are in force after a reload; one taken out is not; facts name the configuration', async () => {
  const first = opened.add(await startTestCa())
  const second = opened.add(await startTestCa())
  const described = { first: { directory: first.directory, trust: first.trust } }
  const world = opened.add(await compose(described))
  const transport = await world.transport()
  const target = new URL(first.directory).pathname
  const at = (host: string) => transport.send('GET', `https://${host}:${world.port}${target}`)
  const before = await at('localhost')
  expect((await at('127.0.0.1')).status).toBe(421)

  await world.configure({
    ...described,
    second: { directory: second.directory, trust: second.trust, hosts: ['127.0.0.1'] },
  })
  const report = await world.running.reload()
  expect(report).toMatchObject({ ok: true, problems: [] })
  const after = await at('127.0.0.1')
  expect(after.status).toBe(200)
  await world.settled()
  expect((await world.running.operations.cas()).map(({ name }) => name)).toEqual(['first', 'second'])
  const { operations } = world.running
  const digestOf = async (exchange: string | null) =>
    (await operations.exchange(exchange ?? ''))?.intent.configDigest
  expect(await digestOf(after.exchange)).toBe(report.digest)
  expect(await digestOf(before.exchange)).not.toBe(report.digest)

  await world.configure({ second: { directory: second.directory, trust: second.trust } })
  expect((await world.running.reload()).ok).toBe(true)
  const moved = await at('localhost')
  expect((await operations.exchange(moved.exchange ?? ''))?.intent.ca).toBe('second')
  expect((await at('127.0.0.1')).status).toBe(421)
})

test('a bad file changes nothing and says why; a change of a listener asks for a restart', async () => {
  const ca = opened.add(await startTestCa())
  const described = { ca: { directory: ca.directory, trust: ca.trust } }
  const world = opened.add(await compose(described))
  const { digest } = (await world.running.operations.status()).config
  const transport = await world.transport()
  const works = async () =>
    (await transport.send('GET', `https://localhost:${world.port}${new URL(ca.directory).pathname}`)).status

  await writeFile(world.file, 'version: 1\ncas: {}\nrelais: []\n')
  const bad = await world.running.reload()
  expect(bad).toMatchObject({ ok: false, digest })
  expect(bad.problems[0]).toMatchObject({ file: world.file, line: 3, column: 1, path: 'relais' })
  expect(bad.problems[0]?.instead).toContain('relay')
  expect(await works()).toBe(200)

  await world.configure({ ca: { directory: ca.directory, trust: 'no PEM' } })
  expect((await world.running.reload()).ok).toBe(false)
  expect(await works()).toBe(200)

  await world.configure(described, { listeners: { acme: { port: 1 } } })
  const restart = await world.running.reload()
  expect(restart).toMatchObject({ ok: false, digest, problems: [{ path: 'listeners' }] })
  expect(restart.problems[0]?.instead).toContain('Restart')
  expect(await works()).toBe(200)
  expect((await world.running.operations.status()).config.digest).toBe(digest)
  expect(world.log.filter(({ event }) => event === 'config.rejected')).toHaveLength(3)
})

test('certificate files that were replaced are served after a reload; a pair that does not fit is not', async () => {
  const ca = opened.add(await startTestCa())
  const root = makeRoot('Files Root')
  const make = () => makeServerCertificate({ names: ['localhost'], issuer: root })
  const described = { ca: { directory: ca.directory, trust: ca.trust } }
  const [first, second, third] = [make(), make(), make()]
  // The folder is made by compose; the files have to be there before.
  const elsewhere = opened.add(await compose(described))
  const chain = join(elsewhere.folder, 'chain.pem')
  const key = join(elsewhere.folder, 'key.pem')
  const put = async (file: string, text: string) => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  await put(chain, first.pem)
  await put(key, first.keyPem)
  const world = opened.add(
    await compose(described, {
      sections: {
        listeners: { acme: { port: 0, certificate: { chain, key } }, admin: { port: 0 } },
      },
    }),
  )
  const port = world.running.addresses.find(({ name }) => name === 'acme')?.port ?? 0
  const served = () =>
    new Promise<string>((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: root.pem }, () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '')
        socket.destroy()
      })
      socket.once('error', reject)
    })
  const fingerprint = (pem: string) => new X509Certificate(pem).fingerprint256
  expect(await served()).toBe(fingerprint(first.pem))

  await put(chain, second.pem)
  await put(key, second.keyPem)
  expect((await world.running.reload()).ok).toBe(true)
  expect(await served()).toBe(fingerprint(second.pem))
  expect(world.log.map(({ event }) => event)).toContain('certificate.renewed')

  await put(chain, third.pem)
  await world.running.reload()
  expect(await served()).toBe(fingerprint(second.pem))
})
