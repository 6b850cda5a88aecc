import type { Client, Enrolment, Format } from './client.ts'
import { ansible } from './formats/ansible.ts'
import { cloudInit } from './formats/cloud-init.ts'
import { kubernetes } from './formats/kubernetes.ts'
import { powershellEnrol, powershellUndo } from './formats/powershell.ts'
import { shellEnrol, shellUndo } from './formats/shell.ts'

/** A format that makes no sense for a client; the message says why and what instead. */
export class NoSuchFormat extends Error {}

/** The text that enrols, or that undoes it. Throws {@link NoSuchFormat}. */
export function render(client: Client, enrolment: Enrolment, format: Format, undo: boolean): string {
  if (format === 'kubernetes') {
    if (client.container === null) {
      throw new NoSuchFormat(
        `${client.title} is not run in Kubernetes; use --format shell, ansible or cloud-init`,
      )
    }
    return kubernetes(client, enrolment, client.container, undo)
  }
  return wrapped(client, scriptOf(client, enrolment, undo), format, undo)
}

/** True where the way back needs nothing but what the enrolment left on the machine: no CA, no root, no proxy. */
export function undoesAlone({ platform }: Client, format: Format): boolean {
  return platform === 'posix' && format !== 'kubernetes'
}

/** The way back for a client that {@link undoesAlone}. */
export function renderUndo(client: Client, format: Format): string {
  return wrapped(client, shellUndo(client), format, true)
}

function wrapped(client: Client, script: string, format: Format, undo: boolean): string {
  if (format === 'shell') return script
  if (client.platform === 'kubernetes') {
    throw new NoSuchFormat(
      `${client.title} lives in Kubernetes; use --format kubernetes, or shell for kubectl`,
    )
  }
  return format === 'ansible' ? ansible(client, script, undo) : cloudInit(client, script, undo)
}

function scriptOf(client: Client, enrolment: Enrolment, undo: boolean): string {
  switch (client.platform) {
    case 'posix':
      return undo ? shellUndo(client) : shellEnrol(client, enrolment)
    case 'windows':
      return undo ? powershellUndo(client, enrolment) : powershellEnrol(client, enrolment)
    case 'kubernetes':
      return kubectl(client, enrolment, undo)
  }
}

/** The Kubernetes format handed to kubectl by a script. */
function kubectl(client: Client, enrolment: Enrolment, undo: boolean): string {
  return [
    '#!/bin/sh',
    `# ${undo ? 'Takes' : 'Leads'} ${client.title} ${undo ? 'out of' : 'through'} acmetap in the cluster kubectl is set to.`,
    'set -eu',
    "kubectl apply --server-side --force-conflicts --field-manager=acmetap -f - <<'END'",
    `${kubernetes(client, enrolment, client.container!, undo)}END`,
    '',
  ].join('\n')
}
