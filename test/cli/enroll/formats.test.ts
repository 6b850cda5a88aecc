import { spawnSync } from 'node:child_process'
import { beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { type Client, type EnrolMode, FORMATS, type Format } from '../../../src/cli/enroll/client.ts'
import { CLIENTS } from '../../../src/cli/enroll/clients.ts'
import { NoSuchFormat, render } from '../../../src/cli/enroll/formats.ts'
import { parseCertificates } from '../../../src/cli/enroll/surroundings.ts'
import { findProgram } from '../../support/child-process.ts'
import { enrolment, modesOf, RELAYED, testRoot } from './enrolments.ts'

let root: string
let fingerprint: string

beforeAll(async () => {
  root = await testRoot()
  fingerprint = parseCertificates(root)[0]!.sha256
})

const shells = ['dash', 'bash', 'busybox'].filter((shell) => findProgram(shell) !== null)
const shellcheck = findProgram('shellcheck')

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

function expectShell(script: string): void {
  for (const shell of shells) {
    const args = shell === 'busybox' ? ['sh', '-n'] : ['-n']
    const { status, stderr } = spawnSync(shell, args, { input: script, encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(status).toBe(0)
  }
  if (shellcheck !== null) {
    const { status, stdout } = spawnSync(shellcheck, ['-s', 'sh', '-S', 'warning', '-'], {
      input: script,
      encoding: 'utf8',
    })
    expect(status, stdout).toBe(0)
  }
}

function expectYaml(text: string): unknown[] {
  const documents = parseAllDocuments(text)
  expect(documents).not.toHaveLength(0)
  return documents.map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as unknown
  })
}

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
      if (format === 'shell' && client.platform !== 'windows') expectShell(text)
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
      if (format === 'shell' && client.platform !== 'windows') expectShell(text)
      if (format !== 'shell' && client.platform !== 'windows') expectYaml(text)
      expect(text).not.toContain('HTTPS_PROXY')
    })
  })
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
