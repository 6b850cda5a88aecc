import { expect, it } from 'vitest'
import {
  accountLabel,
  challengeRecordName,
  challengeRecordValue,
} from '../../../src/engine/dns-name/challenge-record.ts'
import { attemptFor } from '../../contract/solver.contract.ts'

it('has the label of the account that the draft shows', () => {
  expect(accountLabel('https://example.com/acme/acct/ExampleAccount')).toBe('_ujmmovf2vn55tgye')
})

it('names the record of both challenges', () => {
  const more = { accountUrl: 'https://example.com/acme/acct/ExampleAccount' }
  expect(challengeRecordName(attemptFor('Example.ORG.', 'dns-01', more))).toBe('_acme-challenge.example.org')
  expect(challengeRecordName(attemptFor('example.org', 'dns-account-01', more))).toBe(
    '_ujmmovf2vn55tgye._acme-challenge.example.org',
  )
})

it('has the digest in base64url without padding', () => {
  // openssl: printf token.thumbprint | openssl dgst -sha256 -binary | base64
  expect(challengeRecordValue('token.thumbprint')).toBe('61rBZ_4knHblO0MNoxFsXZ_eTFUHum0B6IVRbhvUn5I')
})
