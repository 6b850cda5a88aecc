import { random } from '../../soak/soak.ts'
import type { Happens } from './happening-world.ts'
import type { AlertConfig } from './settings.ts'

export const STREAM_BEGAN = Date.parse('2026-03-02T10:00:00.000Z')
/** ms between two of them. */
export const STREAM_EVERY = 200

export const STREAM_SETTINGS: AlertConfig = {
  channels: [
    { name: 'ops', webhook: { url: 'https://hooks.example.net/' } },
    { name: 'pager', ntfy: { topic: 'pager' } },
  ],
  wait: '1s',
  interval: '20s',
  rules: { 'validation-failed': { quiet: '5m' } },
}

const CLASSES = ['connection-refused', 'firewall', 'nxdomain', 'http-not-found'] as const

/** Names at three CAs that fail, fail again and are well again, the same for the same seed. */
export function streamOfFailures(size: number, seed: number): Happens[] {
  const next = random(seed)
  const pick = (n: number) => Math.floor(next() * n)
  return Array.from({ length: size }, (_, i) => ({
    kind: next() < 0.7 ? 'failed' : 'validated',
    name: `h${pick(60)}.example.com`,
    at: STREAM_BEGAN + i * STREAM_EVERY,
    ca: `ca-${pick(3)}`,
    class: CLASSES[pick(CLASSES.length)]!,
  }))
}
