import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { type Issuer, issueLeaf, makeRoot } from '../../support/test-ca/certificates.ts'

export const DAY = 86_400_000
export const DIRECTORY = 'https://ca.test/acme/directory'

export interface Made {
  readonly leaf: string
  /** Leaf, then its issuer. */
  readonly chain: string
  readonly key: string
  readonly fingerprint: string
}

export const root: Issuer = makeRoot('Fixture Root')

/** A leaf of the fixture's root, with the key it is for. */
export function made(names: readonly string[], days: number = 60, issuer: Issuer = root): Made {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const leaf = issueLeaf({
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    issuer,
    names: names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
    notBefore: new Date(Date.now() + Math.min(0, days) * DAY - DAY),
    notAfter: new Date(Date.now() + days * DAY),
  })
  return {
    leaf,
    chain: leaf + issuer.pem,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    fingerprint: new X509Certificate(leaf).fingerprint256.replaceAll(':', '').toLowerCase(),
  }
}

/** What must appear nowhere: each line of the key's Base64, and its private number. */
export function secretsOf({ key }: Made): readonly string[] {
  return key.split('\n').filter((line) => /^[\w+/=]{16,}$/.test(line))
}

/** The files of each client for one name; `older` is the certificate that was in use before. */
export function certbotFiles(now: Made, older: Made, name = 'www.a.test'): Record<string, unknown> {
  return {
    [`renewal/${name}.conf`]: `version = 2.1.0\ncert = /etc/letsencrypt/live/${name}/cert.pem\n\n[renewalparams]\naccount = abc\nserver = ${DIRECTORY}\ndns_api_token = CANARY\n`,
    [`archive/${name}/cert1.pem`]: older.leaf,
    [`archive/${name}/chain1.pem`]: root.pem,
    [`archive/${name}/fullchain1.pem`]: older.chain,
    [`archive/${name}/privkey1.pem`]: older.key,
    [`archive/${name}/cert10.pem`]: now.leaf,
    [`archive/${name}/chain10.pem`]: root.pem,
    [`archive/${name}/fullchain10.pem`]: now.chain,
    [`archive/${name}/privkey10.pem`]: now.key,
    [`live/${name}/README`]: 'links',
  }
}

/** To be made beside {@link certbotFiles}. */
export const CERTBOT_LINKS = ['cert', 'chain', 'fullchain', 'privkey'] as const

export function legoFiles(now: Made, older: Made, name = 'www.a.test'): Record<string, unknown> {
  const resource = { domain: name, certUrl: 'https://ca.test/acme/cert/1', certStableUrl: 'x' }
  return {
    [`certificates/${name}.json`]: resource,
    [`certificates/${name}.crt`]: now.chain,
    [`certificates/${name}.issuer.crt`]: root.pem,
    [`certificates/${name}.key`]: now.key,
    [`archives/${name}.1700000000.crt`]: older.chain,
    [`archives/${name}.1700000000.key`]: older.key,
  }
}

export function acmeShFiles(now: Made, _older: Made, name = 'www.a.test'): Record<string, unknown> {
  const packed = Buffer.from(DIRECTORY).toString('base64')
  return {
    [`${name}_ecc/${name}.conf`]: `Le_Domain='${name}'\nLe_Alt='no'\nLe_API='__ACME_BASE64__START_${packed}__ACME_BASE64__END_'\nLe_ReloadCmd='CANARY'\n`,
    [`${name}_ecc/${name}.cer`]: now.leaf,
    [`${name}_ecc/ca.cer`]: root.pem,
    [`${name}_ecc/fullchain.cer`]: now.chain,
    [`${name}_ecc/${name}.key`]: now.key,
    'pending.a.test/pending.a.test.conf': "Le_Domain='pending.a.test'\n",
  }
}

export function dehydratedFiles(now: Made, older: Made, name = 'www.a.test'): Record<string, unknown> {
  const account = Buffer.from(`${DIRECTORY}\n`).toString('base64url')
  return {
    [`accounts/${account}/account_key.pem`]: older.key,
    [`certs/${name}/cert-1700000000.pem`]: older.leaf,
    [`certs/${name}/chain-1700000000.pem`]: root.pem,
    [`certs/${name}/fullchain-1700000000.pem`]: older.chain,
    [`certs/${name}/privkey-1700000000.pem`]: older.key,
    [`certs/${name}/cert-1800000000.pem`]: now.leaf,
    [`certs/${name}/fullchain-1800000000.pem`]: now.chain,
    [`certs/${name}/privkey-1800000000.pem`]: now.key,
    [`certs/${name}/cert-1800000000.csr`]: 'CANARY',
  }
}

export function caddyFiles(now: Made, _older: Made, name = 'www.a.test'): Record<string, unknown> {
  const place = `certificates/ca.test-acme-directory/${name}/${name}`
  return {
    [`${place}.json`]: { sans: [name], issuer_data: { url: 'https://ca.test/acme/cert/9', ca: DIRECTORY } },
    [`${place}.crt`]: now.chain,
    [`${place}.key`]: now.key,
  }
}

export function uacmeFiles(now: Made, older: Made, name = 'www.a.test'): Record<string, unknown> {
  return {
    'private/key.pem': older.key,
    [`private/${name}/key.pem`]: now.key,
    [`${name}/cert.pem`]: now.chain,
    [`${name}/cert-1700000000.pem`]: older.chain,
  }
}

/** As `kubectl get secrets,issuers -o json` prints. The annotation of the last configuration holds the key once more. */
export function kubernetesList(
  secrets: readonly {
    readonly name: string
    readonly made: Made
    readonly issuer?: string
    readonly kind?: string
  }[],
) {
  const items = secrets.map(({ name, made: one, issuer, kind }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: {
      name,
      namespace: 'shop',
      annotations: {
        'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ data: { 'tls.key': one.key } }),
        ...(issuer === undefined ? {} : { 'cert-manager.io/issuer-name': issuer }),
        ...(kind === undefined ? {} : { 'cert-manager.io/issuer-kind': kind }),
      },
    },
    data: {
      'tls.crt': Buffer.from(one.chain).toString('base64'),
      'tls.key': Buffer.from(one.key).toString('base64'),
    },
  }))
  const issuers = [
    { kind: 'Issuer', metadata: { name: 'own', namespace: 'shop' }, spec: { acme: { server: DIRECTORY } } },
    {
      kind: 'ClusterIssuer',
      metadata: { name: 'le' },
      spec: { acme: { server: 'https://acme-v02.api.letsencrypt.org/directory' } },
    },
    {
      kind: 'Secret',
      type: 'Opaque',
      metadata: { name: 'other', namespace: 'shop' },
      data: { password: 'Q0FOQVJZ' },
    },
  ]
  return { apiVersion: 'v1', kind: 'List', items: [...items, ...issuers] }
}
