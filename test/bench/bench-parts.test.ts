import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flattenedVerify, importJWK } from 'jose'
import { describe, expect, test } from 'vitest'
import { firstJsonLine, startProcess } from '../support/child-process.ts'
import { OK, startRawCa } from '../support/raw-ca.ts'
import { makeAccountKey } from '../support/sign-jws.ts'
import { makeRoot, makeServerCertificate } from '../support/test-ca/certificates.ts'
import { openConnection } from './client-connection.ts'
import { IssuingClient } from './issuing-client.ts'
import { newNonce, setUp, signLoad } from './load.ts'
import { threadsOf, usageOf } from './process-usage.ts'
import { readProfile } from './profile.ts'
import { ResponseReader } from './response-reader.ts'

describe('the benchmark', () => {
  test('signs every request for the authority it is sent to, and none twice', async () => {
    const signer = { key: makeAccountKey(), authority: 'localhost:8443' }
    const key = await importJWK(signer.key.publicKey.export({ format: 'jwk' }), 'ES256')
    const requests = [...setUp(signer).slice(1), ...signLoad(signer, 64)].map((request) => request.toString())
    for (const request of requests) {
      const [head = '', body = ''] = request.split('\r\n\r\n')
      const { protectedHeader } = await flattenedVerify(JSON.parse(body), key)
      expect(protectedHeader?.url).toBe(`https://localhost:8443${head.split(' ')[1]}`)
    }
    expect(new Set(requests).size).toBe(requests.length)
  })

  test.each([
    ['a length', 'HTTP/1.1 201 x\r\nContent-Length: 5\r\n\r\nhello', 201],
    ['chunks', 'HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n', 200],
    ['no body', 'HTTP/1.1 204 x\r\n\r\n', 204],
  ])('reads answers with %s, byte by byte, one after the other', async (_, text, status) => {
    const reader = new ResponseReader()
    for (let i = 0; i < 2; i++) {
      const answered = reader.next()
      for (const byte of Buffer.from(text)) reader.push(Buffer.of(byte))
      expect((await answered).status).toBe(status)
    }
    const cut = reader.next()
    reader.push(Buffer.from(text.slice(0, -1)))
    reader.close()
    await expect(cut).rejects.toThrow('closed')
  })

  test('goes through a proxy with a full handshake each time, and trusts nothing but what it was told', async () => {
    const ca = await startRawCa()
    const tunnel = startProcess(process.execPath, [join(import.meta.dirname, 'blind-tunnel-process.ts')])
    try {
      const { port } = await firstJsonLine<{ port: number }>(tunnel)
      const authority = `localhost:${ca.port}`
      const way = { port, tunnelTo: authority, trust: ca.trust }
      const reused: boolean[] = []
      ca.answerWith(({ socket }) => {
        reused.push(socket.isSessionReused())
        socket.write(OK)
      })
      for (let i = 0; i < 2; i++) {
        const connection = await openConnection(way)
        expect(await connection.ask(newNonce({ authority }))).toBe(200)
        connection.close()
      }
      expect(ca.connections()).toBe(2)
      expect(reused).toEqual([false, false])
      await expect(openConnection({ ...way, trust: makeRoot('Another').pem })).rejects.toThrow(
        /verify|issuer/,
      )
      await expect(openConnection({ ...way, tunnelTo: 'elsewhere:443' })).rejects.toThrow('400')
    } finally {
      await tunnel.stop()
      await ca.close()
    }
  })

  test('has whole certificates issued, and counts what is asked for them on both sides', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'issuing-'))
    const root = makeRoot('Benchmark Root')
    const server = makeServerCertificate({ names: ['localhost'], issuer: root })
    const [certificate, key] = [join(folder, 'server.pem'), join(folder, 'server.key')]
    await writeFile(certificate, server.pem)
    await writeFile(key, server.keyPem)
    const stub = startProcess(process.execPath, [
      join(import.meta.dirname, 'stub-ca-process.ts'),
      certificate,
      key,
    ])
    try {
      const { port } = await firstJsonLine<{ port: number }>(stub)
      const connection = await openConnection({ port, tunnelTo: null, trust: root.pem })
      const place = { authority: `localhost:${port}`, directory: '/issuing/directory' }
      const client = new IssuingClient(connection, place)
      const askedOfCa = async () =>
        Number((await connection.askWhole(Buffer.from('GET /asked HTTP/1.1\r\n\r\n'))).body)
      await client.begin()
      expect(client.asked).toBe(3)
      await client.issue(false)
      // Order, authorization, challenge, authorization, finalize, order, certificate.
      expect(client.asked).toBe(10)
      await client.issue(true)
      expect(await askedOfCa()).toBe(client.asked)
      const nowhere = new IssuingClient(connection, { ...place, directory: '/issuing/elsewhere' })
      await expect(nowhere.begin()).rejects.toThrow('GET /issuing/elsewhere: 404')
      connection.close()
    } finally {
      await stub.stop()
      await rm(folder, { recursive: true })
    }
  })

  test('counts the CPU and memory of this process', () => {
    const before = usageOf(process.pid)
    const until = process.cpuUsage().user + 50_000
    while (process.cpuUsage().user < until);
    const after = usageOf(process.pid)
    expect(after.cpu - before.cpu).toBeGreaterThanOrEqual(30_000)
    expect(after.rss).toBeGreaterThan(10e6)
    const threads = [...threadsOf(process.pid).values()].reduce((sum, cpu) => sum + cpu, 0)
    expect(threads).toBeGreaterThan(50_000)
  })

  test('groups the self times of a profile by package and module, without the idle', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'profile-'))
    const node = (id: number, functionName: string, url: string) => ({
      id,
      callFrame: { functionName, url, lineNumber: 0 },
    })
    const nodes = [
      node(1, 'sign', 'file:///x/node_modules/@a/b/dist/i.js'),
      node(2, 'read', 'file:///x/dist/acme/json.js'),
      node(3, '(idle)', ''),
      node(4, 'hash', 'node:internal/crypto/hash'),
    ]
    const file = join(folder, 'p.cpuprofile')
    await writeFile(
      file,
      JSON.stringify({ nodes, samples: [1, 2, 3, 4, 1], timeDeltas: [40, 20, 999, 10, 30] }),
    )
    const { busy, groups } = await readProfile(file)
    expect(busy).toBe(100)
    expect(groups).toEqual([
      { name: '@a/b', share: 0.7 },
      { name: 'dist/acme/json', share: 0.2 },
      { name: 'node:internal/crypto/hash', share: 0.1 },
    ])
    await rm(folder, { recursive: true })
  })
})
