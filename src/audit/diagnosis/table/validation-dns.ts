import { named, type Row, rows } from './row.ts'

const LOOKED_UP = `looking up "?(?<record>[A-Z]{1,10})"? (?:records? )?for ${named('name')}`
const LOOKUP = `(?:lookup|resolve|resolving|look up) ${named('name')}`
const TXT_OF = `(?:TXT|DNS) records? .{0,60}(?:found )?(?:at|for|from|on|in) ${named('name')}`

/** What a CA says when the DNS was the trouble, or what it found there. */
export const VALIDATION_DNS: readonly Row[] = [
  // dns-persist-01
  ...rows(
    'dns-persist',
    [
      'dns-persist-01',
      '(?<reason>accounturi mismatch)',
      '(?<reason>policy mismatch)',
      '(?<reason>validation time .{0,60} is after persistuntil)',
      'persistuntil',
      '_validation-persist',
      'malformed parameter',
      'issuer-domain-name',
    ],
    { types: ['unauthorized', 'malformed', 'dns', 'incorrectResponse', 'rejectedIdentifier'] },
  ),

  ...rows(
    'dnssec',
    [
      `${LOOKED_UP}: (?<reason>DNSSEC.{0,200})`,
      '(?<reason>dnssec.{0,200})',
      '\\b(?<reason>(?:dnskey|rrsigs?|nsec3?|ds record|signature expired|bogus).{0,100})',
      'validation failure <',
    ],
    {
      types: [
        'dns',
        'caa',
        'unauthorized',
        'connection',
        'serverInternal',
        'unknownHost',
        'incorrectResponse',
      ],
    },
  ),

  // With an address of a reserved block the name resolves, but not for the world.
  ...rows(
    'split-horizon',
    [
      '(?:a|aaaa)? ?record ip address is in a reserved address block',
      '(?:reserved|private|internal|non-public|non-routable|not publicly routable|loopback).{0,30}(?:ip |address|range)',
      'address.{0,60}(?:is|in|from) (?:a )?(?:reserved|private|internal|special|loopback)',
    ],
    {
      types: ['dns', 'connection', 'unauthorized', 'unknownHost', 'malformed'],
      operations: ['challenge', 'authorization', 'order'],
    },
  ),

  ...rows(
    'txt-wrong',
    [
      `incorrect TXT record "?(?<got>[^"]{0,120})"?.{0,40} found (?:at|for) ${named('name')}`,
      'incorrect TXT record',
      'correct value not found for dns challenge',
      `(?:wrong|invalid|unexpected|mismatch|mismatched|bad) TXT (?:record|value)`,
      `TXT (?:record|value)s?.{0,60}(?:does not|did not|doesn't|do not|don't|didn't) (?:match|contain)`,
      'key ?authorization digest',
      'keyauthorization does not match',
      'no matching TXT record',
      'TXT records?.{0,80}mismatch',
    ],
    {
      types: ['unauthorized', 'dns', 'incorrectResponse', 'rejectedIdentifier'],
      challenges: ['dns-01', 'dns-account-01', ''],
    },
  ),
  ...rows(
    'txt-missing',
    [
      `no TXT records? (?:was |were )?found (?:at|for|in|on) (?!DNS challenge)${named('name')}`,
      `no TXT records?`,
      `TXT records?.{0,60}(?:not found|missing|does not exist|were not found|empty)`,
      `(?:could not|cannot|unable to|failed to) find (?:a |any |the )?${TXT_OF}`,
      'no valid TXT record',
    ],
    { types: ['unauthorized', 'dns', 'incorrectResponse', 'rejectedIdentifier', 'malformed', 'connection'] },
  ),

  ...rows(
    'nxdomain',
    [
      `(?<rcode>NXDOMAIN) ${LOOKED_UP}`,
      `${LOOKED_UP}.{0,60}(?<rcode>NXDOMAIN)`,
      `\\b(?<rcode>NXDOMAIN)\\b(?:.{0,60} for ${named('name')})?`,
      `${LOOKUP}(?: on .{1,60})?: no such host`,
      'no such host',
      'unsuccessful response: "?x03',
      'name or service not known',
      'non-?existent domain',
      "domain (?:name )?(?:does not|doesn't) (?:exist|resolve)",
    ],
    {
      types: [
        'dns',
        'unauthorized',
        'connection',
        'caa',
        'unknownHost',
        'incorrectResponse',
        'serverInternal',
        'malformed',
      ],
    },
  ),
  ...rows(
    'servfail',
    [
      `(?<rcode>SERVFAIL) ${LOOKED_UP}`,
      `server failure at resolver(?: ${LOOKED_UP})?`,
      `\\b(?<rcode>SERVFAIL)\\b(?:.{0,60} for ${named('name')})?`,
      `${LOOKUP}(?: on .{1,60})?: server misbehaving`,
      'unsuccessful response: "?x02',
      'nameservers may be malfunctioning',
      '\\bserver failure\\b',
      'lame (?:referral|delegation)',
    ],
    {
      types: [
        'dns',
        'unauthorized',
        'connection',
        'caa',
        'unknownHost',
        'incorrectResponse',
        'serverInternal',
      ],
    },
  ),
  ...rows(
    'dns-timeout',
    [
      `query timed out(?: \\(and was cancell?ed\\))?(?: ${LOOKED_UP})?`,
      `${LOOKUP}(?: on .{1,60})?: (?:i/o timeout|.{0,80}timeout)`,
      'dns (?:query|lookup|request|resolution|problem:).{0,80}(?:timed? ?out|timeout)',
      'read udp .{0,100}i/o timeout',
      'lookup .{1,200}i/o timeout',
    ],
    {
      types: [
        'dns',
        'unauthorized',
        'connection',
        'caa',
        'unknownHost',
        'incorrectResponse',
        'serverInternal',
      ],
    },
  ),
  ...rows(
    'no-address',
    [
      `no valid A records found for ${named('name')}`,
      `no valid (?:IP|IPv4|IPv6|A|AAAA) ?addresses found for ${named('name')}`,
      `no valid (?:ip|ipv4|ipv6)? ?(?:address|AAAA|A record)`,
      `no (?:usable |valid )?(?:ip |ipv4 |ipv6 )?address(?:es)? (?:was |were )?(?:found|available|associated)(?: for ${named('name')})?`,
      `could not resolve (?:url|host|hostname|address|domain)(?: "?(?:https?://)?(?<name>[\\w.*-]{1,255}))?`,
      'unknownhost',
      'unknown host',
      'no A or AAAA',
      'no (?:A|AAAA|address) records?',
      'could not be resolved',
      '(?:unable|failed) to resolve',
    ],
    { types: ['dns', 'unauthorized', 'connection', 'unknownHost', 'incorrectResponse', 'malformed', 'tls'] },
  ),
  ...rows(
    'dns-failure',
    [
      `DNS problem: (?<rcode>[\\w ()]{1,50}?) ${LOOKED_UP}`,
      `DNS problem: ${LOOKED_UP}: (?<reason>.{1,200})`,
      'DNS problem',
      'error retrieving (?:TXT|CAA|A|AAAA) records',
      'unsuccessful response: "?x0?(?<rcode>[0-9a-f]{1,2})',
      '(?:error|failed|unable|failure).{0,30}(?:look(?:ing)? ?up|lookup|resolv|quer).{0,60}(?:TXT|DNS|CNAME|NS|records?)',
      'networking error looking up',
      `${LOOKUP}`,
      'dns (?:query|lookup|resolution|error|server)',
    ],
    {
      types: ['dns', 'unauthorized', 'connection', 'unknownHost', 'incorrectResponse', 'rejectedIdentifier'],
    },
  ),
]
