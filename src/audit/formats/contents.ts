import { parseJson } from '../../exchange/parse-json.ts'
import type { RecordedExchange } from '../record-store.ts'

/** Which bodies a format reads. */
export interface Needs {
  readonly payload: boolean
  readonly answer: boolean
}

/** The bodies of an exchange as far as they are kept and were asked for. */
export interface Contents {
  /** The payload of the JWS, parsed; undefined where there is none, or it is not JSON. */
  readonly payload: unknown
  /** The answer's body, and the JSON value it is. */
  readonly answer: unknown
  readonly answerBytes: Buffer | null
}

export const NO_CONTENTS: Contents = { payload: undefined, answer: undefined, answerBytes: null }

/** Reads a body by its digest, or a personal one by its salted digest; null when it is not kept. */
export type ReadBody = (exchange: string, digest: string) => Promise<Buffer | null>

export async function contentsOf(
  { id, intent, outcome }: RecordedExchange,
  needs: Needs,
  read: ReadBody,
): Promise<Contents> {
  const fetch = (wanted: boolean, digest: string | null | undefined) =>
    wanted && digest ? read(id, digest) : Promise.resolve(null)
  const payload = await fetch(needs.payload, intent.jws?.payload ?? intent.personal.payload)
  const answer = await fetch(needs.answer, outcome?.body?.stored ?? outcome?.personal.responseBody)
  return { payload: parseJson(payload), answer: parseJson(answer), answerBytes: answer }
}
