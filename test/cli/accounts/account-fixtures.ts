import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { calculateJwkThumbprint } from 'jose'

export const ACCOUNT = 'https://ca.test/acme/acct/1'

export interface TestKey {
  readonly pem: string
  /** The traditional form: `EC PRIVATE KEY`, `RSA PRIVATE KEY`. */
  readonly traditional: string
  readonly privateJwk: Record<string, unknown>
  readonly publicJwk: Record<string, unknown>
  readonly thumbprint: string
}

export async function ecKey(namedCurve = 'P-256'): Promise<TestKey> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve })
  return testKey(privateKey, publicKey, privateKey.export({ type: 'sec1', format: 'pem' }).toString())
}

export async function rsaKey(): Promise<TestKey> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return testKey(privateKey, publicKey, privateKey.export({ type: 'pkcs1', format: 'pem' }).toString())
}

async function testKey(privateKey: KeyObject, publicKey: KeyObject, traditional: string): Promise<TestKey> {
  const publicJwk = publicKey.export({ format: 'jwk' }) as Record<string, unknown>
  return {
    pem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    traditional,
    privateJwk: privateKey.export({ format: 'jwk' }) as Record<string, unknown>,
    publicJwk,
    thumbprint: await calculateJwkThumbprint(publicJwk),
  }
}

/** Write `files` (name → text, or a value to be written as JSON) below `folder`. */
export async function writeTree(folder: string, files: Readonly<Record<string, unknown>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  }
}

export function certbotFiles(key: TestKey, account = ACCOUNT): Record<string, unknown> {
  return {
    'accounts/ca.test/directory/0123/regr.json': { body: {}, uri: account },
    'accounts/ca.test/directory/0123/private_key.json': key.privateJwk,
    'accounts/ca.test/directory/0123/meta.json': { creation_dt: '2026-11-22T01:21:23Z', creation_host: 'x' },
  }
}

export function legoFiles(key: TestKey, account = ACCOUNT): Record<string, unknown> {
  return {
    'accounts/ca.test/a@b.test/account.json': {
      email: 'a@b.test',
      registration: { body: { status: 'valid' }, uri: account },
    },
    'accounts/ca.test/a@b.test/keys/a@b.test.key': key.traditional,
  }
}

export function acmeShFiles(key: TestKey, account = ACCOUNT): Record<string, unknown> {
  return {
    'ca/ca.test/directory/account.key': key.traditional,
    'ca/ca.test/directory/account.json': '{"status":"valid","contact":["mailto:a@b.test"]}',
    'ca/ca.test/directory/ca.conf': `CA_EAB_HMAC_KEY='EAB-CANARY'\nCA_EMAIL='a@b.test'\nACCOUNT_URL='${account}'\nCA_KEY_HASH='x='\n`,
  }
}

export function dehydratedFiles(key: TestKey, account = ACCOUNT): Record<string, unknown> {
  return {
    'accounts/aHR0cHM6Ly9jYS50ZXN0Cg/account_key.pem': key.pem,
    'accounts/aHR0cHM6Ly9jYS50ZXN0Cg/account_id.json': `{"url":"${account}"}\n`,
    'accounts/aHR0cHM6Ly9jYS50ZXN0Cg/registration_info.json': { status: 'valid' },
  }
}

export function caddyFiles(key: TestKey, account = ACCOUNT): Record<string, unknown> {
  return {
    'acme/ca.test-directory/users/a@b.test/a.json': {
      status: 'valid',
      contact: ['mailto:a@b.test'],
      termsOfServiceAgreed: true,
      orders: '',
      location: account,
    },
    'acme/ca.test-directory/users/a@b.test/a.key': key.traditional,
    'certificates/ca.test-directory/www.b.test/www.b.test.json': {
      sans: ['www.b.test'],
      issuer_data: { url: 'x' },
    },
    'certificates/ca.test-directory/www.b.test/www.b.test.key': 'CERTIFICATE-KEY-CANARY',
    'certificates/ca.test-directory/www.b.test/www.b.test.crt': 'x',
  }
}
