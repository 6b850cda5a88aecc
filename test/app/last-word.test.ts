import { expect, test } from 'vitest'
import { LastWord } from '../../src/app/last-word.ts'
import { MINUTE, SETTINGS, vitalsOf, WELL } from '../support/alerts/how-things-stand.ts'

const NOW = Date.parse('2026-03-02T10:00:00.000Z')

/** Titles that are announced; the record is unwritable for a minute at each time. */
async function announced(fault: string | null | Error, ...times: readonly number[]): Promise<string[]> {
  const titles: string[] = []
  const counts = { firing: [], began: [], waiting: [], endpoints: [] }
  const word = new LastWord(
    { counts: async () => (fault instanceof Error ? Promise.reject(fault) : { ...counts, fault }) },
    { announce: ({ title }) => void titles.push(title) },
  )
  for (const at of times)
    await word.consider(vitalsOf(at, { record: { ...WELL, unwritableSince: at - MINUTE } }), SETTINGS)
  return titles
}

test('told past the outbox where the alerts cannot be written or asked', async () => {
  expect(await announced('database or disk is full', NOW)).toHaveLength(1)
  expect(await announced(new Error('disk I/O error'), NOW)).toHaveLength(1)
})

test('left to the alerts where they can be written', async () => {
  expect(await announced(null, NOW)).toEqual([])
})

test('again after the quiet time, and when the clock was set back', async () => {
  const { quiet } = SETTINGS.rules['record-unwritable']
  expect(await announced('full', NOW, NOW + quiet - 1)).toHaveLength(1)
  expect(await announced('full', NOW, NOW + quiet)).toHaveLength(2)
  expect(await announced('full', NOW, NOW - 1)).toHaveLength(2)
})
