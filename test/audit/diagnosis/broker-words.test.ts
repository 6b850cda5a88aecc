import { expect, it } from 'vitest'
import { diagnose } from '../../../src/audit/diagnosis/diagnose.ts'

const said = (operation: string, status: number, type: string, detail: string) =>
  diagnose({
    ...{
      outcome: 'response',
      operation,
      status,
      problem: { type: `urn:ietf:params:acme:error:${type}`, detail },
    },
    ...{ challengeType: null, wildcard: false, failure: null, rule: null, isPolicy: false },
  })

it.each(['newNonce', 'newOrder', 'newAccount'])(
  'a CA that gives the broker no answer to %s is unreachable',
  (to) => {
    const detail = `no answer of the CA "letsencrypt" to ${to}: ECONNREFUSED: connect ECONNREFUSED 192.0.2.1:443 (no answer of the CA "zerossl" to newNonce: ECONNREFUSED)`
    expect(said('newOrder', 503, 'serverInternal', detail)?.class).toBe('ca-unreachable')
  },
)

it("names that the client's key or label does not have are told as such, not as names no CA has", () => {
  for (const who of ['EAB key 95mZk2RICYVareODGQHzqg of "team-a"', 'label "team-a"']) {
    const detail = `Cannot issue for "x.b.example": it is not among the names of the ${who} (acmetap record 1)`
    const found = said('newOrder', 403, 'rejectedIdentifier', detail)
    expect(found).toMatchObject({ class: 'name-refused', fixer: 'acmetap' })
    expect(found?.remedy).toContain('acmetap eab create')
  }
  const ofCa = said('newOrder', 400, 'rejectedIdentifier', 'Cannot issue for "x.b.example": a reserved name')
  expect(ofCa).toMatchObject({ class: 'name-refused', fixer: 'client' })
})

it('an EAB key that the broker does not take leads to eab list', () => {
  const detail =
    'the external account binding is not accepted: its key is unknown here, no longer good, used up, or did not make this MAC; ask the operator of this server'
  const found = said('newAccount', 403, 'unauthorized', detail)
  expect(found).toMatchObject({ class: 'external-account-refused', fixer: 'acmetap' })
  expect(found?.remedy).toContain('acmetap eab list')
})
