import { UsageError } from '../cli-error.ts'
import { type SnippetClient, snippetOf } from '../eab/snippets.ts'
import type { Client, Enrolment, Places } from './client.ts'

/** How each client is told an EAB key (RFC 8555 §7.3.4); those that are not here know no such thing. */
const BINDS: Readonly<Record<string, SnippetClient>> = {
  certbot: 'certbot',
  'certbot-snap': 'certbot',
  'certbot-pip': 'certbot',
  lego: 'lego',
  'acme.sh': 'acme.sh',
  dehydrated: 'dehydrated',
  uacme: 'uacme',
  caddy: 'Caddy',
  traefik: 'Traefik',
  'cert-manager': 'cert-manager',
  'win-acme': 'win-acme',
  mod_md: 'Apache mod_md',
  'node-acme-client': 'acme-client for Node',
  'python3-acme': 'acme for Python',
  'ruby-acme-client': 'acme-client for Ruby',
}

const MAC = 'MAC_KEY'

/** Throws {@link UsageError} for a client that knows no external account binding. */
export function checkBinding({ name, title }: Pick<Client, 'name' | 'title'>): void {
  if (BINDS[name] !== undefined) return
  throw new UsageError(
    `${title} knows no external account binding: lead it to the directory of a label with --label, which counts from the label's networks`,
  )
}

/** What a person must know or do, one sentence or line each. */
export function watchOf(client: Client, enrolment: Enrolment, places: Places): readonly string[] {
  const found = client.watch(enrolment, places)
  if (enrolment.mode !== 'broker') return found
  const kept =
    'acmetap is the ACME server: the client registers an account with it, and whatever it has at the CA stays there, unused.'
  const binds = BINDS[client.name]
  if (enrolment.eab === null || binds === undefined) {
    const key =
      'Where the endpoint asks for an EAB key (broker status says so), make one with acmetap eab create, and print this again with --eab KEY_ID.'
    return [...found, kept, ...(binds === undefined ? [] : [key])]
  }
  const registration = { directory: enrolment.relayed[0]!, kid: enrolment.eab, mac: MAC }
  return [
    ...found,
    kept,
    `Register with the EAB key; ${MAC} is what acmetap eab create told. It belongs in no shell history:`,
    ...snippetOf(binds, registration).map((line) => `  ${line}`),
  ]
}
