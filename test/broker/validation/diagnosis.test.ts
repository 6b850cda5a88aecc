import { expect, test } from 'vitest'
import { objectDiagnosis } from '../../../src/audit/inventory/project/failure.ts'

const seen = (mode: string) =>
  ({
    intent: { mode, operation: 'challenge' },
    outcome: { status: 200, told: null },
  }) as unknown as Parameters<typeof objectDiagnosis>[0]
const told = (mode: string, detail: string) =>
  objectDiagnosis(
    seen(mode),
    { type: 'urn:ietf:params:acme:error:connection', detail },
    'http-01',
    'a.internal',
  )
const REFUSED = '10.1.2.3: Fetching http://a.internal/.well-known/acme-challenge/x: Connection refused'

test('an address of the inside is no cause where acmetap itself has looked, but where a CA has', () => {
  expect(told('broker', REFUSED)).toMatchObject({
    class: 'connection-refused',
    details: { address: '10.1.2.3' },
  })
  expect(told('broker', `During secondary validation: ${REFUSED}`)).toMatchObject({
    class: 'secondary-validation',
  })
  expect(told('broker', `${REFUSED} (from the CA "letsencrypt"; acmetap record 1)`)).toMatchObject({
    class: 'split-horizon',
  })
  expect(told('relay', REFUSED)).toMatchObject({ class: 'split-horizon' })
})
