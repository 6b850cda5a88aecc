import { expect, test } from 'vitest'
import { readCertificateRequest } from '../../../src/acme/certificate-request.ts'
import type { RecordedVerdict } from '../../../src/audit/record.ts'
import type { RecordedExchange } from '../../../src/audit/record-store.ts'
import { askedFields, policyFields } from '../../../src/cli/exchanges/policy-fields.ts'
import type { Asked } from '../../../src/exchange/asked.ts'
import { recorded } from '../../support/recorded-exchange.ts'
import { makeAccountKey } from '../../support/sign-jws.ts'
import { makeCsr } from '../../support/test-ca/certificates.ts'

function shown(asked: Asked | null, policy: RecordedVerdict | null = null): RecordedExchange {
  const exchange = recorded({ sequence: 1, operation: 'finalize' })
  const { intent } = exchange
  return { ...exchange, intent: { ...intent, asked, decision: { ...intent.decision, policy } } }
}

const QUIET: RecordedVerdict = {
  decided: { effect: 'allow', rule: 'default' },
  would: { effect: 'allow', rule: 'default' },
  warnings: [],
  names: [],
  deniedNames: 0,
  rules: [],
  read: {},
}

const present = (fields: ReturnType<typeof policyFields>) => fields.filter(([, value]) => value !== null)

test('a request that no policy decided, or that asked for nothing, says nothing', () => {
  expect(policyFields(shown(null))).toEqual([])
  expect(askedFields(shown(null))).toEqual([])
  const { asked: _, ...older } = shown(null).intent
  expect(askedFields({ ...shown(null), intent: older as never })).toEqual([])
})

test('what the policy decided, would decide and read', () => {
  const { exchange } = shown(null).intent
  const inFull = ['in full', `acmetap policy explain ${exchange}`]
  expect(present(policyFields(shown(null, QUIET)))).toEqual([['decided', 'allow by default'], inFull])
  const name = {
    effect: 'deny',
    rule: 'pay',
    identifier: { type: 'dns', value: 'pay.test' },
    message: 'ask us',
  } as const
  const fields = policyFields(
    shown(null, {
      ...QUIET,
      would: { effect: 'deny', rule: 'pay' },
      warnings: [{ rule: 'w', message: 'soon' }],
      names: [name],
      deniedNames: 3,
      rules: [{ rule: 'pay', effect: 'deny', mode: 'observe', matched: 'true', because: null }],
      read: {
        history: { 'orders per client within 7d': 12 },
        webhooks: { cmdb: { allow: null, reason: 'no answer in 2 s', data: null } },
      },
    }),
  )
  expect(present(fields)).toEqual([
    ['decided', 'allow by default'],
    ['if enforced', 'deny by pay'],
    inFull,
    ['warning', 'w: soon'],
    ['name', 'pay.test: deny by pay: ask us'],
    ['', 'and 2 more names'],
    ['rule', 'pay (deny): yes'],
    ['counted', 'orders per client within 7d: 12'],
    ['webhook', 'cmdb: no answer: no answer in 2 s'],
  ])
})

test('a CSR in a few words', async () => {
  const { privateKey, publicKey } = makeAccountKey()
  const names = Array.from({ length: 12 }, (_, index) => ({ type: 'dns', value: `n${index}.test` }))
  const der = makeCsr(privateKey, publicKey.export({ type: 'spki', format: 'der' }), names)
  const csr = await readCertificateRequest(Buffer.concat([der, Buffer.of(0)]))
  expect(present(askedFields(shown({ kind: 'finalize', csr })))).toEqual([
    [
      'csr names',
      'n0.test, n1.test, n2.test, n3.test, n4.test, n5.test, n6.test, n7.test, n8.test, n9.test and 2 more',
    ],
    ['key', 'ECDSA P-256'],
    ['signed with', 'ecdsaWithSHA256'],
    ['fault', 'bytes after its end'],
  ])
  expect(askedFields(shown({ kind: 'finalize', csr: null }))).toEqual([['csr', 'cannot be read']])
})
