import type { Operation } from '../../src/acme/operation.ts'

/** Pebble's own paths, so that what acmetap learned can be held against what is known. */
const BY_PATH: readonly (readonly [RegExp, Operation])[] = [
  [/^\/dir$/, 'directory'],
  [/^\/nonce-plz$/, 'newNonce'],
  [/^\/sign-me-up$/, 'newAccount'],
  [/^\/my-account\/\w+$/, 'account'],
  [/^\/rollover-account-key$/, 'keyChange'],
  [/^\/list-orderz\/\w+$/, 'orders'],
  [/^\/order-plz$/, 'newOrder'],
  [/^\/my-order\/[\w-]+$/, 'order'],
  [/^\/authZ\/[\w-]+$/, 'authorization'],
  [/^\/chalZ\/[\w-]+$/, 'challenge'],
  [/^\/finalize-order\/[\w-]+$/, 'finalize'],
  [/^\/certZ\/\w+(?:\/alternate\/\d+)?$/, 'certificate'],
  [/\/renewalInfo\/[\w.-]+$/, 'renewalInfo'],
  [/^\/revoke-cert$/, 'revokeCert'],
]

export function pebbleOperation(target: string): Operation {
  return BY_PATH.find(([path]) => path.test(target))?.[1] ?? 'unrecognised'
}
