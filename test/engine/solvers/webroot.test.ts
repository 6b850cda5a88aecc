import { lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createWebroot } from '../../../src/engine/solvers/webroot.ts'
import { attemptFor, context, type SolverWorld, solverContract } from '../../contract/solver.contract.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'acmetap-webroot-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const place = () => path.join(folder, '.well-known', 'acme-challenge')
const fileOf = ({ token }: { readonly token: string }) => path.join(place(), token)
const exists = (file: string) =>
  lstat(file).then(
    () => true,
    () => false,
  )

async function open(): Promise<SolverWorld> {
  return {
    make: () => createWebroot('site', { folder }),
    sees: async (attempt) =>
      (await readFile(fileOf(attempt), 'utf8').catch(() => '')) === attempt.keyAuthorization,
    broken: () => createWebroot('site', { folder: path.join(folder, 'missing') }),
    close: async () => undefined,
  }
}

solverContract('webroot', 'http-01', open)

describe('webroot', () => {
  const attempt = attemptFor('www.example.test')
  const solver = () => createWebroot('site', { folder })

  it('takes away what a process that was killed while it wrote has left', async () => {
    await solver().present(attempt, context())
    await writeFile(path.join(place(), `.${attempt.token.slice(0, 100)}.0a1b2c3d4e5f`), 'half')
    await solver().cleanUp(attempt, context())
    expect(await readdir(folder)).toEqual([])
  })

  it('writes files that the web server may read, whatever the umask', async () => {
    const before = process.umask(0o077)
    try {
      await solver().present(attempt, context())
    } finally {
      process.umask(before)
    }
    expect((await stat(fileOf(attempt))).mode & 0o777).toBe(0o644)
    expect((await stat(place())).mode & 0o777).toBe(0o755)
    expect((await stat(path.dirname(place()))).mode & 0o777).toBe(0o755)
  })

  it('leaves nothing behind, folders included', async () => {
    await solver().present(attempt, context())
    await solver().cleanUp(attempt, context())
    expect(await readdir(folder)).toEqual([])
  })

  it('leaves folders that it did not make, and what else lies in them', async () => {
    await mkdir(path.dirname(place()))
    await solver().present(attempt, context())
    await writeFile(path.join(place(), 'of-somebody-else'), 'x')
    await solver().cleanUp(attempt, context())
    expect(await readFile(path.join(place(), 'of-somebody-else'), 'utf8')).toBe('x')
    await rm(path.join(place(), 'of-somebody-else'))
    await solver().present(attempt, context())
    await solver().cleanUp(attempt, context())
    expect(await readdir(folder)).toEqual(['.well-known'])
    expect(await readdir(path.dirname(place()))).toEqual([])
  })

  it('makes no web root where there is none', async () => {
    const missing = createWebroot('site', { folder: path.join(folder, 'missing') })
    await expect(missing.present(attempt, context())).rejects.toThrow(
      /solver site for www\.example\.test: cannot write .*missing/,
    )
    expect(await readdir(folder)).toEqual([])
  })

  it('takes away only what it wrote', async () => {
    await mkdir(place(), { recursive: true })
    await writeFile(fileOf(attempt), 'of somebody else')
    await solver().cleanUp(attempt, context())
    expect(await readFile(fileOf(attempt), 'utf8')).toBe('of somebody else')
  })

  it.each(['.well-known', '.well-known/acme-challenge'])('follows no link at %s', async (at) => {
    const outside = await mkdtemp(path.join(tmpdir(), 'acmetap-outside-'))
    try {
      await mkdir(path.dirname(path.join(folder, at)), { recursive: true })
      await symlink(outside, path.join(folder, at))
      await expect(solver().present(attempt, context())).rejects.toThrow(/links are not followed/)
      expect(await readdir(outside)).toEqual([])
    } finally {
      await rm(outside, { recursive: true })
    }
  })

  it('replaces a link in the place of its file, and does not write through it', async () => {
    const victim = path.join(folder, 'victim')
    await writeFile(victim, 'untouched')
    await mkdir(place(), { recursive: true })
    await symlink(victim, fileOf(attempt))
    await solver().present(attempt, context())
    expect(await readFile(victim, 'utf8')).toBe('untouched')
    expect(await readFile(fileOf(attempt), 'utf8')).toBe(attempt.keyAuthorization)
    expect((await lstat(fileOf(attempt))).isFile()).toBe(true)
  })

  it.each(['../../../x', '..', '.', '', 'a/b', 'a\\b', 'a\0b', '.htaccess', 'x'.repeat(300)])(
    'writes nothing for the token %j (J19)',
    async (token) => {
      const evil = { ...attempt, token, keyAuthorization: `${token}.x` }
      await expect(solver().present(evil, context())).rejects.toThrow(/RFC 8555 §8\.3/)
      await expect(solver().cleanUp(evil, context())).rejects.toThrow(/RFC 8555 §8\.3/)
      expect(await readdir(folder)).toEqual([])
    },
  )

  it('says that something else stands where its folder should be', async () => {
    await writeFile(path.join(folder, '.well-known'), '')
    await expect(solver().present(attempt, context())).rejects.toThrow(/is no folder.*Check its folder/)
  })

  it('survives two processes that come and go at the same time', async () => {
    const attempts = Array.from({ length: 40 }, (_, at) => attemptFor(`n${at}.example.test`))
    await Promise.all(
      attempts.map(async (one) => {
        const mine = solver()
        await mine.present(one, context())
        expect(await readFile(fileOf(one), 'utf8')).toBe(one.keyAuthorization)
        await mine.cleanUp(one, context())
      }),
    )
    expect(await exists(place())).toBe(false)
  })
})
