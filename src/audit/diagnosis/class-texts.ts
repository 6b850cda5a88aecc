import type { DiagnosisClass, Fixer } from './classes.ts'

/**
 * What is said of a class. `{name}` stands for a detail; what stands in `[ ]` is left out where a detail in it is not
 * known. `variants` say it more closely for values of the detail `by`. docs/failures.md quotes these texts.
 */
export interface ClassText {
  readonly cause: string
  readonly remedy: string
  readonly fixer: Fixer
  readonly by?: string
  readonly variants?: Readonly<Record<string, Partial<Pick<ClassText, 'cause' | 'remedy' | 'fixer'>>>>
}

const PROBE = 'acmetap doctor domain NAME shows what can be seen from here.'

const HTTP: Partial<Record<DiagnosisClass, ClassText>> = {
  firewall: {
    cause:
      'A firewall drops what the CA sends[ to {address}], or nothing is there: no connection came about.',
    remedy: `Open port 80 (443 for tls-alpn-01) to the whole Internet, or check that the address is right. ${PROBE}`,
    fixer: 'network',
  },
  'slow-server': {
    cause: 'The server took the connection[ at {address}] and did not answer in time.',
    remedy:
      'Look at the load of the server, and at a rate limiter or tarpit before it; then let the client try again.',
    fixer: 'server',
  },
  'connection-refused': {
    cause: 'Nothing listens on the port the CA connected to[ at {address}].',
    remedy: `Start the web server (or the client's own) on port 80, or 443 for tls-alpn-01, before the challenge is answered. ${PROBE}`,
    fixer: 'server',
  },
  'connection-reset': {
    cause: 'The connection[ to {address}] was broken off before an answer came.',
    remedy:
      'Look for an intrusion filter or a web application firewall that cuts requests of the CA, and for a web server that crashes.',
    fixer: 'network',
  },
  'network-unreachable': {
    cause: 'The CA has no route to the address[ {address}] of the name.',
    remedy: 'Check that the A and AAAA records hold addresses that are announced to the Internet.',
    fixer: 'network',
  },
  'http-not-found': {
    cause: 'The server answered, and the challenge file is not there (404).',
    remedy: `Let the client write into the folder that the site of this name serves as /.well-known/acme-challenge/. ${PROBE}`,
    fixer: 'server',
  },
  'http-status': {
    cause: 'The server answered the challenge with HTTP status[ {status}].',
    remedy: 'Let /.well-known/acme-challenge/ be served without login, filter or rewrite, with status 200.',
    fixer: 'server',
  },
  'wrong-body': {
    cause: 'The server answered with another text than the key authorization of this account.',
    remedy:
      'Let only one client answer challenges of this name: two accounts, an old file or a fixed answer (RFC 8555 §8.1) stand behind this.',
    fixer: 'client',
  },
  'other-server': {
    cause: 'Another server answered[: {server}]: what came back is a web page, not a challenge file.',
    remedy: `Point the name at the server of the client, or pass /.well-known/acme-challenge/ through to it (CDN, parking page, default site). ${PROBE}`,
    fixer: 'server',
  },
  'some-backends': {
    cause: 'Only some of the servers behind this name have the challenge file.',
    remedy:
      'Send /.well-known/acme-challenge/ of all servers to one place (shared folder, proxy rule), or use dns-01.',
    fixer: 'server',
  },
  'redirect-loop': {
    cause: 'The challenge URL redirects in a circle, or too many times.',
    remedy: 'Take /.well-known/acme-challenge/ out of the redirects of the site.',
    fixer: 'server',
  },
  'bad-redirect': {
    cause: 'The challenge URL redirects to where the CA does not follow[: {target}].',
    remedy:
      "Redirect to http on port 80 or https on port 443 of a host name only. A missing '/' before $request_uri is the usual slip.",
    fixer: 'server',
  },
  'tls-on-http-port': {
    cause: 'A server speaks HTTP where the CA was led to speak TLS, or the other way round.',
    remedy: 'Serve plain HTTP on port 80 and TLS on port 443; look at the redirects between them.',
    fixer: 'server',
  },
  'wrong-aaaa': {
    cause:
      'The CA connected over IPv6[ to {address}] and did not find the server it needs there[ ({inner})].',
    remedy: `Correct or remove the AAAA record, or let the same site listen on IPv6. ${PROBE}`,
    fixer: 'dns',
  },
  'split-horizon': {
    cause: 'The name leads the CA to an internal address[ ({address})].',
    remedy:
      'Publish the public address in the public zone, or use dns-01. With a CA inside the network this address is right: then look at the server itself.',
    fixer: 'dns',
  },
  alpn: {
    cause: 'The server on port 443 does not answer tls-alpn-01 as RFC 8737 asks.',
    remedy:
      'Let TLS reach the client untouched (no CDN, no terminating load balancer on 443), or use another challenge.',
    fixer: 'server',
  },
  'secondary-validation': {
    cause:
      'The CA succeeded from one place and failed from others[ ({inner})]: what it sees depends on where it looks from.',
    remedy:
      'Lift blocks by country, cloud or address for port 80 and for name servers, and wait until all name servers agree.',
    fixer: 'network',
  },
}

const DNS: Partial<Record<DiagnosisClass, ClassText>> = {
  nxdomain: {
    cause: 'The name[ {name}] does not exist in the DNS[ (asked for {record})].',
    remedy: `Create the record, or correct the name in the request; after a new delegation wait for the parent zone. ${PROBE}`,
    fixer: 'dns',
  },
  servfail: {
    cause: 'The name servers[ of {name}] answer wrongly or not at all (SERVFAIL)[; asked for {record}].',
    remedy: `Check every name server of the zone and its delegation, and DNSSEC. ${PROBE}`,
    fixer: 'dns',
  },
  'dns-timeout': {
    cause: 'The name servers[ of {name}] did not answer the CA in time[; asked for {record}].',
    remedy:
      'Let UDP and TCP port 53 of every name server be reached from everywhere, also for CAA and unknown types.',
    fixer: 'dns',
  },
  dnssec: {
    cause: 'DNSSEC of the zone[ of {name}] is broken[: {reason}].',
    remedy:
      'Renew the signatures, or put the DS record at the parent right (remove it where the zone is not signed).',
    fixer: 'dns',
  },
  'no-address': {
    cause: 'The name[ {name}] has no address the CA could connect to.',
    remedy: 'Add an A or AAAA record with a public address, or use dns-01.',
    fixer: 'dns',
  },
  'dns-failure': {
    cause: 'A DNS query of the CA failed[ ({rcode})][ for {name}].',
    remedy: `Check every name server of the zone. ${PROBE}`,
    fixer: 'dns',
  },
  'txt-missing': {
    cause: 'The CA found no TXT record[ at {name}].',
    remedy: `Check that the client writes into the zone that is public, follows the CNAME and waits until it shows. ${PROBE}`,
    fixer: 'dns',
  },
  'txt-wrong': {
    cause: 'The TXT record[ at {name}] holds another value than this challenge.',
    remedy:
      'Remove old _acme-challenge records, wait for their TTL, and let only one client write them. For a name and its wildcard both values must stand side by side.',
    fixer: 'dns',
  },
  'txt-not-everywhere': {
    cause: 'The TXT record was not yet on all name servers when the CA looked; a later try succeeded.',
    remedy:
      'Let the client wait longer after writing (its propagation setting), or ask each name server before it answers.',
    fixer: 'client',
  },
  'dns-persist': {
    cause: 'The _validation-persist record does not allow this request[: {reason}].',
    remedy:
      'Publish the record with this account as accounturi, policy=wildcard where needed, and no persistUntil in the past.',
    fixer: 'dns',
  },
  'wildcard-without-dns': {
    cause: 'A wildcard can only be validated by DNS, and this client was not set up for it.',
    remedy: 'Use dns-01 (or dns-persist-01) for this certificate, or name each host instead of the wildcard.',
    fixer: 'client',
  },
  caa: {
    cause: 'CAA records[ of {name}] do not allow this CA (or this account or method) to issue.',
    remedy: `Add the CA's domain to the CAA records, or use the CA they name; look at accounturi and validationmethods too. ${PROBE}`,
    fixer: 'dns',
  },
}

const ABANDONED: Partial<Record<DiagnosisClass, ClassText>> = {
  'challenge-not-answered': {
    cause: 'The client ordered and never answered the challenge.',
    remedy:
      'Read the log of the client: its hook or plugin failed before it told the CA, or it offers no challenge the CA has.',
    fixer: 'client',
  },
  'order-not-finalized': {
    cause: 'All names were validated, and the client never sent its CSR.',
    remedy: 'Read the log of the client: it stopped, or lost the order, between validation and finalize.',
    fixer: 'client',
  },
  'certificate-not-downloaded': {
    cause: 'The certificate was issued and never fetched.',
    remedy:
      'Let the client fetch it: the answer to finalize was probably lost. Each new order for the same names counts against the limits.',
    fixer: 'client',
  },
}

const LIMITS: Partial<Record<DiagnosisClass, ClassText>> = {
  'rate-limit': {
    cause: 'A rate limit of the CA is used up[: {limit}][ for {key}][, until {until}].',
    remedy: 'Wait[ until {until}]; trying earlier spends more. Find out which client asks so often.',
    fixer: 'client',
    by: 'limit',
    variants: {
      unknown: { cause: 'A limit of the CA is used up[, until {until}]; it does not say which.' },
      NewRegistrationsPerIPAddress: {
        cause: 'Too many accounts were made from this address[, until {until}].',
        remedy: 'Keep the account key: containers without a volume make a new account with every start.',
      },
      NewRegistrationsPerIPv6Range: {
        cause: 'Too many accounts were made from this IPv6 /48[, until {until}].',
        remedy: 'Keep the account key: containers without a volume make a new account with every start.',
      },
      NewOrdersPerAccount: {
        cause: 'Too many orders of this account[, until {until}].',
        remedy: 'Wait[ until {until}], spread renewals over the day, and let clients renew by ARI.',
      },
      CertificatesPerDomain: {
        cause:
          'Too many new certificates under one registered domain[ ({key})] within a week[, until {until}].',
        remedy: 'Put several names in one certificate, use a wildcard, or ask the CA for a higher limit.',
      },
      CertificatesPerFQDNSet: {
        cause: 'The same set of names was issued too often in a week[, until {until}].',
        remedy:
          'Find the client that issues again and again (full disk, container without a volume, reset on deploy), and use the certificate that exists.',
      },
      FailedAuthorizationsPerDomainPerAccount: {
        cause: 'Too many failed validations[ of {key}] within an hour[, until {until}].',
        remedy:
          'Mend the cause of the failed validations first, with the staging CA; then wait[ until {until}].',
      },
      FailedAuthorizationsForPausingPerDomainPerAccount: {
        cause: 'Validation[ of {key}] failed so often in a row that the CA pauses the account for it.',
        remedy: 'Mend the validation, then unpause the account.',
      },
    },
  },
  'ca-busy': {
    cause: 'The CA has too much to do, or too many requests came from this address at once.',
    remedy:
      'Nothing is lost: clients that heed Retry-After come again. Spread renewals; cas.<name>.pacing paces them.',
    fixer: 'ca',
  },
  'account-paused': {
    cause: 'The CA paused this account[ for {names}], because validation failed too long.',
    remedy:
      'Stop the clients that ask for names that no longer exist, mend the others, then open the unpause link (for admins only) once.',
    fixer: 'client',
  },
}

const REQUESTS: Partial<Record<DiagnosisClass, ClassText>> = {
  'bad-csr': {
    cause: 'The CA does not take the CSR.',
    remedy:
      'Let the client make a fresh key and CSR: RSA 2048 to 4096 or P-256/P-384, another key than the account, no extras.',
    fixer: 'client',
  },
  'csr-names': {
    cause: 'The CSR names others than the order.',
    remedy: 'Let the client put exactly the names of the order in the CSR, as subjectAltName.',
    fixer: 'client',
  },
  'bad-nonce': {
    cause: 'The nonce was used before, or is too old.',
    remedy:
      'Nothing, where it happens now and then: clients take the new nonce and go on. Clients that do not are out of date.',
    fixer: 'nobody',
  },
  'nonce-storm': {
    cause: 'One client is refused nonces again and again.',
    remedy:
      'Look for a cache between client and CA that keeps Replay-Nonce, for two processes with one account, and for a client without a bound on tries.',
    fixer: 'client',
  },
  'external-account-required': {
    cause: 'The CA opens accounts only with external account binding (EAB).',
    remedy: 'Get a key id and an HMAC key from the CA and set them in the client.',
    fixer: 'client',
  },
  'external-account-refused': {
    cause: 'The CA did not accept the external account binding (EAB).',
    remedy:
      'Check key id and HMAC key (base64url, not used before, not expired); many CAs take each pair once.',
    fixer: 'client',
    by: 'why',
    variants: {
      broker: {
        cause:
          'The EAB key that the client gave this server is unknown, revoked, expired, spent, or has another MAC key.',
        remedy:
          'acmetap exchanges show ID has the key id that was given; acmetap eab list says how that key is. Is it good, the MAC key is wrong: acmetap eab create makes another.',
        fixer: 'acmetap',
      },
    },
  },
  'terms-not-agreed': {
    cause: "The CA's terms of service were not agreed to, or have changed.",
    remedy: 'Agree in the client (--agree-tos or the like), for this account.',
    fixer: 'client',
  },
  'account-unknown': {
    cause: 'The CA does not know this account.',
    remedy:
      'Let the client register anew: the account is of another CA (staging?) or the CA lost it. In mode relay the host name belongs to the account.',
    fixer: 'client',
  },
  'account-inactive': {
    cause: 'The account was deactivated or revoked.',
    remedy: 'It cannot come back: let the client make a new account with a new key.',
    fixer: 'client',
  },
  'contact-refused': {
    cause: 'The CA does not take the contact address.',
    remedy: 'Give an e-mail address of a real domain, as mailto:, or none.',
    fixer: 'client',
  },
  'bad-signature': {
    cause: 'The CA could not verify the signature of the request.',
    remedy:
      'Let the client sign with the key of its account and an algorithm the CA has (RS256, ES256). Something on the way may have changed the body.',
    fixer: 'client',
  },
  'bad-key': {
    cause:
      'The CA does not take this key: too weak, of a wrong type, known to be compromised or in use elsewhere.',
    remedy: 'Make a new key: RSA 2048 or more, P-256 or P-384.',
    fixer: 'client',
  },
  'wrong-url': {
    cause:
      'The client signed another URL than the one the request arrived at[: {expected} was expected, {got} came].',
    remedy:
      'Give the client the directory URL by the host name that listener acme and relay use; no path prefix and no rewriting proxy may stand between.',
    fixer: 'client',
  },
  'malformed-request': {
    cause: 'The CA could not read the request, or did not like its form.',
    remedy: 'Bring the client up to date; acmetap exchanges show ID has the request as it was.',
    fixer: 'client',
  },
  'name-refused': {
    cause: 'The CA does not issue for this name[: {name}].',
    remedy:
      'Correct the name. Reserved, internal and blocked names need a private CA, or a word with the CA.',
    fixer: 'client',
    by: 'why',
    variants: {
      broker: {
        cause: "The client's EAB key or label does not have this name[: {name}].",
        remedy:
          'Ask for names of the key, which acmetap eab list shows; or make a key that has the name (acmetap eab create), and register the client with it.',
        fixer: 'acmetap',
      },
    },
  },
  'identifier-unsupported': {
    cause: 'The CA does not issue for this type of identifier.',
    remedy: 'Ask for DNS names; for IP addresses use a CA and profile that has them (RFC 8738).',
    fixer: 'client',
  },
  'profile-refused': {
    cause: 'The CA does not have the profile[ {profile}], or not for this account or these names.',
    remedy: "Take a profile that the CA's directory lists under meta.profiles, or none.",
    fixer: 'client',
  },
  'replaces-refused': {
    cause: 'The CA did not accept what the order says it replaces (ARI).',
    remedy: 'Order without replaces: the certificate was replaced already, or is of another account or CA.',
    fixer: 'client',
  },
  'order-not-ready': {
    cause: 'The order[ is {status} and] cannot be finalized.',
    remedy:
      'Let the client wait for status ready and finalize once. After an invalid order it must order anew.',
    fixer: 'client',
  },
  'not-the-owner': {
    cause: 'The object belongs to another account.',
    remedy: 'Let the client use the account it ordered with.',
    fixer: 'client',
  },
  'not-found': {
    cause: 'The CA does not have this object, or no longer.',
    remedy: 'Let the client read the directory again and order anew.',
    fixer: 'client',
    by: 'url',
    variants: {
      unknown: {
        cause: 'The CA has nothing at this URL: the client keeps an old one, or one of another CA.',
        remedy:
          'Let the client read the directory again; acmetap exchanges show ID has the URL. Where all clients get this, check cas.<name>.directory.',
      },
    },
  },
  'revocation-refused': {
    cause: 'The CA did not revoke the certificate.',
    remedy: 'Revoke with the key or the account of the certificate, with reason 0, 1, 3, 4, 5 or none.',
    fixer: 'client',
  },
  'already-revoked': {
    cause: 'The certificate was revoked before.',
    remedy: 'Nothing.',
    fixer: 'nobody',
  },
}

const HERE: Partial<Record<DiagnosisClass, ClassText>> = {
  'ca-internal': {
    cause: 'The CA had an error of its own[ ({status})].',
    remedy: "Look at the CA's status page; clients may come again later.",
    fixer: 'ca',
  },
  'ca-unreachable': {
    cause: 'acmetap could not reach the CA[: {failure}].',
    remedy: 'Run acmetap doctor; look at egress, cas.<name>.egress and the firewall on the way out.',
    fixer: 'network',
    by: 'failure',
    variants: {
      nameNotResolved: {
        cause: 'The name of the CA could not be resolved.',
        remedy: 'Check the DNS servers of this machine, or set egress.resolvers or cas.<name>.addresses.',
      },
      connectTimeout: {
        cause: 'No connection to the CA came about in time.',
        remedy: 'Let acmetap out to the CA on port 443, or set egress.proxy.',
      },
      connectRefused: {
        cause: 'The CA, or what stands before it, refused the connection.',
        remedy:
          'Check cas.<name>.directory and that the CA is up; a way out through a proxy is set by egress.proxy.',
      },
      responseTimeout: {
        cause: 'The CA did not answer in time.',
        remedy: "Look at the CA's status page; cas.<name>.timeout gives it longer.",
        fixer: 'ca',
      },
      reset: {
        cause: 'The connection to the CA broke before its answer was complete.',
        remedy: 'Clients try again. Where it goes on, look for a filter on the way out that cuts TLS.',
      },
      addressRefused: {
        cause: 'The name leads to an address acmetap does not connect to: an internal one, or its own.',
        remedy:
          'Set egress.resolvers or cas.<name>.addresses to what the CA really has; for other hosts name them in intercept.other_hosts.',
        fixer: 'acmetap',
      },
      proxyRefused: {
        cause: 'The proxy on the way out refused the connection.',
        remedy:
          'Check egress.proxy, egress.username and egress.password_file, and let that proxy allow the CA.',
      },
    },
  },
  'ca-certificate': {
    cause: "acmetap does not trust the CA's TLS certificate.",
    remedy:
      'Set cas.<name>.trust to the roots of a private CA. With a public one somebody breaks TLS on the way out: let that filter leave the CA alone.',
    fixer: 'acmetap',
  },
  'ca-answer': {
    cause:
      'What answered does not speak ACME[ (status {status})]: a filter, an error page, or another server.',
    remedy:
      'Check cas.<name>.directory, and what stands between acmetap and the CA; acmetap exchanges show ID has the answer.',
    fixer: 'ca',
  },
  'refused-by-acmetap': {
    cause: 'acmetap refused the request[ (rule {rule})].',
    remedy: 'The text of the refusal names the key of the configuration.',
    fixer: 'acmetap',
    by: 'rule',
    variants: {
      'unknown-host': {
        cause: 'No CA is configured for the host name of the request.',
        remedy: 'Add the host to relay, or give the client the directory URL that acmetap enroll prints.',
      },
      'other-host': {
        cause: 'The client asked for a host that is no CA of the configuration.',
        remedy: 'Name it in intercept.other_hosts, or set NO_PROXY for it at the client.',
      },
      'relay-refused': {
        cause: 'This CA does not work in mode relay: it builds its URLs from its own host name.',
        remedy: 'Use mode intercept (intercept.cas) for this CA: acmetap enroll prints what clients need.',
      },
      'body-too-large': {
        cause: 'The request was larger than any ACME request.',
        remedy: 'Find out what sends it: it is no ACME client.',
        fixer: 'client',
      },
    },
  },
  'ambiguous-request': {
    cause: 'The request can be read in more than one way, so that acmetap did not send it.',
    remedy:
      'Bring the client up to date; acmetap exchanges show ID says where. Report it where the client is a known one.',
    fixer: 'client',
  },
  'policy-denied': {
    cause: 'The policy denies what was asked for[ (rule {rule})].',
    remedy:
      'Ask for what the policy allows: the text of the refusal says why, whom to ask and where to read on. acmetap policy explain ID shows every rule.',
    fixer: 'client',
    by: 'rule',
    variants: {
      default: {
        cause: 'No rule of the policy allows what was asked for.',
        remedy:
          'Where it should pass, add a rule that allows it: acmetap policy explain ID shows which rules came near.',
        fixer: 'acmetap',
      },
      'policy:unrecognised': {
        cause: 'The policy denies a request that is none acmetap knows of this CA.',
        remedy:
          'Let the client read the directory again and order anew: it keeps an old URL, or one that it got past acmetap.',
      },
      'policy:unknown-order': {
        cause: 'The order was not made through acmetap, so nobody can say for which names it is.',
        remedy: 'Let the client order anew through acmetap.',
      },
      'policy:name': {
        cause: 'A name is written as no policy can judge it, so it is refused rather than repaired.',
        remedy:
          'Let the client write the name as the refusal says: lower-case A-labels (xn--…), no trailing dot, addresses as type ip.',
      },
      'policy:identifier-type': {
        cause: 'The order is for a type of identifier that no policy can judge.',
        remedy: 'Ask for DNS names or IP addresses.',
      },
      'policy:csr': {
        cause: 'The CSR cannot be read strictly, or names others than its order.',
        remedy:
          'Let the client make a new CSR with exactly the names of the order; the text of the refusal says what is wrong.',
      },
    },
  },
  'acmetap-busy': {
    cause: 'acmetap could not take the request in time.',
    remedy:
      'Clients come again after Retry-After. Look at limits.in_flight, limits.wait and the disk of the record.',
    fixer: 'acmetap',
  },
  interrupted: {
    cause: 'The exchange was cut off before its end: the client went away, or acmetap stopped.',
    remedy: 'Nothing where it was one. The CA may have acted: look at the order before issuing again.',
    fixer: 'nobody',
  },
  unclassified: {
    cause: 'The table has no line for this text yet.',
    remedy: 'Read the text itself. acmetap failures counts such texts by shape, so that the table can grow.',
    fixer: 'nobody',
  },
}

export const CLASS_TEXTS = { ...HTTP, ...DNS, ...ABANDONED, ...LIMITS, ...REQUESTS, ...HERE } as Readonly<
  Record<DiagnosisClass, ClassText>
>
