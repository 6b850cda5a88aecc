/** What a client is given to register with an EAB key: lines to paste. */
import { quoted } from '../shell-word.ts'

export interface Registration {
  readonly directory: string
  readonly kid: string
  /** base64url. */
  readonly mac: string
}

/** By client, in the words of its own documentation. */
const SNIPPETS = {
  certbot: ({ directory, kid, mac }) => [
    `certbot register --server ${quoted(directory)} --eab-kid ${quoted(kid)} --eab-hmac-key ${quoted(mac)}`,
  ],
  lego: ({ directory, kid, mac }) => [
    `lego --server ${quoted(directory)} --eab --kid ${quoted(kid)} --hmac ${quoted(mac)} … run`,
  ],
  'acme.sh': ({ directory, kid, mac }) => [
    `acme.sh --register-account --server ${quoted(directory)} --eab-kid ${quoted(kid)} --eab-hmac-key ${quoted(mac)}`,
  ],
  dehydrated: ({ directory, kid, mac }) => [
    '# in its config, then: dehydrated --register --accept-terms',
    `CA="${directory}"`,
    `EAB_KID="${kid}"`,
    `EAB_HMAC_KEY="${mac}"`,
  ],
  uacme: ({ directory, kid, mac }) => [`uacme -y -a ${quoted(directory)} -e ${quoted(`${kid}:${mac}`)} new`],
  Caddy: ({ directory, kid, mac }) => [
    '{',
    `\tacme_ca ${directory}`,
    '\tacme_eab {',
    `\t\tkey_id ${kid}`,
    `\t\tmac_key ${mac}`,
    '\t}',
    '}',
  ],
  Traefik: ({ directory, kid, mac }) => [
    'certificatesResolvers:',
    '  acmetap:',
    '    acme:',
    `      caServer: ${directory}`,
    '      eab:',
    `        kid: ${kid}`,
    `        hmacEncoded: ${mac}`,
  ],
  'cert-manager': ({ directory, kid, mac }) => [
    `# kubectl create secret generic acmetap-eab -n cert-manager --from-literal=secret=${mac}`,
    'spec:',
    '  acme:',
    `    server: ${directory}`,
    '    externalAccountBinding:',
    `      keyID: ${kid}`,
    '      keySecretRef: { name: acmetap-eab, key: secret }',
  ],
  'Apache mod_md': ({ directory, kid, mac }) => [
    `MDCertificateAuthority ${directory}`,
    `MDExternalAccountBinding ${kid} ${mac}`,
  ],
  'win-acme': ({ directory, kid, mac }) => [
    `wacs.exe --baseuri ${directory} --eab-key-identifier ${kid} --eab-key ${mac}`,
  ],
  'acme-client for Node': ({ directory, kid, mac }) => [
    `new acme.Client({ directoryUrl: '${directory}', accountKey, externalAccountBinding: { kid: '${kid}', hmacKey: '${mac}' } })`,
  ],
  'acme for Python': ({ kid, mac }) => [
    `messages.ExternalAccountBinding.from_data(account_public_key=key.public_key(), kid='${kid}', hmac_key='${mac}', directory=directory)`,
  ],
  'acme-client for Ruby': ({ kid, mac }) => [
    '# version 2.0.13 and later',
    `client.new_account(contact: contact, terms_of_service_agreed: true, external_account_binding: { kid: '${kid}', hmac_key: '${mac}' })`,
  ],
} satisfies Readonly<Record<string, (registration: Registration) => readonly string[]>>

export type SnippetClient = keyof typeof SNIPPETS

export function snippetOf(client: SnippetClient, registration: Registration): readonly string[] {
  return SNIPPETS[client](registration)
}

/** Of all clients. Ends in a newline. */
export function snippets(registration: Registration): string {
  return Object.entries(SNIPPETS)
    .map(([client, lines]) => `# ${client}\n${lines(registration).join('\n')}\n`)
    .join('\n')
}
