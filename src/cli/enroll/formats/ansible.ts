import { Document, Scalar } from 'yaml'
import { type Client, placesOf, slugOf } from '../client.ts'

/** A playbook that runs the same lines as the shell format; `changed` and `failed` are the script's own words. */
export function ansible(client: Client, script: string, undo: boolean): string {
  const windows = client.platform === 'windows'
  const file = `/root/acmetap-enroll-${slugOf(client)}`
  const text = new Scalar(script)
  text.type = Scalar.BLOCK_LITERAL
  const run = windows
    ? [{ name: `${verb(undo)} ${client.title}`, 'ansible.windows.win_powershell': { script: text } }]
    : [
        {
          name: 'The lines that acmetap printed',
          'ansible.builtin.copy': { dest: file, mode: '0700', content: text },
        },
        {
          name: `${verb(undo)} ${client.title}`,
          'ansible.builtin.command': { argv: ['sh', file] },
          environment: {
            ACMETAP_PROXY_PASSWORD: "{{ acmetap_proxy_password | default('') }}",
            ACMETAP_UNITS: "{{ acmetap_units | default('') }}",
          },
          register: 'acmetap',
          changed_when: "'nothing to' not in acmetap.stderr",
        },
        {
          name: 'No trace of them',
          'ansible.builtin.file': { path: file, state: 'absent' },
        },
      ]
  const play = {
    name: `${client.title}: ${undo ? 'out of' : 'through'} acmetap`,
    hosts: "{{ acmetap_hosts | default('all') }}",
    become: !windows,
    serial: "{{ acmetap_serial | default(['1', '10%', '100%']) }}",
    tasks: run,
  }
  const document = new Document([play])
  document.commentBefore = [
    ` Made by acmetap enroll ${client.name} --format ansible${undo ? ' --undo' : ''}.`,
    ' One host first, then a tenth, then all: -e acmetap_serial=… changes that.',
    ...(windows ? [] : [` On the hosts everything is in ${placesOf(client).own}.`]),
  ].join('\n')
  return document.toString({ lineWidth: 0 })
}

function verb(undo: boolean): string {
  return undo ? 'Undo for' : 'Enrol'
}
