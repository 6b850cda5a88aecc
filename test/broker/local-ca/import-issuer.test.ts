import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { requestIssuer } from '../../../src/broker/local-ca/create-local-ca.ts'
import { importIssuer } from '../../../src/broker/local-ca/import-issuer.ts'
import { opensslExtensions } from '../../../src/broker/local-ca/openssl-extensions.ts'
import { type OperatorCa, startOperatorCa } from '../../interception/operator-ca.ts'
import { csrOf, dns, ecKey, LOCK, LocalCaWorld, wanted } from '../../support/broker/local-ca-world.ts'

let operator: OperatorCa
let world: LocalCaWorld
let request: string
let extensions: string

beforeAll(async () => {
  operator = await startOperatorCa()
})
afterAll(() => operator.close())
beforeEach(async () => {
  world = await LocalCaWorld.make()
  // OpenSSL stamps what it signs by its own clock, which must not be ahead.
  world.now += 60_000_000
  const made = await requestIssuer(world.files, world.settings, LOCK)
  request = made.request
  extensions = opensslExtensions(made.scope.subtrees)
})
afterEach(() => world.close())

const take = (certificates: string, more: { roots?: string; unconstrained?: boolean } = {}) =>
  importIssuer(world.files, world.settings, LOCK, {
    certificates,
    roots: more.roots ?? operator.root,
    unconstrained: more.unconstrained ?? false,
    now: world.now,
  })

describe("an issuer under an operator's root", () => {
  test("signs from the import on, with the operator's chain", async () => {
    const issuer = await take(await operator.sign(request, extensions))
    expect(issuer).toMatchObject({ generation: 1, root: operator.root })
    expect(await world.files.pending()).toBeNull()
    const { issuer: signs } = await world.open()
    const names = dns('a.internal.example')
    const { reference } = await signs.place(wanted('o1', names))
    const { chains } = await signs.finalize(reference, csrOf(ecKey(), names))
    expect(chains[0]!.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
  })

  test('a request printed twice is for the same key', async () => {
    const again = await requestIssuer(world.files, world.settings, LOCK)
    const signed = await operator.sign(request, extensions)
    expect(again.request).not.toBe(request)
    await take(signed)
  })

  test('the next one takes over, and the first stays for its list', async () => {
    await take(await operator.sign(request, extensions))
    const { request: second, scope } = await requestIssuer(world.files, world.settings, LOCK)
    const issuer = await take(await operator.sign(second, opensslExtensions(scope.subtrees)))
    expect(issuer.generation).toBe(2)
    expect([await world.files.current(), await world.files.generations()]).toEqual([2, [1, 2]])
  })

  const without = (...keys: string[]) =>
    extensions
      .split('\n')
      .filter((line) => !keys.some((key) => line.startsWith(key)))
      .join('\n')

  test.each<readonly [string, () => string, RegExp]>([
    ['no CA', () => extensions.replace('CA:TRUE,pathlen:0', 'CA:FALSE'), /not a CA certificate/],
    ['no constraints', () => without('nameConstraints'), /no name constraints[\s\S]*--unconstrained/],
    [
      'constraints that are not critical',
      () => extensions.replace('nameConstraints = critical,', 'nameConstraints = '),
      /not critical/,
    ],
    [
      'constraints for other names',
      () => extensions.replaceAll('internal.example', 'other.example'),
      /do not cover[^:]*: internal\.example/,
    ],
    [
      'constraints for a part of the network',
      () => extensions.replaceAll('10.0.0.0/255.0.0.0', '10.0.0.0/255.255.0.0'),
      /10\.255\.255\.255/,
    ],
    ['no right to sign', () => extensions.replace('keyCertSign,', ''), /keyCertSign/],
    ['only clients', () => extensions.replace('serverAuth,', ''), /serverAuth/],
    [
      'no key identifier',
      () => extensions.replace('subjectKeyIdentifier = hash', 'subjectKeyIdentifier = none'),
      /subjectKeyIdentifier/,
    ],
  ])('is refused with %s, and nothing is changed', async (_, changed, message) => {
    const signed = await operator.sign(request, changed())
    await expect(take(signed)).rejects.toThrow(message)
    expect([await world.files.current(), await world.files.generations()]).toEqual([null, []])
    await take(await operator.sign(request, extensions))
  })

  test('is taken without constraints where that is said', async () => {
    const issuer = await take(await operator.sign(request, without('nameConstraints')), {
      unconstrained: true,
    })
    expect(issuer.constraints).toBeNull()
  })

  test('is refused under another root, for another key, when it ended, and when nothing was asked for', async () => {
    const other = await startOperatorCa('Other Root')
    try {
      await expect(take(await operator.sign(request, extensions), { roots: other.root })).rejects.toThrow(
        /lead to the root/,
      )
    } finally {
      await other.close()
    }
    const stranger = await LocalCaWorld.make()
    try {
      const { request: foreign } = await requestIssuer(stranger.files, stranger.settings, LOCK)
      await expect(take(await operator.sign(foreign, extensions))).rejects.toThrow(
        /none of the certificates is for our key; acmetap local-ca csr internal/,
      )
    } finally {
      await stranger.close()
    }
    const signed = await operator.sign(request, extensions, ['-days', '1'])
    world.now += 2 * 86_400_000_000
    await expect(take(signed)).rejects.toThrow(/ended at/)
    world.now -= 2 * 86_400_000_000
    await take(signed)
    await expect(take(signed)).rejects.toThrow(/no request is pending: acmetap local-ca csr internal/)
  })
})
