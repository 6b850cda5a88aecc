import type { Actor } from '../audit/event.ts'

/** Whoever may use the control socket. */
export const LOCAL: Actor = { kind: 'local', token: null, name: null }
