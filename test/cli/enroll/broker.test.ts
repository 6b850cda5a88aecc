import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CLIENTS } from '../../../src/cli/enroll/clients.ts'
import { BROKER_CONFIG, type BrokerCommands, brokerCommands } from '../../support/broker/broker-commands.ts'
import { EAB, testRoot } from './enrolments.ts'

let commands: BrokerCommands
beforeEach(async () => {
  commands = await brokerCommands('offline')
  mkdirSync(path.join(commands.folder, 'data'), { mode: 0o700 })
  writeFileSync(path.join(commands.folder, 'data', 'listener-root.pem'), await testRoot())
})
afterEach(() => commands.end())
const enroll = (client: string, ...words: string[]) =>
  commands.run('enroll', client, '--mode', 'broker', ...words)

test('certbot: lineages of every CA of the endpoint go to it, and the line that registers', async () => {
  const { code, out, err } = await enroll('certbot', '--eab', EAB)
  expect(code, err).toBe(0)
  expect(out).toContain('mode broker at https://acme.example.net/fleet/directory.')
  expect(out).toContain(
    `#   certbot register --server https://acme.example.net/fleet/directory --eab-kid ${EAB} --eab-hmac-key MAC_KEY`,
  )
  for (const host of ['acme-v02\\.api\\.letsencrypt\\.org', 'acme\\.zerossl\\.com'])
    expect(out).toContain(host)
  expect(out).toContain('REQUESTS_CA_BUNDLE')
  expect(out).not.toContain('HTTPS_PROXY')
})

test('a label is in the path; a twin is an endpoint, too', async () => {
  const labelled = await enroll('acme-tiny', '--label', 'team-a')
  expect(labelled.out).toContain('--directory-url https://acme.example.net/fleet/~team-a/directory')
  const twin = await enroll('lego', '--endpoint', 'fleet-staging')
  expect(twin.out).toContain('lego --server https://acme.example.net/fleet/staging/directory')
})

test('cert-manager is told the key by a secret', async () => {
  const { out } = await enroll('cert-manager', '--eab', EAB, '--format', 'kubernetes')
  expect(out).toMatch(
    new RegExp(`externalAccountBinding:\\n +keyID: ${EAB}\\n +keySecretRef:\\n +name: acmetap-eab`),
  )
  expect(out).toContain('server: https://acme.example.net/fleet/directory')
})

test('as JSON it says all of that', async () => {
  const told = JSON.parse((await enroll('certbot', '--eab', EAB, '--json')).out)
  expect(told).toMatchObject({ mode: 'broker', ca: 'fleet', eab: EAB })
  expect(told.watch.join('\n')).toContain(`--eab-kid ${EAB}`)
})

test.each(CLIENTS.map(({ name }) => [name]))('%s can be led there', async (name) => {
  const { code, out, err } = await enroll(name)
  expect(code, err).toBe(0)
  expect(out).toContain('https://acme.example.net/fleet/directory')
})

test.each<[string[], RegExp]>([
  [['--endpoint', 'flat'], /no endpoint is called "flat"; known: fleet, fleet-staging/],
  [['--label', 'team-b'], /fleet has no label "team-b"; known: team-a/],
  [['--eab', 'x'], /--eab must be the 22 characters of a key id/],
  [['--ca', 'letsencrypt'], /--ca is not for --mode broker/],
  [['--proxy', 'http://x:1'], /--proxy is not for --mode broker/],
])('%j is a mistake', async (words, said) => {
  expect(await enroll('certbot', ...words)).toMatchObject({ code: 2, err: expect.stringMatching(said) })
})

test.each(['acme-tiny', 'lacme', 'haproxy'])('%s knows no EAB key, and is told of labels', async (name) => {
  const { code, err } = await enroll(name, '--eab', EAB)
  expect([code, err]).toEqual([2, expect.stringMatching(/no external account binding.*--label/)])
})

test('what is for the broker is for no other mode', async () => {
  for (const option of ['--endpoint', '--label', '--eab'])
    expect((await commands.run('enroll', 'certbot', option, 'x')).err).toMatch(/is for --mode broker only/)
})

test('without an endpoint, or with several, it says what is missing', async () => {
  const file = path.join(commands.folder, 'acmetap.yaml')
  writeFileSync(
    file,
    `${BROKER_CONFIG}  - { name: inner, url: "https://acme.example.net", cas: [zerossl] }\n`,
  )
  expect((await enroll('certbot')).err).toMatch(/--endpoint must say which: fleet, fleet-staging, inner/)
  writeFileSync(file, 'version: 1\n')
  expect((await enroll('certbot')).err).toMatch(/no endpoint in the configuration/)
})
