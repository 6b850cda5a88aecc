/**
 * POSIX sh for one machine. It can be run again; every file it changes is kept beside what it left there, so that
 * the undo puts back the very bytes, or takes out its own lines where somebody has changed the file since.
 */

import { watchOf } from '../binding.ts'
import {
  type Client,
  type Enrolment,
  hasOwnServer,
  hostOf,
  noProxy,
  placesOf,
  proxyUrl,
  type Step,
  slugOf,
} from '../client.ts'
import { FUNCTIONS, UNDO_BODY } from './shell-functions.ts'

/** The lines that enrol; they leave `undo` on the machine, which does without acmetap. */
export function shellEnrol(client: Client, enrolment: Enrolment): string {
  const places = placesOf(client)
  return [
    header(client, [
      `Leads ${client.title} on this machine through acmetap, mode ${enrolment.mode}${proxyWords(enrolment)}.`,
      'Run it as root. It can be run again.',
      `Undo, without acmetap: sh ${places.own}/undo`,
      '',
      `Schedule: ${client.schedule}.`,
      ...watchOf(client, enrolment, places),
    ]),
    FUNCTIONS,
    '# Our own folder: the roots, the variables, and what is needed to go back.',
    'begin',
    '',
    rootPart(enrolment),
    undoPart(client),
    needsBundle(client, enrolment) ? bundlePart(client) : '',
    needsStore(client, enrolment) ? storePart(client) : '',
    variablesPart(client, enrolment),
    enrolment.mode === 'sni' ? hostsPart(enrolment) : '',
    ...client.steps(enrolment, places).map(step),
    startersPart(client, enrolment),
    'finish',
    '',
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** The lines that put back what was there before. */
export function shellUndo(client: Client): string {
  return [
    header(client, [
      `Takes ${client.title} on this machine out of acmetap: every file as it was before.`,
      'Run it as root. Where there is nothing to undo it does nothing.',
    ]),
    UNDO_BODY,
  ].join('\n')
}

function header(client: Client, lines: readonly string[]): string {
  const comments = lines.map((line) => `# ${line}`.trimEnd())
  return [
    '#!/bin/sh',
    ...comments,
    'set -eu',
    'umask 022',
    `own=${placesOf(client).own}`,
    `name=${slugOf(client)}`,
    '',
  ].join('\n')
}

function proxyWords(enrolment: Enrolment): string {
  const { mode, proxy, relayed } = enrolment
  if (hasOwnServer(enrolment)) return ` at ${[...new Set(relayed)].join(', ')}`
  return mode === 'sni' ? ` at ${proxy.host}` : ` at ${proxyUrl(proxy)}`
}

/** Who must trust more than one root, or has a setting that replaces the pool. */
function needsBundle({ trust, httpsProxy }: Client, { proxyRoots }: Enrolment): boolean {
  return (
    trust.replacing.length > 0 || trust.bundle === true || (proxyRoots.length > 0 && httpsProxy === 'bundle')
  )
}

function needsStore({ trust, httpsProxy }: Client, { proxyRoots }: Enrolment): boolean {
  return trust.store || (proxyRoots.length > 0 && httpsProxy === 'store')
}

function rootPart(enrolment: Enrolment): string {
  const { proxy, roots, proxyRoots } = enrolment
  const pem = (certificates: Enrolment['roots']) => certificates.map((one) => one.pem.trim()).join('\n')
  const heredoc = (text: string, file: string) => [`cat >"${file}" <<'END_OF_ROOT'`, text, 'END_OF_ROOT']
  const expected = roots.map(({ sha256 }) => sha256).join(' ')
  return [
    hasOwnServer(enrolment)
      ? "# acmetap's listener root, checked by its SHA-256 fingerprint."
      : "# acmetap's root, fetched from acmetap and checked by its SHA-256 fingerprint before anything trusts it.",
    `fingerprints='${expected}'`,
    ...(hasOwnServer(enrolment)
      ? heredoc(pem(roots), '$work/root.pem')
      : [
          `fetch 'http://${proxy.host}:${proxy.port}/root.pem' >"$work/root.pem" ||`,
          `  { say 'acmetap does not answer at http://${proxy.host}:${proxy.port}/root.pem: nothing was changed'; exit 1; }`,
        ]),
    'check_root "$work/root.pem"',
    ...(proxyRoots.length > 0
      ? [
          "# The root of the proxy's own certificate, for the https:// proxy URL.",
          ...heredoc(pem(proxyRoots), '$work/proxy-root.pem'),
          'cat "$work/proxy-root.pem" >>"$work/root.pem"',
        ]
      : []),
    'ours root.pem 644 <"$work/root.pem"',
    '',
  ].join('\n')
}

function bundlePart(client: Client): string {
  const { own } = placesOf(client)
  return [
    `# A bundle of the system's roots and ours: ${
      client.trust.replacing.length > 0 ? client.trust.replacing.join(' and ') : 'the setting'
    } replaces the whole pool.`,
    "# It must be made again whenever the system's changes; the hook below does that where the distribution has one.",
    "ours make-bundle 755 <<'END'",
    '#!/bin/sh',
    `# Makes acmetap's bundle for ${client.name} again: the system's roots and acmetap's.`,
    'set -eu',
    'for system in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do',
    '  [ ! -s "$system" ] || break',
    'done',
    `{ if [ -s "$system" ]; then cat "$system"; echo; fi; cat ${own}/root.pem; } >${own}/bundle.pem.new`,
    `mv -f ${own}/bundle.pem.new ${own}/bundle.pem`,
    'END',
    '"$own/make-bundle"',
    "# Where neither folder is there, run make-bundle by hand after the system's roots have changed.",
    'for hooks in /etc/ca-certificates/update.d /etc/cron.daily; do',
    '  [ -d "$hooks" ] || continue',
    '  put "$hooks/acmetap-$name" 755 <<END',
    '#!/bin/sh',
    "# The system's roots may have changed: acmetap's bundle follows.",
    '[ ! -x $own/make-bundle ] || exec $own/make-bundle',
    'END',
    '  break',
    'done',
    '',
  ].join('\n')
}

function storePart(client: Client): string {
  const why = client.trust.store
    ? `${client.title} trusts the system's store and nothing else`
    : `${client.title} checks an https:// proxy by the system's store`
  return [`# ${why}: the root goes there.`, 'store_root', ''].join('\n')
}

function variablesPart(client: Client, enrolment: Enrolment): string {
  const places = placesOf(client)
  const { trust } = client
  const proxied = client.proxyVariables && enrolment.mode === 'intercept'
  const { proxy } = enrolment
  const file = [
    ...(proxied
      ? proxy.user === null
        ? [`HTTPS_PROXY="${proxyUrl(proxy)}"`, `https_proxy="${proxyUrl(proxy)}"`]
        : [
            `HTTPS_PROXY="${proxy.scheme}://${proxy.user}:$password@${proxy.host}:${proxy.port}"`,
            `https_proxy="${proxy.scheme}://${proxy.user}:$password@${proxy.host}:${proxy.port}"`,
          ]
      : []),
    ...(proxied ? [`NO_PROXY="${noProxy(enrolment)}"`, `no_proxy="${noProxy(enrolment)}"`] : []),
    ...trust.replacing.map((name) => `${name}="${places.bundle}"`),
    ...trust.adding.map((name) => `${name}="${places.root}"`),
  ]
  if (file.length === 0) return ''
  const secret = proxied && proxy.user !== null
  return [
    '# The variables, for this client alone; HTTP_PROXY stays unset, so challenges are fetched as before.',
    ...(secret
      ? [
          `# The password of proxy user ${proxy.user} comes from ACMETAP_PROXY_PASSWORD and goes into a file that only its owner reads.`,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
          'password=$(percent_encode "${ACMETAP_PROXY_PASSWORD:?must hold the password of the proxy user}")',
        ]
      : []),
    `ours env ${secret ? '600' : '644'} <<${secret ? 'END' : "'END'"}`,
    ...file,
    'END',
    "# A command with these variables: run COMMAND. As cron's SHELL it hands its lines to /bin/sh.",
    "ours run 755 <<'END'",
    '#!/bin/sh',
    'set -a',
    `. ${places.env}`,
    'set +a',
    'case $1 in',
    '  -*) exec /bin/sh "$@" ;;',
    'esac',
    'exec "$@"',
    'END',
    '',
  ].join('\n')
}

function hostsPart({ proxy, directories }: Enrolment): string {
  const hosts = [...new Set(directories.map(hostOf))].join(' ')
  return [
    "# This machine finds acmetap under the CA's name. Leave it out where the network's own DNS says so.",
    `address=$(address_of '${proxy.host.replace(/^\[|\]$/g, '')}')`,
    `block /etc/hosts end <<END`,
    `$address ${hosts}`,
    'END',
    '',
  ].join('\n')
}

function step(one: Step): string {
  const path = quoted('path' in one ? one.path : one.paths)
  switch (one.do) {
    case 'file':
      return [
        `# A file of its own, where the client reads it.`,
        `if [ -d "$(dirname ${path})" ]; then`,
        `  put ${path} 644 <<'END'`,
        `${one.text}END`,
        'else',
        `  say ${path}" has no folder: is the client installed?"`,
        'fi',
        '',
      ].join('\n')
    case 'block':
      return [
        `# Lines between two marks in ${one.path}.`,
        `if [ -f ${path} ]; then`,
        `  block ${path} ${one.at} <<'END'`,
        `${one.text}END`,
        'else',
        `  say ${path}" is not there: is the client installed?"`,
        'fi',
        '',
      ].join('\n')
    case 'rewrite':
      return [
        `# ${one.paths}: ${one.why}.`,
        `cat >"$work/forth.sed" <<'END'`,
        ...one.sed,
        'END',
        `cat >"$work/back.sed" <<'END'`,
        ...one.back,
        'END',
        ...forFiles([one.paths], 'rewrite "$file"'),
        '',
      ].join('\n')
  }
}

/** Does `command` with $file for every file of these paths that is there. */
function forFiles(paths: readonly string[], command: string): string[] {
  const line = `if [ -f "$file" ]; then ${command}; fi`
  const [only = ''] = paths
  if (paths.length === 1 && !only.includes('*')) return [`file=${quoted(only)}`, line]
  return [`for file in ${paths.map(unquoted).join(' ')}; do`, `  ${line}`, 'done']
}

/** A path for the shell: quoted, with $HOME expanded. */
function quoted(path: string): string {
  return path.startsWith('$HOME') ? `"${path}"` : path
}

/** As {@link quoted}, but patterns in it count. */
function unquoted(path: string): string {
  return path.startsWith('$HOME') ? `"$HOME"${path.slice('$HOME'.length)}` : path
}

function startersPart(client: Client, enrolment: Enrolment): string {
  const { crons, units } = client
  const { env, run } = placesOf(client)
  const hasVariables = variablesPart(client, enrolment) !== ''
  if (!hasVariables) return ''
  return [
    ...(crons.length > 0
      ? ['# Started by cron: the wrapper is its shell.', ...forFiles(crons, `cron_shell "$file" ${run}`)]
      : []),
    ...(client.platform === 'posix' && !client.steps(enrolment, placesOf(client)).some(sources)
      ? [
          '# Started by systemd: a drop-in for this service and no other.',
          `for unit in \${ACMETAP_UNITS:-${units.join(' ')}}; do`,
          '  [ -d /etc/systemd/system ] || continue',
          '  folder "/etc/systemd/system/$unit.d"',
          '  put "/etc/systemd/system/$unit.d/acmetap.conf" 644 <<\'END\'',
          '[Service]',
          `EnvironmentFile=${env}`,
          'END',
          'done',
        ]
      : []),
    '',
  ].join('\n')
}

/** Clients that read the variables themselves need no drop-in. */
function sources(one: Step): boolean {
  return one.do !== 'rewrite' && one.text.includes('set -a')
}

function undoPart(client: Client): string {
  return [
    '# The way back, kept here.',
    "ours undo 755 <<'END_OF_UNDO'",
    `${shellUndo(client)}END_OF_UNDO`,
    '',
  ].join('\n')
}
