import { constants } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'

/** TLS 1.2 and 1.3 with forward secrecy and authenticated ciphers only; every measured client speaks them. */
export function secureContextOptions(certificate: { chain: string; key: string }): SecureContextOptions {
  return {
    cert: certificate.chain,
    key: certificate.key,
    minVersion: 'TLSv1.2',
    ciphers: [
      'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
      'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305',
      'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305',
    ].join(':'),
  }
}

/**
 * The same, and no session is resumed: a resumed TLS 1.2 session does not tell which server name the client sent, and
 * on listener `sni` that name says which CA a connection is for.
 */
export function withoutResumption(options: SecureContextOptions): SecureContextOptions {
  return { ...options, secureOptions: constants.SSL_OP_NO_TICKET }
}
