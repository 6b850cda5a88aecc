/**
 * acmetap with its whole pipeline, but forwarding by a bare undici request instead of @fastify/http-proxy, to see
 * what that costs: `node test/bench/acmetap-bare-process.ts --config FILE`. The only place that says so to `start`.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

type Application = typeof import('../../src/app.ts')
type Loading = typeof import('../../src/config/load.ts')

const { values } = parseArgs({ options: { config: { type: 'string' } } })
const project = resolve(import.meta.dirname, '..', '..')
const built = existsSync(join(project, 'dist', 'app.js'))
const load = (name: string) =>
  import(pathToFileURL(join(project, ...(built ? ['dist', `${name}.js`] : ['src', `${name}.ts`]))).href)

const { start }: Application = await load('app')
const { loadConfig }: Loading = await load('config/load')
const running = await start(loadConfig(values.config ?? 'acmetap.yaml'), { bare: true })
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void running.close())
