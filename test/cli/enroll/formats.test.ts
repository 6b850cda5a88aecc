import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { cleanEnvironment, runProgram } from '../../../src/cli/demo/child.ts'
import { type Client, type EnrolMode, FORMATS, type Format } from '../../../src/cli/enroll/client.ts'
import { CLIENTS } from '../../../src/cli/enroll/clients.ts'
import { NoSuchFormat, render } from '../../../src/cli/enroll/formats.ts'
import { parseCertificates } from '../../../src/cli/enroll/surroundings.ts'
import { doctorScript } from '../../../src/interception/doctor-script.ts'
import { findProgram } from '../../support/child-process.ts'
import { runHere } from '../../support/run-here.ts'
import { BROKERED, EAB, enrolment, modesOf, RELAYED, testRoot } from './enrolments.ts'

let root: string
let fingerprint: string

beforeAll(async () => {
  root = await testRoot()
  fingerprint = parseCertificates(root)[0]!.sha256
})

const SHELLS = [
  ['dash', 'dash'],
  ['bash', 'bash --posix'],
  ['busybox', 'busybox sh'],
] as const

async function textOf(
  client: Client,
  mode: EnrolMode,
  format: Format,
  undo: boolean,
): Promise<string | null> {
  try {
    return render(client, await enrolment(mode, 'http://acmetap.test:3128', root), format, undo)
  } catch (error) {
    if (error instanceof NoSuchFormat) return null
    throw error
  }
}

/** Scripts by what they are, each text once: checked together, for a process each would take minutes. */
const scripts = new Map<string, string>()

function noteScript(name: string, script: string): void {
  if (![...scripts.values()].includes(script)) scripts.set(name, script)
}

function expectYaml(text: string): unknown[] {
  const documents = parseAllDocuments(text)
  expect(documents).not.toHaveLength(0)
  return documents.map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as unknown
  })
}

/** Those that can be told an EAB key. */
const bound = ({ name }: Client) => !['acme-tiny', 'lacme', 'haproxy'].includes(name)

describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (_name, client) => {
  describe.each(modesOf(client))('in mode %s', (mode) => {
    test.each(FORMATS)('as %s is well-formed and carries where to, and whom to trust', async (format) => {
      const text = await textOf(client, mode, format, false)
      if (text === null)
        return expect(client.container === null || client.platform === 'kubernetes').toBe(true)
      expect(text).toContain(fingerprint)
      const settable =
        mode !== 'relay' || ['lego', 'uacme', 'acme-tiny'].includes(client.name) || !client.proxyVariables
      if (mode === 'intercept') expect(text).toContain('http://acmetap.test:3128')
      if (mode === 'relay' && settable) expect(text).toContain(RELAYED)
      if (mode === 'broker') expect(text).toContain(BROKERED)
      if (mode === 'broker' && bound(client)) expect(text).toContain(EAB)
      if (format === 'shell' && client.platform !== 'windows') noteScript(`${client.name} ${mode}`, text)
      if (format === 'ansible') expect(expectYaml(text)).toHaveLength(1)
      if (format === 'cloud-init' && client.platform !== 'windows') {
        expect(text).toMatch(/^#cloud-config\n/)
        expectYaml(text)
      }
      if (format === 'kubernetes') {
        for (const object of expectYaml(text)) {
          expect(object).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) })
        }
      }
    })

    test.each(FORMATS)('as %s has a way back', async (format) => {
      const text = await textOf(client, mode, format, true)
      if (text === null) return
      if (format === 'shell' && client.platform !== 'windows') noteScript(`${client.name} undo`, text)
      if (format !== 'shell' && client.platform !== 'windows') expectYaml(text)
      expect(text).not.toContain('HTTPS_PROXY')
    })
  })
})

describe('every script that was printed', () => {
  let folder: string
  beforeAll(async () => {
    for (const client of CLIENTS.filter(({ proxyVariables }) => proxyVariables)) {
      if (client.platform !== 'posix') continue
      const made = await enrolment('intercept', 'http://team@acmetap.test:3128', root)
      noteScript(`${client.name} user`, render(client, made, 'shell', false))
    }
    const cas = [{ name: 'test', directory: 'https://acme-ca.test/directory' }]
    noteScript('doctor', doctorScript({ proxy: 'acmetap.test:3128', cas, fingerprint }))
    folder = await mkdtemp(join(tmpdir(), 'acmetap-scripts-'))
    for (const [name, script] of scripts) await writeFile(join(folder, `${name}.sh`), script)
  })
  afterAll(() => rm(folder, { recursive: true }))

  test.each(SHELLS)('is read by %s', (shell, read) => {
    if (findProgram(shell) === null) return console.warn(`${shell} is not installed`)
    const each = `for file in *.sh; do ${read} -n "$file" || { echo "$file"; exit 1; }; done`
    const { status, stdout, stderr } = spawnSync('sh', ['-c', each], { cwd: folder, encoding: 'utf8' })
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  test('has nothing that shellcheck notes', async () => {
    const shellcheck = findProgram('shellcheck')
    if (shellcheck === null) return console.warn('shellcheck is not installed')
    expect(scripts.size).toBeGreaterThan(50)
    const names = [...scripts.keys()].map((name) => `${name}.sh`)
    const said = await runProgram(shellcheck, ['-s', 'sh', '-f', 'gcc', ...names], {
      environment: cleanEnvironment(folder),
      folder,
      timeout: 170_000,
    })
    expect(said).toEqual({ code: 0, output: '' })
  }, 180_000)
})

test('the way back needs no configuration, no CA and no root, whatever the mode', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'acmetap-undo-'))
  try {
    for (const client of CLIENTS.filter(({ platform }) => platform === 'posix')) {
      const { code, out, err } = await runHere(['enroll', client.name, '--undo'], folder)
      expect(code, err).toBe(0)
      const made = await enrolment(modesOf(client)[0]!, 'http://acmetap.test:3128', root)
      expect(out).toBe(render(client, made, 'shell', true))
    }
    expect((await runHere(['enroll', 'certbot', '--undo', '--format', 'ansible'], folder)).code).toBe(0)
    expect((await runHere(['enroll', 'certbot'], folder)).err).toMatch(/--ca must say which CA.*letsencrypt/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('cert-manager: the controller alone gets variables, the Issuer the root, and the cluster stays reachable', async () => {
  const client = CLIENTS.find(({ name }) => name === 'cert-manager')!
  const [issuer, deployment] = expectYaml((await textOf(client, 'intercept', 'kubernetes', false))!) as [
    { spec: { acme: { caBundle: string } } },
    {
      spec: { template: { spec: { containers: { name: string; env: { name: string; value: string }[] }[] } } }
    },
  ]
  expect(Buffer.from(issuer.spec.acme.caBundle, 'base64').toString()).toBe(root)
  const { containers } = deployment.spec.template.spec
  expect(containers.map(({ name }) => name)).toEqual(['cert-manager-controller'])
  expect(containers[0]!.env.map(({ name }) => name)).toEqual(['HTTPS_PROXY', 'NO_PROXY'])
  expect(containers[0]!.env[1]!.value).toContain('kubernetes.default.svc')
})

test('a password is taken from the environment where the lines run, and no format prints one', async () => {
  const made = await enrolment('intercept', 'http://team@acmetap.test:3128', root)
  for (const client of CLIENTS.filter(({ proxyVariables }) => proxyVariables)) {
    for (const format of FORMATS) {
      let text: string
      try {
        text = render(client, made, format, false)
      } catch (error) {
        expect(error).toBeInstanceOf(NoSuchFormat)
        continue
      }
      expect(text).not.toMatch(/team:(?!\$password|PASSWORD)/)
    }
  }
  await expect(enrolment('intercept', 'http://team:secret@acmetap.test:3128', root)).rejects.toThrow(
    /password does not belong/,
  )
})
