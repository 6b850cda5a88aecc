import { createColors } from 'picocolors'
import { expect, test } from 'vitest'
import { ProgressBoard, progressLine } from '../../../src/cli/engine/progress-board.ts'
import { watchEvents } from '../../../src/cli/engine/watch-events.ts'
import type { EngineProgress } from '../../../src/engine/progress.ts'

const step = (job: string, to: 'ordered' | 'done' | 'failed'): EngineProgress => ({
  ...{ kind: 'step', job, certificate: `c${job}`, step: to },
})
const name = (job: string, text: string, state: 'presenting' | 'valid' = 'presenting'): EngineProgress => ({
  ...{ kind: 'name', job, certificate: `c${job}`, name: text, state, text: `${state} now` },
})

test('a line for each name while there are few, counts where there are many', () => {
  const board = new ProgressBoard()
  expect(board.take(step('1', 'ordered'))).toBeNull()
  for (let n = 1; n <= 20; n += 1) board.take(name('1', `n${n}.example`))
  expect(board.lines(80)).toHaveLength(21)
  expect(board.lines(80)[1]).toBe('  n1.example  presenting now')
  board.take(name('1', 'n1.example', 'valid'))
  board.take(name('1', 'n21.example'))
  expect(board.lines(80)).toEqual(['c1: ordered; the names are being proved (1 valid, 20 presenting)'])
})

test('lines fit, show only themselves, and those of jobs that ended stay', () => {
  const board = new ProgressBoard()
  board.take({ ...name('1', `${'x'.repeat(100)}.example`), text: '\u001b[2J' } as EngineProgress)
  for (const line of board.lines(40)) {
    expect([...line].length).toBeLessThan(40)
    expect(line).not.toContain('\u001b')
  }
  expect(board.take(step('1', 'done'))).toBe('c1: done')
  expect(board.lines(40)).toEqual([])
  expect(board.take({ kind: 'note', job: null, certificate: null, text: 'hello' })).toBe('hello')
})

test('a thousand certificates take no more than a screen', () => {
  const board = new ProgressBoard()
  for (let n = 0; n < 1000; n += 1) board.take(step(String(n), 'ordered'))
  expect(board.lines(80)).toHaveLength(21)
  expect(board.lines(80).at(-1)).toBe('and 980 more')
})

test('waiting is shown until something else happens', () => {
  const board = new ProgressBoard()
  const wait = {
    kind: 'wait',
    job: '1',
    certificate: 'c1',
    until: 3_723_000_000,
    text: 'the CA asks for it',
  } as const
  board.take(wait)
  expect(board.lines(80)).toEqual(['c1: waits until 01:02:03 UTC: the CA asks for it'])
  expect(progressLine(wait)).toBe('c1: waits until 01:02:03 UTC: the CA asks for it')
  board.take(step('1', 'ordered'))
  expect(board.lines(80)).toEqual(['c1: ordered; the names are being proved'])
})

test('on a terminal the block is drawn over, and is gone at the end', async () => {
  let written = ''
  const terminal = {
    ...{ env: {}, columns: 80, live: true, colors: createColors(false), folder: '/' },
    now: () => 0,
    write(text: string) {
      written += text
    },
    warn: () => undefined,
  }
  const events: (EngineProgress | { readonly kind: 'end' })[] = [
    step('1', 'ordered'),
    name('1', 'a.example'),
    step('1', 'done'),
    { kind: 'end' },
  ]
  const end = await watchEvents({
    terminal,
    json: false,
    begin: async function* () {
      yield* events
    },
    interrupted: () => 'never',
  })
  expect(end).toEqual({ kind: 'end' })
  expect(screen(written)).toEqual(['c1: done'])
})

/** What a terminal shows that knows these codes. */
function screen(text: string): string[] {
  const lines: string[] = []
  let row = 0
  for (const part of text.split(/(\u001b\[\d*[AJ]|\r|\n)/)) {
    const code = /^\u001b\[(\d*)([AJ])$/.exec(part)
    if (code?.[2] === 'A') row -= Number(code[1])
    else if (code?.[2] === 'J') lines.length = row
    else if (part === '\n') row += 1
    else if (part !== '\r' && part !== '') lines[row] = part
  }
  return lines
}
