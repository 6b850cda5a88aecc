/**
 * PKCS #12 (RFC 7292): key, leaf and chain in one file under a password. Both are encrypted by PBES2 (RFC 8018) with
 * AES-256-CBC under PBKDF2 with HMAC-SHA256; the MAC is HMAC-SHA256. Java (since 8u301), OpenSSL (since 1.0), NSS and
 * Windows (since 10 1709) read that; nothing weaker is written.
 */
import {
  createCipheriv,
  createHash,
  createHmac,
  createPrivateKey,
  pbkdf2,
  randomBytes,
  X509Certificate,
} from 'node:crypto'
import { promisify } from 'node:util'
import { bmpString, explicit, integer, NULL, octets, oid, sequence, set } from './der-writer.ts'

const derive = promisify(pbkdf2)

export interface Pkcs12Contents {
  /** PKCS #8 PEM. */
  readonly key: string
  /** PEM, leaf first. */
  readonly certificates: readonly string[]
  /** Shown by programs that list what is in it; Java's alias. */
  readonly friendlyName: string
  readonly password: string
}

/** As Java's; each attempt at the password costs so many HMACs. */
const ITERATIONS = 10_000

const DATA = '1.2.840.113549.1.7.1'
const ENCRYPTED_DATA = '1.2.840.113549.1.7.6'
const SHROUDED_KEY_BAG = '1.2.840.113549.1.12.10.1.2'
const CERT_BAG = '1.2.840.113549.1.12.10.1.3'
const X509_CERTIFICATE = '1.2.840.113549.1.9.22.1'
const FRIENDLY_NAME = '1.2.840.113549.1.9.20'
const LOCAL_KEY_ID = '1.2.840.113549.1.9.21'
const PBES2 = '1.2.840.113549.1.5.13'
const PBKDF2 = '1.2.840.113549.1.5.12'
const HMAC_SHA256 = '1.2.840.113549.2.9'
const AES_256_CBC = '2.16.840.1.101.3.4.1.42'
const SHA256 = '2.16.840.1.101.3.4.2.1'

/** DER of a PFX. Throws for what is no key or certificate. */
export async function pkcs12(contents: Pkcs12Contents): Promise<Buffer> {
  const { key, certificates, friendlyName, password } = contents
  const [leaf, ...others] = certificates.map((pem) => new X509Certificate(pem).raw)
  if (leaf === undefined) throw new Error('there is no certificate to put into a PKCS #12 file')
  const keyInfo = createPrivateKey(key).export({ type: 'pkcs8', format: 'der' })
  // RFC 7292 §4.2: what has the same id belongs together.
  const attributes = set(
    attribute(FRIENDLY_NAME, bmpString(friendlyName)),
    attribute(LOCAL_KEY_ID, octets(createHash('sha1').update(leaf).digest())),
  )
  const keys = sequence(
    sequence(
      oid(SHROUDED_KEY_BAG),
      explicit(0, sequence(...(await encrypted(keyInfo, password, octets)))),
      attributes,
    ),
  )
  const bags = sequence(certificateBag(leaf, attributes), ...others.map((one) => certificateBag(one)))
  const safe = sequence(
    sequence(
      oid(ENCRYPTED_DATA),
      explicit(
        0,
        sequence(
          integer(0),
          // RFC 5652 §8: the content is [0] IMPLICIT OCTET STRING.
          sequence(oid(DATA), ...(await encrypted(bags, password, implicitOctets))),
        ),
      ),
    ),
    sequence(oid(DATA), explicit(0, octets(keys))),
  )
  const salt = randomBytes(20)
  const mac = createHmac('sha256', macKey(password, salt)).update(safe).digest()
  return sequence(
    integer(3),
    sequence(oid(DATA), explicit(0, octets(safe))),
    sequence(sequence(sequence(oid(SHA256), NULL), octets(mac)), octets(salt), integer(ITERATIONS)),
  )
}

function certificateBag(der: Buffer, attributes?: Buffer): Buffer {
  const certificate = sequence(oid(X509_CERTIFICATE), explicit(0, octets(der)))
  return sequence(oid(CERT_BAG), explicit(0, certificate), ...(attributes === undefined ? [] : [attributes]))
}

function attribute(type: string, value: Buffer): Buffer {
  return sequence(oid(type), set(value))
}

function implicitOctets(content: Buffer): Buffer {
  const whole = octets(content)
  whole[0] = 0x80
  return whole
}

/** AlgorithmIdentifier and ciphertext. PBES2 takes the password as UTF-8 (RFC 8018 §3). */
async function encrypted(
  plain: Buffer,
  password: string,
  wrap: (content: Buffer) => Buffer,
): Promise<[algorithm: Buffer, content: Buffer]> {
  const salt = randomBytes(16)
  const iv = randomBytes(16)
  const key = await derive(Buffer.from(password, 'utf8'), salt, ITERATIONS, 32, 'sha256')
  const cipher = createCipheriv('aes-256-cbc', key, iv)
  const algorithm = sequence(
    oid(PBES2),
    sequence(
      sequence(
        oid(PBKDF2),
        sequence(octets(salt), integer(ITERATIONS), integer(32), sequence(oid(HMAC_SHA256), NULL)),
      ),
      sequence(oid(AES_256_CBC), octets(iv)),
    ),
  )
  return [algorithm, wrap(Buffer.concat([cipher.update(plain), cipher.final()]))]
}

/** Bytes that SHA-256 takes at once, as RFC 7292 appendix B needs to know it. */
const BLOCK = 64

/** RFC 7292 appendix B.2 with ID 3; one round of SHA-256 gives all that the MAC needs. */
function macKey(password: string, salt: Buffer): Buffer {
  // Appendix B.1: big-endian UTF-16 and two zero bytes.
  const text = Buffer.from(`${password}\0`, 'utf16le').swap16()
  let digest = createHash('sha256')
    .update(Buffer.alloc(BLOCK, 3))
    .update(filled(salt))
    .update(filled(text))
    .digest()
  for (let round = 1; round < ITERATIONS; round++) digest = createHash('sha256').update(digest).digest()
  return digest
}

/** Repeated up to the next multiple of a block. */
function filled(bytes: Buffer): Buffer {
  return Buffer.alloc(Math.ceil(bytes.length / BLOCK) * BLOCK, bytes)
}
