import { expect, test } from 'vitest'
import { ConfigError } from '../../src/config/config-error.ts'
import { parseConfig } from '../../src/config/load.ts'

const read = (text: string) => parseConfig(`version: 1\n${text}`, '/x/a.yaml', { env: {}, readFiles: false })

function problemsOf(text: string): string[] {
  try {
    read(text)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ path, message, instead }) => `${path} ${message}. ${instead}`)
  }
}

test('what belongs to TLS needs TLS', () => {
  expect(problemsOf('listeners: { admin: { certificate: { chain: a.pem, key: a.key } } }')).toEqual([])
  expect(problemsOf('listeners: { admin: { client_certificates: { trust: a.pem } } }')).toEqual([
    'listeners.admin.client_certificates has no effect without TLS. Write tls: true beside it',
  ])
  expect(problemsOf('listeners: { admin: { tls: true, client_certificates: { trust: a.pem } } }')).toEqual([])
})

test('how long what is kept', () => {
  const { retention } = read('retention: { exchanges: forever, bodies: 30d }').config
  expect(retention).toEqual({ exchanges: 'forever', bodies: 30 * 86_400_000, personal: 400 * 86_400_000 })
  expect(problemsOf('retention: { exchanges: never }')).toEqual([
    expect.stringMatching(/^retention\.exchanges /),
  ])
  expect(problemsOf('retention: { exchanges: 1h }')).toEqual([
    expect.stringMatching(/^retention\.exchanges /),
  ])
})

test('what becomes of personal data', () => {
  expect(read('').config.privacy).toEqual({
    address: 'keep',
    contact: 'keep',
    proxy_user: 'keep',
    user_agent: 'keep',
  })
  expect(problemsOf('privacy: { address: forget }')).toEqual([
    expect.stringMatching(/^privacy\.address .*keep/),
  ])
})
