import { named, type Row, rows } from './row.ts'

const COUNT = '(?: \\((?<count>\\d{1,9})\\))?'
const WINDOW = '(?:.{0,40}? in the last (?<window>\\d[\\w.]{0,20}(?: (?:minutes?|hours?|days?))?))?'
const SET = '(?:identifiers?|domains?|names?|host ?names?)'

const limit = (name: string, patterns: readonly string[], types?: readonly string[]) =>
  rows('rate-limit', patterns, { details: { limit: name }, ...(types && { types }) })

/** Boulder's names; texts of its present and its older wordings. What has no name is `unknown`. */
export const LIMITS: readonly Row[] = [
  ...rows('account-paused', [
    `(?:temporarily|currently) (?:prevented|paused|blocked|unable).{0,60}requesting certificates? for (?<names>.{1,300}?)(?: and possibly others|\\. please visit|\\. |$)`,
    'account.{0,60}(?:is|has been) (?:temporarily )?paused',
    'sfe/v1/unpause',
    'to unpause',
  ]),
  ...limit('NewRegistrationsPerIPv6Range', [
    `too many (?:new )?(?:registrations|accounts)${COUNT} (?:from|for) this (?:/\\d{1,3} (?:subnet|range|block)|ip(?:v6)? (?:address )?(?:range|subnet))${WINDOW}`,
  ]),
  ...limit('NewRegistrationsPerIPAddress', [
    `too many (?:new )?(?:registrations|accounts|account creations)${COUNT}(?: (?:from|for) this ip(?: address)?)?${WINDOW}`,
    'too many (?:registrations|accounts) (?:from|for|per)',
    'newregistrationsperipaddress',
  ]),
  ...limit('NewOrdersPerAccount', [
    `too many (?:new )?orders${COUNT} (?:from|for|by) this account${WINDOW}`,
    'too many new orders (?:recently|created)',
    'too many (?:new )?orders',
    'newordersperaccount',
  ]),
  ...limit('FailedAuthorizationsForPausingPerDomainPerAccount', [
    'failedauthorizationsforpausing',
    'too many consecutive failed (?:authorizations|validations)',
  ]),
  ...limit('FailedAuthorizationsPerDomainPerAccount', [
    `too many failed (?:authorizations?|validations?)${COUNT} for ${named('key')}${WINDOW}`,
    'too many failed (?:authorizations?|validations?|challenges?)',
    'too many (?:invalid|recent) (?:authorizations?|validations?)',
    'failedauthorizationsperdomain',
  ]),
  ...limit('CertificatesPerFQDNSet', [
    `too many (?:duplicate )?certificates?${COUNT} already issued for (?:this |the )?exact (?:same )?set of ${SET}(?:: (?<key>[^:]{1,300}?)(?=, retry after|: see|$))?${WINDOW}`,
    'exact set of',
    'duplicate certificates?',
    'certificatesperfqdnset',
  ]),
  ...limit('CertificatesPerDomain', [
    `too many certificates?${COUNT} already issued for:? (?!this |the |exact)${named('key')}${WINDOW}`,
    `too many certificates?${COUNT}.{0,40} for (?:registered )?domain ${named('key')}`,
    'too many certificates? (?:already )?issued',
    'certificatesperdomain',
  ]),
  ...limit('PendingAuthorizations', ['too many (?:currently )?pending authorizations?']),
  ...rows(
    'ca-busy',
    [
      'service busy',
      'retry later',
      'server (?:is )?(?:too )?busy',
      'overloaded',
      'temporarily unavailable',
      'too many concurrent',
      'capacity',
    ],
    { types: ['rateLimited', 'serverInternal', 'unavailable'] },
  ),
  ...limit(
    'unknown',
    [
      `rate.?limit(?:s|ed|ing)?.{0,60}(?:exceed|reached|hit|too many|violat)`,
      '(?:exceed|reached|hit|too many|violat).{0,60}rate.?limit',
      'too many (?:requests|certificates|failed|attempts|orders|authorizations|calls|names|registrations)',
      '(?:quota|limit) (?:has been |was |is )?(?:exceeded|reached)',
      'exceed(?:s|ed|ing)? (?:the |your |its )?[\\w -]{0,60}(?:quota|limit)',
      'ridiculously excessive traffic',
      'reached .{0,40}(?:quota|limit)',
    ],
    ['rateLimited', 'userActionRequired'],
  ),
]
