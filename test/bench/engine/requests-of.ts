import type { Pebble } from '../../../src/cli/demo/pebble.ts'

const REQUEST = /\b(GET|HEAD|POST) (\/\S+) -> calling handler/g

/** ACME requests that Pebble's log shows from `from` (a length of it) on: `POST /order-plz` … */
export function requestsOf(pebble: Pebble, from = 0): readonly string[] {
  return [...pebble.log().slice(from).matchAll(REQUEST)].map(([, method, target]) => `${method} ${target}`)
}
