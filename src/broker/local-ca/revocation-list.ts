/** Revocation lists (RFC 5280 §5), by hand. */
import { element, enumerated, extension, integer, sequence, time } from '../../acme/der-write.ts'
import { authorityKeyIdentifier, ECDSA_WITH_SHA256, signed } from './authority-certificate.ts'
import type { RevokedSerial } from './local-ca-store.ts'
import type { Signer } from './sign-certificate.ts'

const CRL_NUMBER = '2.5.29.20'
const REASON_CODE = '2.5.29.21'

export interface WantedList {
  readonly number: number
  readonly revoked: readonly RevokedSerial[]
  /** µs since 1970. */
  readonly thisUpdate: number
  readonly nextUpdate: number
}

/** DER. */
export function signRevocationList(
  { number, revoked, thisUpdate, nextUpdate }: WantedList,
  signer: Signer,
): Buffer {
  return signed(
    sequence(
      VERSION_2,
      ECDSA_WITH_SHA256,
      signer.name,
      time(thisUpdate),
      time(nextUpdate),
      // §5.1.2.6: absent where there is none.
      ...(revoked.length === 0 ? [] : [sequence(...revoked.map(entry))]),
      element(
        0xa0,
        sequence(authorityKeyIdentifier(signer.keyIdentifier), extension(CRL_NUMBER, integer(number))),
      ),
    ),
    signer.key,
  )
}

const VERSION_2 = integer(1)

/** §5.3.1: the reason unspecified is said by saying none. */
function entry({ serial, revokedAt, reason }: RevokedSerial): Buffer {
  const why = reason === 0 ? [] : [sequence(extension(REASON_CODE, enumerated(reason)))]
  return sequence(integer(Buffer.from(serial, 'hex')), time(revokedAt), ...why)
}
