import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerFrom, startZoneServer, type ZoneServer } from '../../../support/dns-zone-server.ts'
import { runMain } from '../../../support/run-main.ts'

let folder: string
let resolver: ZoneServer
const site = createServer(
  (_request, response) => void response.writeHead(404, { server: 'te\u009bst' }).end(),
)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-domain-'))
  resolver = await startZoneServer(
    answerFrom({
      'example.test': { SOA: true, NS: ['ns1.example.test'] },
      'www.example.test': { A: ['127.0.0.1'], CAA: [[0, 'issue', 'ca.\u001b[31minternal.test']] },
      'xn--bcher-kva.example.test': { A: ['127.0.0.1'], CAA: [[0, 'issue', 'ca.internal.test']] },
    }),
  )
  site.listen(0, '127.0.0.1')
  await once(site, 'listening')
})

afterAll(async () => {
  await resolver.close()
  site.close()
  await rm(folder, { recursive: true })
})

const doctor = (...words: string[]) => runMain(['doctor', 'domain', ...words], folder)
const places = () => [
  '--resolver',
  `127.0.0.1:${resolver.port}`,
  '--port',
  String((site.address() as AddressInfo).port),
]

test('a name that is sound for a CA of one’s own: exit code 0', async () => {
  const { code, out, err } = await doctor('bücher.example.test', '--ca', 'ca.internal.test', ...places())
  expect(err).toBe('')
  expect(out).toMatch(/^ok {4}xn--bcher-kva\.example\.test has 127\.0\.0\.1$/m)
  expect(out).toMatch(/^ok {4}http-01 at 127\.0\.0\.1:\d+: 404: the path is reachable/m)
  expect(out).toMatch(/^1 vantage point: this machine\./m)
  expect(out).not.toMatch(/FAIL|note/)
  expect(code).toBe(0)
})

test('findings fail: exit code 1, hostile texts escaped, JSON says the same', async () => {
  const shown = await doctor('www.example.test', '--ca', 'letsencrypt', ...places())
  expect(shown.code).toBe(1)
  expect(shown.out).toMatch(/^FAIL {2}127\.0\.0\.1 is loopback/m)
  expect(shown.out).not.toMatch(/[\u001b\u009b]/)
  const { code, out } = await doctor('www.example.test', '--ca', 'letsencrypt', '--json', ...places())
  expect(code).toBe(1)
  const { ok, vantagePoints, findings } = JSON.parse(out)
  expect({ ok, vantagePoints }).toEqual({ ok: false, vantagePoints: 1 })
  expect(findings.map(({ check }: { check: string }) => check)).toContain('split-horizon')
  expect(findings.map(({ check }: { check: string }) => check)).toContain('caa')
})

test.each([
  [['a b'], /no domain name/],
  [
    ['www.example.test', '--challenge', 'dns-99'],
    /--challenge "dns-99" is none of http-01, dns-01, tls-alpn-01/,
  ],
  [['www.example.test', '--ca', 'nobody'], /neither a CA of the configuration nor one of letsencrypt/],
  [['www.example.test', '--resolver', 'dns.test'], /--resolver "dns\.test" is no IP address/],
  [['www.example.test', '--port', '0'], /--port "0" is no port/],
  [['www.example.test', '--account', '17'], /--account must be the URL/],
])('%j is refused with exit code 2', async (words, says) => {
  const { code, err } = await doctor(...words)
  expect(err).toMatch(says)
  expect(code).toBe(2)
})

test('its help has its own options and those of the program, each once', async () => {
  const { code, out } = await doctor('--help')
  expect(code).toBe(0)
  const options = [...out.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, name]) => name!)
  expect(options).toEqual([...new Set(options)])
  expect(options).toEqual(expect.arrayContaining(['--ca', '--json', '--config']))
  expect(options).not.toContain('--proxy')
})
