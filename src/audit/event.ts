/**
 * What is in the record beside exchanges: things that were done to it or with it. One fact each, of kind `event`, in
 * the same chain; its `exchange` is an id of its own.
 */

import type { PolicyMode } from '../exchange/decision.ts'

/** Who did it. */
export interface Actor {
  /** `local`: over the control socket. `token`: over the admin listener. `acmetap`: of its own accord. */
  readonly kind: 'local' | 'token' | 'acmetap'
  /** Id and name of the token; null for the others. */
  readonly token: string | null
  readonly name: string | null
}

export const ACMETAP: Actor = { kind: 'acmetap', token: null, name: null }

export type EventDetails =
  /** Certificates read from files. The chains are repeating blobs, one for each, PEM, leaf first. */
  | {
      readonly event: 'imported'
      readonly host: string
      /** Their client takes neither proxy nor root: only imports tell of it. */
      readonly unmanaged: boolean
      readonly certificates: readonly ImportedCertificate[]
    }
  | {
      readonly event: 'exported'
      readonly what: string
      readonly filter: Readonly<Record<string, string>>
      readonly rows: number
    }
  /** A list that was asked for with a token. The filter is personal under `query`. */
  | { readonly event: 'searched'; readonly what: string }
  | {
      readonly event: 'tokenCreated'
      readonly token: string
      readonly name: string
      readonly role: string
      readonly expires: number | null
    }
  | { readonly event: 'tokenRevoked'; readonly token: string; readonly name: string }
  /** Facts or values that were removed for their age. */
  | {
      readonly event: 'pruned'
      readonly what: 'exchanges' | 'bodies' | 'personal'
      /** µs since 1970: what was older went. */
      readonly before: number
      readonly removed: number
      /** Of exchanges: the last fact that goes. The chain begins behind it. */
      readonly last: null | { readonly sequence: number; readonly digest: string }
    }
  /** Alerts that are kept quiet, and that they are told again before the silence had ended. Which: personal under `query`. */
  | { readonly event: 'silenced'; readonly silence: string; readonly until: string }
  | { readonly event: 'silenceEnded'; readonly silence: string }
  /** A place that acmetap connects to from now on, or no longer. */
  | { readonly event: 'endpointAdded' | 'endpointRemoved'; readonly endpoint: string }
  /** Somebody had a notification sent. */
  | { readonly event: 'channelTested'; readonly channel: string; readonly ok: boolean }
  /**
   * A policy came into force, at a start or by a reload; null where none is any more. Its digest is that of a kept body
   * that it can be made from again (policy/recorded-policy.ts).
   */
  | {
      readonly event: 'policyLoaded'
      readonly digest: string | null
      /** Digest of the one before it. */
      readonly replaced: string | null
      readonly file: string | null
      readonly mode: PolicyMode | null
      readonly rules: number
    }
  /** Somebody had the engine do something; `subject`: the certificate, CA or plan, as they named it. */
  | { readonly event: 'engineAsked'; readonly action: EngineAction; readonly subject: string }
  /** A key for external account binding of the broker. Its MAC key is nowhere in the record. */
  | {
      readonly event: 'eabKeyCreated'
      readonly key: string
      readonly label: string
      readonly names: readonly string[]
      readonly endpoints: readonly string[]
      readonly cas: readonly string[]
      readonly uses: number | null
      readonly expires: number | null
    }
  | { readonly event: 'eabKeyRevoked'; readonly key: string; readonly label: string }
  /** Somebody revoked what a local CA had signed; `reason` in the words of RFC 5280 §5.3.1. */
  | {
      readonly event: 'localCertificateRevoked'
      readonly ca: string
      readonly serial: string
      readonly reason: string
    }
  /** A CA was taken for dead by order, or no longer; `labels` null: for every client. */
  | {
      readonly event: 'drillStarted' | 'drillStopped'
      readonly ca: string
      readonly labels: readonly string[] | null
      /** µs since 1970. */
      readonly until: number
    }
  /** A person's values were erased. What they were is nowhere. */
  | {
      readonly event: 'forgotten'
      readonly kinds: readonly string[]
      readonly values: number
      readonly bodies: number
    }

export const ENGINE_ACTIONS = [
  'issue',
  'renew',
  'revoke',
  'register',
  'updateContact',
  'rollOver',
  'deactivate',
  'makePlan',
  'applyPlan',
  'registerDns',
  'removeDns',
] as const
export type EngineAction = (typeof ENGINE_ACTIONS)[number]

export interface ImportedCertificate {
  /** Lower-case hex, of the leaf. */
  readonly fingerprint: string
  /** Of the PEM text that is kept (hex). */
  readonly chain: string
  /** The file it came from, as the importer named it. */
  readonly path: string
  /** Of the configuration, where the file told the CA; else null. */
  readonly ca: string | null
  /** certbot, lego, acme.sh, dehydrated, caddy, pem, kubernetes, csv. */
  readonly format: string
}

export type EventContent = EventDetails & { readonly actor: Actor; readonly instance: string }
