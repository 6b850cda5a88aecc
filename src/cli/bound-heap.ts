import { setFlagsFromString } from 'node:v8'

/**
 * Collect garbage sooner than V8 does by itself: it lets the heap of a busy server grow to several times what lives in
 * it, and thousands of connections that come and go then cost twice their memory. To be called before anything large
 * is loaded.
 */
export function boundHeap(): void {
  // Per cent by which the old generation may grow between two collections.
  setFlagsFromString('--heap-growing-percent=40')
  // MiB; half of what a 64-bit V8 takes.
  setFlagsFromString('--max-semi-space-size=8')
}
