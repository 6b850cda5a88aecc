import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runHere } from '../../support/run-here.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'acmetap-watch-'))
  await writeFile(join(folder, 'places.txt'), 'www.example.com:443 # shop\n\nnonsense\n')
})
afterAll(() => rm(folder, { recursive: true }))

test.each([
  [['watch', 'add'], 'name a place'],
  [['watch', 'add', 'www.example.com'], 'must be host:port'],
  [['watch', 'add', 'www.example.com:443', '127.1:443'], 'neither a host name nor an address'],
  [['watch', 'add', '--file', 'places.txt'], '"nonsense" must be host:port'],
  [['watch', 'remove', 'www.example.com:70000'], 'must have a port from 1 to 65535'],
  [['watch', 'probe', 'www.example.com:443/telnet'], 'must be host:port'],
])('%j is refused before anybody is asked', async (words, why) => {
  const { code, err } = await runHere(words, folder)
  expect(err).toContain(why)
  expect(code).toBe(2)
})

test('a file that is not there is named', async () => {
  const { code, err } = await runHere(['watch', 'add', '--file', 'none.txt'], folder)
  expect([code, err]).toEqual([1, expect.stringContaining('none.txt cannot be read: ENOENT')])
})
