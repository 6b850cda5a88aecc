import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What is used here of the bundler that vitest brings. */
interface Bundler {
  rolldown(options: Readonly<Record<string, unknown>>): Promise<{
    write(options: Readonly<Record<string, unknown>>): Promise<unknown>
    close(): Promise<void>
  }>
}

const HOOK = `import { registerHooks } from 'node:module'

const BUNDLED = new Map([
  ['kysely', new URL('index.js', import.meta.url).href],
  ['kysely/migration', new URL('migration.js', import.meta.url).href],
])
registerHooks({
  resolve(specifier, context, next) {
    const url = BUNDLED.get(specifier)
    return url === undefined ? next(specifier, context) : { url, format: 'module', shortCircuit: true }
  },
})
`

/**
 * Makes kysely one file under `folder`, unless it is there, and resolves to a module for `--import` that gives it to
 * whoever imports kysely. Each thread of a store loads kysely's 256 files anew, which takes most of the second that it
 * needs to start, and tests start thousands of them.
 */
export async function bundledKysely(folder: string): Promise<string> {
  const fromHere = createRequire(import.meta.url)
  const entry = fromHere.resolve('kysely')
  const library = dirname(dirname(entry))
  const { version } = JSON.parse(await readFile(join(library, 'package.json'), 'utf8')) as { version: string }
  const made = join(folder, `kysely-${version}`)
  const hook = join(made, 'hook.mjs')
  if (existsSync(hook)) return pathToFileURL(hook).href

  await mkdir(folder, { recursive: true })
  const unfinished = await mkdtemp(`${made}-`)
  const fromVite = createRequire(createRequire(fromHere.resolve('vitest/package.json')).resolve('vite'))
  const { rolldown }: Bundler = await import(pathToFileURL(fromVite.resolve('rolldown')).href)
  const bundle = await rolldown({
    input: { index: entry, migration: fromHere.resolve('kysely/migration') },
    platform: 'node',
    treeshake: false,
  })
  await bundle.write({ dir: unfinished, format: 'esm' })
  await bundle.close()
  await writeFile(join(unfinished, 'package.json'), '{ "type": "module" }\n')
  await writeFile(join(unfinished, 'hook.mjs'), HOOK)
  // Another run may have made it meanwhile.
  await rename(unfinished, made).catch(() => rm(unfinished, { recursive: true }))
  return pathToFileURL(hook).href
}
