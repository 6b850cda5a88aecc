import { expect, test } from 'vitest'
import { jobOfRequest } from '../../../src/app/engine/wanted.ts'
import { parseConfig } from '../../../src/config/load.ts'

const { config } = parseConfig(
  'version: 1\ndata: ./data\ncas: { pebble: { directory: "https://localhost:14000/dir" } }\n',
  'acmetap.yaml',
)

/** As the configuration and the deploying have it: also the name of a folder. */
const FOLDER = /^[a-z0-9][a-z0-9._-]{0,127}$/

test.each([
  ['www.example.com', 'www.example.com'],
  ['*.example.com', 'example.com'],
  ['192.0.2.1', '192.0.2.1'],
  ['2001:db8::1', '2001-db8--1'],
  ['::1', '1'],
  ['_dmarc.example.com', 'dmarc.example.com'],
])('what is asked for by the name %s alone is kept under a name that can be a folder', async (name, kept) => {
  const { certificate, identifiers } = await jobOfRequest(config, { names: [name] })
  expect(certificate).toBe(kept)
  expect(certificate).toMatch(FOLDER)
  expect(identifiers[0]!.value).toBe(name)
})

test('a name too long for a folder is told before anything is asked of the CA', async () => {
  const name = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.example.com`
  await expect(jobOfRequest(config, { names: [name] })).rejects.toThrow(/--name/)
  expect(await jobOfRequest(config, { names: [name], name: 'short' })).toMatchObject({ certificate: 'short' })
})

test.each(['../x', 'a/b', 'A', '', '.', '-x'])('%j is no name to keep anything under', async (name) => {
  await expect(jobOfRequest(config, { names: ['www.example.com'], name })).rejects.toThrow(/--name/)
})
