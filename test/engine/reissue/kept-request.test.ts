import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { readCsr } from '../../../src/acme/csr.ts'
import type { InventoriedCertificate } from '../../../src/audit/inventory/certificate.ts'
import { makeCertificateKey } from '../../../src/engine/certificate-key.ts'
import { makeSigningRequest } from '../../../src/engine/certificate-signing-request.ts'
import { keptRequests } from '../../../src/engine/reissue/kept-request.ts'
import { newExchangeId } from '../../../src/exchange/exchange-id.ts'
import { reissueCandidate } from '../../support/engine/reissue-values.ts'
import { anOrder } from '../../support/inventoried.ts'

const names = [{ type: 'dns', value: 'www.example.com' }]
const csr = makeSigningRequest(await makeCertificateKey('ec256'), names)
const { spki } = readCsr(csr)!
const finalize = newExchangeId()

interface Kept {
  readonly payload?: Buffer | null
  readonly personal?: boolean
  readonly seen?: boolean
}

function find({
  payload = Buffer.from(JSON.stringify({ csr: csr.toString('base64url') })),
  personal,
  seen = true,
}: Kept) {
  const digest = createHash('sha256').update('any').digest('hex')
  const jws = { payload: personal ? null : digest }
  return keptRequests(
    {
      exchange: async (id) =>
        id === finalize
          ? ({ intent: { jws, personal: personal ? { payload: digest } : {} } } as never)
          : null,
      body: async (id, asked) => (id === finalize && asked === digest ? payload : null),
    },
    {
      order: async (id) =>
        id === 'd'.repeat(16)
          ? ({
              ...anOrder(),
              csr: seen ? { names, keyType: null, keyBits: null, spki: null, exchange: finalize } : null,
            } as never)
          : null,
    },
  )
}

const certificate = (parts: Partial<InventoriedCertificate> = {}) =>
  reissueCandidate({ identifiers: names, spki: spki!, order: 'd'.repeat(16), ...parts }).certificate

test('is the one of the finalize exchange, wherever its payload is kept', async () => {
  for (const personal of [false, true]) expect(await find({ personal })(certificate())).toEqual({ csr })
})

test.each<[string, Kept, Partial<InventoriedCertificate>, string]>([
  ['no order', {}, { order: null }, 'its order did not come through acmetap'],
  ['an order that is gone', {}, { order: 'e'.repeat(16) }, 'its order did not come'],
  ['no finalize', { seen: false }, {}, 'its request (finalize) did not come'],
  ['a body that is not kept', { payload: null }, {}, 'no longer kept'],
  ['a body without it', { payload: Buffer.from('{"csr":5}') }, {}, 'no longer kept'],
  ['no JSON', { payload: Buffer.from('\u0000') }, {}, 'no longer kept'],
  ['no request', { payload: Buffer.from('{"csr":"MAA"}') }, {}, 'cannot be read'],
  ['another key', {}, { spki: '0'.repeat(64) }, 'for another key'],
  ['other names', {}, { identifiers: [{ type: 'dns', value: 'example.com' }] }, 'asks for other names'],
])('%s', async (_, kept, parts, why) => {
  expect(await find(kept)(certificate(parts))).toEqual({ cannot: expect.stringContaining(why) })
})

test('one whose signature was changed is refused', async () => {
  const changed = Buffer.from(csr)
  changed[changed.length - 3]! ^= 1
  const payload = Buffer.from(JSON.stringify({ csr: changed.toString('base64url') }))
  expect(await find({ payload })(certificate())).toEqual({
    cannot: expect.stringMatching(/not signed|will not do/),
  })
})
