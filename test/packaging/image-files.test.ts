import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runMain } from '../support/run-main.ts'

const project = path.resolve(import.meta.dirname, '..', '..')
const read = (name: string) => readFileSync(path.join(project, name), 'utf8')

test('what the Dockerfile copies is there and let through by .dockerignore', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from]) =>
    from!.split(' '),
  )
  expect(copied.length).toBeGreaterThan(5)
  const allowed = read('.dockerignore').split('\n')
  for (const name of copied) {
    expect(existsSync(path.join(project, name)), name).toBe(true)
    expect(allowed).toContain(`!${name.replace(/^\.\//, '')}`)
  }
})

test('the image runs as an ordinary user and writes in its volume alone', () => {
  const [, last] = read('Dockerfile')
    .split(/^FROM .*$/m)
    .slice(1)
  expect(last).toMatch(/^USER 1000:1000$/m)
  expect(last).toMatch(/^VOLUME \/data$/m)
  expect(last).toMatch(/^HEALTHCHECK /m)
  expect(last).not.toMatch(/^RUN /m)
})

test.each([
  ['Dockerfile', /^CMD \["(.+)"\]$/m, '", "'],
  ['config/systemd/acmetap.service', /^ExecStart=\/usr\/bin\/acmetap (.+)$/m, ' '],
])('%s starts acmetap by words that it knows', async (file, line, between) => {
  const words = line.exec(read(file))![1]!.split(between)
  expect(words.slice(0, 2)).toEqual(['serve', '--config'])
  const nowhere = words.map((word) => (word.startsWith('/') ? `${word}.none` : word))
  const { code, err } = await runMain(nowhere, project)
  expect([code, err]).toEqual([
    1,
    expect.stringContaining('/etc/acmetap/acmetap.yaml.none:1:1: does not exist'),
  ])
})
