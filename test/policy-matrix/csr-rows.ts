import acme from 'acme-client'
import type { Operation } from '../../src/acme/operation.ts'
import { csrFor, dns, type IdentifierList, issue } from './npm-client.ts'
import type { Place } from './place.ts'
import { opensslRequest, type Told } from './programs.ts'
import type { Case, Row } from './row.ts'
import { newNames, npm, npmIssue, program } from './steps.ts'

const NPM = 'npm acme-client'
const DENIED: readonly [Operation, string] = ['finalize', 'the-rule']

const rule = (when: string): string => `mode: enforce
rules:
  - { name: the-rule, when: { operation: finalize, ${when} }, effect: deny }`

const RSA_2048 = ['-newkey', 'rsa:2048']
const RSA_3072 = ['-newkey', 'rsa:3072']

/** A CSR that openssl makes with these options, brought by acme-client from npm. */
const brings = (...options: readonly string[]): Case['run'] =>
  npmIssue('fine.test', (identifiers) => opensslRequest(valuesOf(identifiers), ...options))

const valuesOf = (identifiers: IdentifierList): string[] => identifiers.map(({ value }) => value)

const tiny =
  (...options: readonly string[]) =>
  async (names: readonly string[], _place: Place): Promise<Told> => ({
    csr: await opensslRequest(names, ...options),
  })

/** Conditions on keys and CSRs. Everything comes with finalize. */
export const CSR_ROWS: readonly Row[] = [
  {
    shows: 'key.type',
    policy: () => rule('key: { type: RSA }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run: brings(...RSA_2048), denied: DENIED },
      { client: 'certbot', run: program('certbot', 'fine.test', { options: ['--key-type', 'ecdsa'] }) },
      {
        client: 'certbot',
        run: program('certbot', 'fine.test', { options: ['--key-type', 'rsa', '--rsa-key-size', '2048'] }),
        denied: DENIED,
      },
      {
        client: 'lego',
        run: program('lego', 'fine.test', { options: ['--key-type', 'rsa2048'] }),
        denied: DENIED,
      },
      { client: 'python3-acme', run: program('python3-acme', 'fine.test'), denied: DENIED },
      { client: 'uacme', run: program('uacme', 'fine.test', { options: ['--type', 'EC'] }) },
    ],
  },
  {
    shows: 'key.size',
    policy: () => rule(`key: { type: RSA, size: '<3072' }`),
    cases: [
      { client: NPM, run: brings(...RSA_3072) },
      { client: NPM, run: brings(...RSA_2048), denied: DENIED },
      { client: 'acme-tiny', run: program('acme-tiny', 'fine.test', tiny(...RSA_3072)) },
      { client: 'acme-tiny', run: program('acme-tiny', 'fine.test', tiny(...RSA_2048)), denied: DENIED },
      {
        client: 'uacme',
        run: program('uacme', 'fine.test', { options: ['--bits', '2048'] }),
        denied: DENIED,
      },
    ],
  },
  {
    shows: 'key.curve',
    policy: () => rule('key: { curve: P-384 }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmIssue('fine.test', async (names) =>
          csrFor(names, await acme.crypto.createPrivateEcdsaKey('P-384')),
        ),
        denied: DENIED,
      },
      { client: 'dehydrated', run: program('dehydrated', 'fine.test'), denied: DENIED },
      {
        client: 'dehydrated',
        run: program('dehydrated', 'fine.test', { options: ["KEY_ALGO='prime256v1'"] }),
      },
    ],
  },
  {
    shows: 'key.reused',
    policy: () => rule('key: { reused: true }'),
    cases: [
      { client: NPM, run: issuesWithOneKey('for the same name') },
      { client: NPM, run: issuesWithOneKey('for another name'), denied: DENIED },
    ],
  },
  {
    shows: 'key.account_key',
    policy: () => rule('key: { account_key: true }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run: npmIssue('fine.test', (names, key) => csrFor(names, key)), denied: DENIED },
    ],
  },
  {
    shows: 'csr.must_staple',
    policy: () => rule('csr: { must_staple: true }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run: brings('-addext', 'tlsfeature=status_request'), denied: DENIED },
      {
        client: 'certbot',
        run: program('certbot', 'fine.test', { options: ['--must-staple'] }),
        denied: DENIED,
      },
      {
        client: 'uacme',
        run: program('uacme', 'fine.test', { options: ['--must-staple', '--type', 'EC'] }),
        denied: DENIED,
      },
      {
        client: 'dehydrated',
        run: program('dehydrated', 'fine.test', { options: ["OCSP_MUST_STAPLE='yes'"] }),
        denied: DENIED,
      },
    ],
  },
  {
    shows: 'csr.extension',
    policy: () => rule('csr: { extension: basicConstraints }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      { client: NPM, run: brings('-addext', 'basicConstraints=CA:FALSE'), denied: DENIED },
    ],
  },
  {
    shows: 'csr.common_name',
    policy: () => rule('csr: { common_name: true }'),
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmIssue('fine.test', (names) =>
          opensslRequest(valuesOf(names), '-subj', `/CN=${names[0]!.value}`),
        ),
        denied: DENIED,
      },
      { client: 'lego', run: program('lego', 'fine.test'), denied: DENIED },
      { client: 'certbot', run: program('certbot', 'fine.test') },
    ],
  },
  {
    shows: 'csr.signature',
    policy: () => rule('csr: { signature: [sha1WithRSA, ecdsaWithSHA512] }'),
    cases: [
      { client: NPM, run: brings('-sha384') },
      { client: NPM, run: brings('-sha512'), denied: DENIED },
    ],
  },
  {
    shows: 'csr.other_names',
    // An enforced policy denies them by itself: see policy:csr.
    policy: () => `mode: observe
rules:
  - { name: the-rule, when: { operation: finalize, csr: { other_names: true } }, effect: deny, mode: enforce }`,
    cases: [
      { client: NPM, run: npmIssue('fine.test') },
      {
        client: NPM,
        run: npmIssue('fine.test', (names) => opensslRequest([...valuesOf(names), 'a@fine.test'])),
        denied: DENIED,
      },
    ],
  },
]

function issuesWithOneKey(again: 'for the same name' | 'for another name'): Case['run'] {
  return npm(async (client, place) => {
    const key = await acme.crypto.createPrivateEcdsaKey()
    const first = newNames(place, 'fine.test')
    const second = again === 'for the same name' ? first : newNames(place, 'fine.test')
    for (const identifiers of [first, second])
      await issue(client, dns(...valuesOf(identifiers)), { csr: await csrFor(identifiers, key) })
  })
}
