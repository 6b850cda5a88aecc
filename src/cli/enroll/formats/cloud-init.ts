import { Document, Scalar } from 'yaml'
import { type Client, slugOf } from '../client.ts'

/** User data that writes the shell format's lines and runs them at the first boot. */
export function cloudInit(client: Client, script: string, undo: boolean): string {
  const text = new Scalar(script)
  text.type = Scalar.BLOCK_LITERAL
  if (client.platform === 'windows') return `#ps1_sysnative\n${script}`
  const file = `/root/acmetap-enroll-${slugOf(client)}`
  const document = new Document({
    write_files: [{ path: file, permissions: '0700', owner: 'root:root', content: text }],
    runcmd: [
      ['sh', file],
      ['rm', '-f', file],
    ],
  })
  document.commentBefore = ` Made by acmetap enroll ${client.name} --format cloud-init${undo ? ' --undo' : ''}.`
  return `#cloud-config\n${document.toString({ lineWidth: 0 })}`
}
