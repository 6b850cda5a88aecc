/** What makes a web server answer http-01 for an account by itself: every token, from its URL and a thumbprint. */

export interface StaticLines {
  readonly nginx: string
  readonly apache: string
  readonly caddy: string
  readonly haproxy: string
}

/** RFC 8555 §8.1, §8.3. Each belongs into the part of the configuration that serves the name on port 80. */
export function staticLines(thumbprint: string): StaticLines {
  if (!/^[A-Za-z0-9_-]{43}$/.test(thumbprint)) throw new TypeError('not a thumbprint of SHA-256')
  return {
    nginx: [
      'location ~ "^/\\.well-known/acme-challenge/([A-Za-z0-9_-]+)$" {',
      '    default_type text/plain;',
      `    return 200 "$1.${thumbprint}";`,
      '}',
    ].join('\n'),
    // MATCH_ACMETAP is the group of that name; a redirect with 200 answers with the document for 200.
    apache: [
      '<LocationMatch "^/\\.well-known/acme-challenge/(?<acmetap>[A-Za-z0-9_-]+)$">',
      '    Require all granted',
      `    ErrorDocument 200 "%{env:MATCH_ACMETAP}.${thumbprint}"`,
      '    Redirect 200',
      '</LocationMatch>',
    ].join('\n'),
    // Caddy sorts directives: a redir beside these lines would come before them.
    caddy: [
      '# A redirect of the whole site belongs into a block of its own: handle { redir https://{host}{uri} }',
      '@acmetap path_regexp token ^/\\.well-known/acme-challenge/([A-Za-z0-9_-]+)$',
      'handle @acmetap {',
      `    respond "{re.token.1}.${thumbprint}" 200`,
      '}',
    ].join('\n'),
    haproxy: [
      'acl acmetap path_reg ^/\\.well-known/acme-challenge/[A-Za-z0-9_-]+$',
      `http-request return status 200 content-type text/plain lf-string "%[path,field(-1,/)].${thumbprint}" if acmetap`,
    ].join('\n'),
  }
}
